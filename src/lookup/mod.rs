//! Read-only facts, one file a source. Reads run in parallel, and everything that is missing is told at once.

mod choice;
mod commit;
mod error;
mod fit;
mod image;
#[cfg(test)]
mod image_tests;
mod lacking;
mod land;
mod network;
mod outside;
mod placement;
#[cfg(test)]
mod placement_tests;
mod platforms;
mod registry;
mod running;
mod secret;
pub mod surroundings;
pub mod survey;
mod upkeep;
mod web;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

pub use crate::aws::Tell;
pub use commit::of as commit_of;
pub use error::{LookupError, Problem};
pub use outside::{Mirror, Registries};
pub use registry::{Registry, ShortImage, short_image};

use crate::aws::Aws;
use crate::aws::inventory::Inventory;
use crate::config::Config;
use crate::model::{CallError, Demand};
use crate::stack::{Facts, Names, Placement, Provenance, Scope};

/// What the command line and its surroundings ask of the lookups.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// `--image-tag`: every ECR image whose repository has this tag is pinned to it.
    pub image_tag: Option<String>,
    /// How long to wait for an image that ECR does not have yet.
    pub wait_image: Option<Duration>,
    /// Whether the images must have the tag.
    pub demand: Demand,
    /// The tasks that the tag is for, that must have it and are waited for, when it is not all of them. The others keep what runs.
    pub only: Option<BTreeSet<String>>,
    /// The tasks whose tag in the configuration is looked up although something runs.
    pub refresh: BTreeSet<String>,
    /// How registries outside ECR are reached.
    pub registries: Registries,
    /// Which run asks.
    pub provenance: Provenance,
    /// Who is told what takes long.
    pub tell: Tell,
}

impl Wish {
    /// Whether a task is one of those that are asked for.
    fn is_for(&self, task: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(task))
    }

    /// The tag that a task is released with.
    fn tag_of(&self, task: &str) -> Option<&str> {
        self.image_tag.as_deref().filter(|_| self.is_for(task))
    }
}

/// The IAM actions of all lookups, sorted.
pub fn reads() -> BTreeSet<&'static str> {
    let all =
        [network::READS, platforms::READS, registry::READS, running::READS, secret::READS, upkeep::READS];
    all.into_iter().chain(web::READS).flatten().copied().collect()
}

/// Reads everything that the stack needs to know of its account before any resource is looked at.
/// `inventory` is of what carries the stack's tags.
pub async fn facts(
    aws: &Aws,
    config: &Config,
    names: &Names,
    wish: &Wish,
    inventory: &Inventory<'_>,
) -> Result<Facts, LookupError> {
    let scope =
        Scope { partition: aws.partition.clone(), region: aws.region.clone(), account: aws.account.clone() };
    let (ground, images, secrets) = tokio::join!(
        ground(aws, config, names, inventory),
        image::images(aws, config, names, &scope, wish),
        secret::secrets(aws, config),
    );
    let mut error = LookupError::default();
    let ground = error.take(ground);
    let images = error.take(images);
    let secrets = error.take(secrets);
    let (Some((network, web)), Some((images, image_warnings)), Some((secrets, secret_warnings))) =
        (ground, images, secrets)
    else {
        return Err(error);
    };
    let mut warnings = network.warnings.clone();
    warnings.extend(web.warnings);
    warnings.extend(image_warnings);
    warnings.extend(secret_warnings);
    if network.is_isolated {
        let outside = images.iter().filter(|(_, found)| found.repository_arn.is_none());
        warnings.extend(outside.map(|(task, found)| {
            format!("the image `{}` of task `{task}` is outside ECR, and its subnets have no route to the internet", found.source)
        }));
    }
    let mut resolved = resolved(&scope, names, &network);
    resolved.extend(web.resolved);
    Ok(Facts {
        account: scope.account,
        region: scope.region,
        partition: scope.partition,
        vpc_id: network.vpc_id,
        placements: network.placements,
        images,
        secrets,
        web: web.facts,
        provenance: wish.provenance.clone(),
        warnings,
        resolved,
    })
}

/// The network, and what the web services have in it. Beside it nothing waits for an answer that it does not need.
async fn ground(
    aws: &Aws,
    config: &Config,
    names: &Names,
    inventory: &Inventory<'_>,
) -> Result<(placement::Decision, web::Found), LookupError> {
    let request = request(config);
    let (land, first) =
        tokio::join!(network::read(aws, config.vpc_id.as_deref()), web::first(aws, config, inventory));
    let mut error = LookupError::default();
    let first = error.take(first);
    let land = error.take(land);
    let decision = land.as_ref().and_then(|land| error.take(placement::decide(land, &request)));
    let (Some(first), Some(land), Some(mut decision)) = (first, land, decision) else {
        return Err(error);
    };
    let web = match first {
        Some(first) => web::rest(aws, config, names, first, &land, &request, &mut decision).await?,
        None => web::Found::default(),
    };
    Ok((decision, web))
}

