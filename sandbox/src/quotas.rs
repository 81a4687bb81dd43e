//! Service Quotas: the few that a Fargate stack runs into, with the values of AWS unless control says otherwise.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::ecs::ids::Place;
use crate::ecs::json::{int, text};

/// Service, code, name, value that AWS gives.
type Row = (&'static str, &'static str, &'static str, f64);

const ROWS: &[Row] = &[
    ("fargate", "L-3032A538", "Fargate On-Demand vCPU resource count", 6.0),
    ("fargate", "L-36FBB829", "Fargate Spot vCPU resource count", 6.0),
    ("ecs", "L-21C621EB", "Clusters per account", 10_000.0),
    ("ecs", "L-9EF96962", "Services per cluster", 5_000.0),
    ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50.0),
    ("elasticloadbalancing", "L-B22855CB", "Target Groups per Region", 3_000.0),
    ("elasticloadbalancing", "L-7E6692B2", "Targets per Application Load Balancer", 1_000.0),
    ("elasticloadbalancing", "L-B6DF7632", "Listeners per Application Load Balancer", 50.0),
    ("vpc", "L-F678F1CE", "VPCs per Region", 5.0),
    ("vpc", "L-E79EC296", "VPC security groups per Region", 2_500.0),
    ("vpc", "L-0EA8095F", "Inbound or outbound rules per security group", 60.0),
    ("vpc", "L-2AFB9258", "Security groups per network interface", 5.0),
];

/// Account, region, service and code.
type Key = (String, String, String, String);

/// The quotas that control has set.
#[derive(Debug, Default)]
pub struct Quotas {
    values: BTreeMap<Key, f64>,
}

/// A quota as a test wants it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewQuota {
    /// Account; the default account when absent.
    pub account: Option<String>,
    /// Region; the default region when absent.
    pub region: Option<String>,
    service: String,
    code: String,
    value: f64,
}

impl Quotas {
    /// Sets a quota, also one that the sandbox does not know.
    pub fn set(&mut self, account: &str, region: &str, new: &NewQuota) {
        let key = (account.to_owned(), region.to_owned(), new.service.clone(), new.code.clone());
        self.values.insert(key, new.value);
    }

    /// Forgets what was set, for one account or all.
    pub fn forget(&mut self, account: Option<&str>) {
        self.values.retain(|(name, ..), _| account.is_some_and(|one| one != name));
    }

