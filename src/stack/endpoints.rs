//! The addresses at which people find the web services.

use super::urls::origin;
use super::web::{Balancer, Scheme};
use super::{Runs, Stack};
use crate::config::Config;
use crate::model::{Endpoint, Input};

/// The addresses of the web services: those of whole hosts first, then by task.
pub fn endpoints(config: &Config, stack: &Stack) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for (task, wanted) in stack.tasks.values().filter_map(|task| Some((task, config.tasks.get(&task.key)?))) {
        let Runs::Service(run) = &task.runs else { continue };
        let Some(web) = &run.web else { continue };
        let path = web.paths.first().map(|pattern| start(pattern)).unwrap_or_default();
        for domain in &web.domains {
            let has_record = stack.web.aliases.contains_key(&(domain.clone(), web.scheme));
            let url = format!("{}{path}", origin(config, wanted, domain));
            let point_to = if has_record { None } else { balancer(stack, web.scheme) };
            // A pattern is no address that can be opened.
            let order = (domain.contains('*'), !path.is_empty());
            found.push((order, Endpoint { task: task.key.clone(), url, point_to }));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, endpoint)| endpoint).collect()
}

/// What a path pattern begins with: `/api/` of `/api/*`.
fn start(pattern: &str) -> &str {
    let start = pattern.split(['*', '?']).next().unwrap_or_default();
    if start == "/" { "" } else { start }
}

/// The DNS name of a load balancer.
fn balancer(stack: &Stack, scheme: Scheme) -> Option<Input<String>> {
    stack.web.balancers.get(&scheme).map(|balancer| match balancer {
        Balancer::Own(_) => Input::of(stack.names.address("load_balancer", scheme.word()), "dns_name"),
        Balancer::Shared(shared) => Input::Known(shared.dns_name.clone()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::parse;
    use crate::stack::facts::{BalancerFact, Facts, WebFacts};
    use crate::stack::web::{SharedBalancer, Zone};

    const SHOP: &str = "
app: {name: shop}
domain: shop.example.com
tasks:
  api: {type: https, image: a, path: '/api/*'}
  any: {type: https, image: a, domain: ['*.example.com', www.example.com]}
  web: {type: https, image: a}
  job: {type: task, image: a}
";

    fn told(text: &str, balancer: BalancerFact, records: bool) -> Vec<String> {
        let config = parse("fargate-stack.yml", text).unwrap();
        let scheme = Scheme::of(&config, config.tasks.values().find(|task| task.kind.is_web()).unwrap());
        let zone = Zone { id: "Z1".into(), name: "example.com".into() };
        let domains = ["shop.example.com", "*.example.com", "www.example.com", "plain.example.com"];
        let zones = domains.iter().filter(|_| records);
        let web = WebFacts {
            balancers: BTreeMap::from([(scheme, balancer)]),
            zones: zones.map(|domain| (((*domain).to_owned(), scheme), zone.clone())).collect(),
            ..WebFacts::default()
        };
        let stack = Stack::new(&config, Facts { web, ..Facts::default() });
        let line = |one: &Endpoint| {
            let point_to = match &one.point_to {
                None => String::new(),
                Some(Input::Known(name)) => format!(" → {name}"),
                Some(Input::Pending(to)) => format!(" → {}.{}", to.address, to.output),
            };
            format!("{} {}{point_to}", one.task, one.url)
        };
        endpoints(&config, &stack).iter().map(line).collect()
    }

    fn own() -> BalancerFact {
        BalancerFact::Own {
            name: "shop-alb".into(),
            arn: None,
            subnets: Vec::new(),
            listeners: BTreeMap::new(),
        }
    }

    #[test]
    fn services_are_found_by_host_and_the_start_of_their_path_patterns_last() {
        let expected = [
            "any https://www.example.com",
            "web https://shop.example.com",
            "api https://shop.example.com/api/",
            "any https://*.example.com",
        ];
        assert_eq!(told(SHOP, own(), true), expected);
    }

    #[test]
    fn without_a_record_the_name_must_be_pointed_to_the_load_balancer() {
        let plain = "
app: {name: shop}
tasks:
  web: {type: http, image: a, domain: plain.example.com}
alb: {port: 8080}
";
        assert_eq!(
            told(plain, own(), false),
            ["web http://plain.example.com:8080 → load_balancer.internal.dns_name"]
        );
        let balancer = SharedBalancer {
            arn: String::new(),
            name: "front".into(),
            dns_name: "front-1.eu-west-1.elb.amazonaws.com".into(),
            zone_id: String::new(),
            security_group: "sg-1".into(),
        };
        let shared = BalancerFact::Shared { balancer, listeners: BTreeMap::new() };
        assert_eq!(
            told(plain, shared, false),
            ["web http://plain.example.com:8080 → front-1.eu-west-1.elb.amazonaws.com"]
        );
    }
}