/// A subnet that the command line names, and what the reader should know about it.
pub async fn subnet(
    aws: &Aws,
    config: &Config,
    id: &str,
) -> Result<(Placement, Option<String>), LookupError> {
    let land = network::read(aws, config.vpc_id.as_deref()).await?;
    placement::named(&land, &request(config), id)
}

/// Credentials of another account: nothing that would be read there is of use.
pub fn same_account(aws: &Aws, config: &Config) -> Result<(), Problem> {
    match &config.account {
        Some(account) if *account != aws.account => {
            let what = format!(
                "the stack belongs to the account {account}, and the credentials are of {}",
                aws.account
            );
            let hint = "use credentials of the stack's account (`--profile`), or correct `account`";
            Err(Problem::new(what, hint).key("account").route(["account"]))
        }
        _ => Ok(()),
    }
}

fn request(config: &Config) -> placement::Request {
    let stack = config.assign_public_ip.unwrap_or_default();
    placement::Request {
        vpc_id: config.vpc_id.clone(),
        subnets: config.subnets.clone().unwrap_or_default(),
        tasks: config
            .tasks
            .iter()
            .map(|(key, task)| (key.clone(), task.assign_public_ip.unwrap_or(stack)))
            .collect(),
        secrets: config.tasks.values().any(|task| !task.secrets.is_empty()),
    }
}

/// What `--update` writes into the configuration.
fn resolved(scope: &Scope, names: &Names, network: &placement::Decision) -> Vec<(Vec<String>, Value)> {
    let route = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let mut values = vec![
        (route(&["account"]), json!(scope.account)),
        (route(&["region"]), json!(scope.region)),
        (route(&["vpc_id"]), json!(network.vpc_id)),
    ];
    for (list, subnets) in &network.found {
        values.push((route(&["subnets", list]), json!(subnets)));
    }
    values.push((route(&["cluster", "name"]), json!(names.cluster)));
    values.push((route(&["log_group", "name"]), json!(names.log_group)));
    values.push((route(&["role", "name"]), json!(names.execution_role)));
    values.push((route(&["task_role", "name"]), json!(names.task_role)));
    values.push((route(&["security_groups", "fargate", "group_name"]), json!(names.security_group)));
    values
}

/// The values of a round of reads; what went wrong goes into `error`, in an order that does not depend on who answered first.
async fn joined<T: Send + 'static>(
    mut reads: JoinSet<Result<T, LookupError>>,
    error: &mut LookupError,
) -> Vec<T> {
    let mut values = Vec::new();
    let mut round = LookupError::default();
    while let Some(end) = reads.join_next().await {
        let lost = |lost| Err(CallError::local("lookup", format!("this is a bug: {lost}")).into());
        values.extend(round.take(end.unwrap_or_else(lost)));
    }
    round.calls.sort_by(|a, b| (&a.op, &a.message).cmp(&(&b.op, &b.message)));
    error.take::<()>(Err(round));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_of_some_tasks_asks_for_no_tag_of_the_others() {
        let only = |names: &[&str]| Wish {
            image_tag: Some("v1".to_owned()),
            only: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..Wish::default()
        };
        assert_eq!(Wish { only: None, ..only(&[]) }.tag_of("web"), Some("v1"));
        assert_eq!(only(&["web"]).tag_of("web"), Some("v1"));
        assert_eq!(only(&["web"]).tag_of("job"), None);
    }

    /// Every `"service:Action"` literal of the lookups is declared, and every declared one is used.
    #[test]
    fn every_read_is_declared() {
        let files = [
            (network::READS, include_str!("network.rs")),
            (platforms::READS, include_str!("platforms.rs")),
            (registry::READS, include_str!("registry.rs")),
            (running::READS, include_str!("running.rs")),
            (secret::READS, include_str!("secret.rs")),
            (surroundings::READS, include_str!("surroundings.rs")),
            (survey::READS, include_str!("survey.rs")),
            (upkeep::READS, include_str!("upkeep.rs")),
        ];
        // What `survey` asks IAM's simulator about is no call.
        let asked_about = ["iam:PassRole", "iam:PassedToService"];
        for (reads, source) in files.into_iter().chain(web::READS.into_iter().zip(web::SOURCES)) {
            let (head, body) = source.split_once("];").unwrap_or((source, ""));
            let code = body.split("#[cfg(test)]").next().unwrap_or(body);
            let used: BTreeSet<&str> =
                code.split('"').filter(|text| is_action(text) && !asked_about.contains(text)).collect();
            let declared: BTreeSet<&str> = reads.iter().copied().collect();
            assert_eq!(used, declared);
            assert!(head.contains("READS"), "the declaration comes first");
        }
        assert!(reads().contains("ecr:DescribeImages"));
    }

    fn is_action(text: &str) -> bool {
        text.split_once(':').is_some_and(|(service, action)| {
            !service.is_empty()
                && service.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && action.starts_with(|c: char| c.is_ascii_uppercase())
                && action.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}