    /// Answers one call.
    pub fn call(
        &self,
        account: &str,
        region: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Value, Refusal> {
        let place = Place::new(account, region);
        let service = text(input, "ServiceCode").unwrap_or_default();
        let own = !operation.contains("Default");
        let of_service = self.of(&place, service, own);
        if of_service.is_empty() {
            return Err(absent());
        }
        match operation {
            "GetServiceQuota" | "GetAWSDefaultServiceQuota" => {
                let code = text(input, "QuotaCode").unwrap_or_default();
                let found = of_service.into_iter().find(|quota| text(quota, "QuotaCode") == Some(code));
                found.map(|quota| json!({ "Quota": quota })).ok_or_else(absent)
            }
            "ListServiceQuotas" | "ListAWSDefaultServiceQuotas" => listed(of_service, input),
            _ => Err(Refusal::not_emulated("servicequotas", operation, "not asked")),
        }
    }

    /// The quotas of a service: those of AWS and, of the account's `own`, those that control has set.
    fn of(&self, place: &Place, service: &str, own: bool) -> Vec<Value> {
        let mut all: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
        for (_, code, name, value) in ROWS.iter().filter(|(of, ..)| *of == service) {
            all.insert(code, (name, *value));
        }
        let set = self.values.iter().filter(|((account, region, of, _), _)| {
            own && *account == place.account && *region == place.region && of == service
        });
        for ((.., code), value) in set {
            let name = all.get(code.as_str()).map_or("A quota", |(name, _)| name);
            all.insert(code, (name, *value));
        }
        let shown = all.into_iter().map(|(code, (name, value))| {
            json!({
                "ServiceCode": service,
                "ServiceName": service,
                "QuotaArn": place.arn_of("servicequotas", &format!("{service}/{code}")),
                "QuotaCode": code,
                "QuotaName": name,
                "Value": value,
                "Unit": "None",
                "Adjustable": true,
                "GlobalQuota": false,
            })
        });
        shown.collect()
    }
}

fn absent() -> Refusal {
    Refusal::new(
        "NoSuchResourceException",
        "The request failed because the specified service or quota does not exist.",
    )
}

/// One page; the token is the place of the next quota.
fn listed(all: Vec<Value>, input: &Value) -> Result<Value, Refusal> {
    let bad = |code: &str| Refusal::new(code, "The request is not valid.");
    let size = int(input, "MaxResults").unwrap_or(100);
    let size = usize::try_from(size).ok().filter(|size| (1..=100).contains(size));
    let size = size.ok_or_else(|| bad("IllegalArgumentException"))?;
    let start: usize = match text(input, "NextToken") {
        None => 0,
        Some(token) => token.parse().map_err(|_| bad("InvalidPaginationTokenException"))?,
    };
    let more = all.len() > start + size;
    let page: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut answer = json!({ "Quotas": page });
    if let Some(answer) = answer.as_object_mut().filter(|_| more) {
        answer.insert("NextToken".into(), json!((start + size).to_string()));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    const HERE: (&str, &str) = ("111122223333", "us-east-1");

    fn call(quotas: &Quotas, operation: &str, input: &Value) -> Result<Value, String> {
        quotas.call(HERE.0, HERE.1, operation, input).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_quota_has_the_value_of_aws_until_it_is_set() {
        let mut quotas = Quotas::default();
        let wanted = json!({"ServiceCode": "fargate", "QuotaCode": "L-3032A538"});
        assert_eq!(call(&quotas, "GetServiceQuota", &wanted).unwrap()["Quota"]["Value"], 6.0);
        let new: NewQuota =
            serde_json::from_value(json!({"service": "fargate", "code": "L-3032A538", "value": 0.5}))
                .unwrap();
        quotas.set(HERE.0, HERE.1, &new);
        let quota = call(&quotas, "GetServiceQuota", &wanted).unwrap()["Quota"].clone();
        assert_eq!(
            (&quota["Value"], &quota["QuotaName"]),
            (&json!(0.5), &json!("Fargate On-Demand vCPU resource count"))
        );
        assert_eq!(call(&quotas, "GetAWSDefaultServiceQuota", &wanted).unwrap()["Quota"]["Value"], 6.0);
        assert_eq!(quotas.call("2", HERE.1, "GetServiceQuota", &wanted).unwrap()["Quota"]["Value"], 6.0);
        quotas.forget(Some(HERE.0));
        assert_eq!(call(&quotas, "GetServiceQuota", &wanted).unwrap()["Quota"]["Value"], 6.0);
    }

    #[test]
    fn what_does_not_exist_is_refused_and_lists_have_pages() {
        let quotas = Quotas::default();
        for input in [
            json!({"ServiceCode": "fargate", "QuotaCode": "L-0"}),
            json!({"ServiceCode": "nope", "QuotaCode": "L-0"}),
        ] {
            assert_eq!(call(&quotas, "GetServiceQuota", &input), Err("NoSuchResourceException".to_owned()));
        }
        let first =
            call(&quotas, "ListServiceQuotas", &json!({"ServiceCode": "vpc", "MaxResults": 3})).unwrap();
        let rest = json!({"ServiceCode": "vpc", "NextToken": first["NextToken"]});
        let rest = call(&quotas, "ListServiceQuotas", &rest).unwrap();
        assert_eq!(
            (first["Quotas"].as_array().unwrap().len(), rest["Quotas"].as_array().unwrap().len()),
            (3, 1)
        );
        assert!(rest.get("NextToken").is_none());
        let bad = json!({"ServiceCode": "vpc", "MaxResults": 101});
        assert_eq!(call(&quotas, "ListServiceQuotas", &bad), Err("IllegalArgumentException".to_owned()));
    }
}
