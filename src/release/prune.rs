//! Cleaning up revisions of task definitions: which are in use, which may go, and the calls.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{DesiredStatus, Service};
use aws_sdk_eventbridge::operation::list_targets_by_rule::ListTargetsByRuleOutput;
use aws_sdk_eventbridge::types::EcsParameters;

use super::revisions::short;
use crate::aws::{Aws, absent, call};
use crate::model::{CallError, Fate, History, Listed, ReleaseState, Revision};

/// The IAM actions of this file that read.
pub const READS: &[&str] = &[
    "ecs:ListServices",
    "ecs:DescribeServices",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "events:ListRuleNamesByTarget",
    "events:ListTargetsByRule",
];
/// The IAM actions of this file that change something.
pub const WRITES: &[&str] = &["ecs:DeregisterTaskDefinition", "ecs:DeleteTaskDefinitions"];

/// The most services that `DescribeServices` takes.
const SERVICES_A_CALL: usize = 10;
/// The most tasks that `DescribeTasks` takes.
const TASKS_A_CALL: usize = 100;
/// The most revisions that `DeleteTaskDefinitions` takes.
const DELETIONS_A_CALL: usize = 10;

/// `family:7` → what uses it, in words.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// Every use of a revision in a cluster: by services and the deployments that they still have, by tasks, by rules. Rules of
/// this stack are looked at too where they have no target in the cluster.
pub async fn uses(aws: &Aws, cluster: &str, cluster_arn: &str, rules: &[String]) -> Result<Uses, CallError> {
    let (services, tasks, targets) = tokio::join!(
        used_by_services(aws, cluster),
        used_by_tasks(aws, cluster),
        used_by_rules(aws, cluster_arn, rules)
    );
    let mut all = Uses::new();
    for part in [services?, tasks?, targets?] {
        for (revision, users) in part {
            all.entry(revision).or_default().extend(users);
        }
    }
    Ok(all)
}

/// What a rollback may need of a service's history: what succeeded last, and what succeeded before it.
pub fn kept_for_rollback(history: &History) -> Uses {
    let mut kept = Uses::new();
    let good = history.releases.iter().filter(|one| one.outcome == ReleaseState::Succeeded);
    for release in good {
        if kept.len() < 2 {
            let use_of = format!("rollback of {}", history.service);
            kept.entry(release.revision.clone()).or_default().insert(use_of);
        }
    }
    kept
}

/// What happens to each revision, newest first: the newest `keep` active ones stay, and what is used or not of this stack.
/// The others become inactive, or go when `delete` says so. Without `keep` all of them stay.
pub fn fates(revisions: Vec<Revision>, uses: &Uses, keep: Option<u16>, delete: bool) -> Vec<Listed> {
    let mut left = keep.map_or(usize::MAX, usize::from);
    let listed = revisions.into_iter().map(|revision| {
        let used_by: Vec<String> =
            uses.get(&revision.name).into_iter().flatten().map(ToOwned::to_owned).collect();
        let among_newest = revision.active && left > 0;
        left -= usize::from(among_newest);
        let stays = keep.is_none() || among_newest || !used_by.is_empty() || !revision.ours;
        let fate = match (stays, delete, revision.active) {
            (false, true, _) => Fate::Delete,
            (false, false, true) => Fate::Deregister,
            _ => Fate::Keep,
        };
        Listed { revision, used_by, fate }
    });
    listed.collect()
}

/// Makes a revision inactive: nothing new is started from it, what runs goes on.
pub async fn deregister(aws: &Aws, arn: &str) -> Result<(), CallError> {
    let request = aws.ecs.deregister_task_definition().task_definition(arn);
    call("ecs:DeregisterTaskDefinition", request.send()).await.map(|_| ())
}

/// Deletes inactive revisions; what was not deleted, with ECS's reason.
pub async fn delete(aws: &Aws, arns: &[String]) -> Vec<(String, CallError)> {
    const OP: &str = "ecs:DeleteTaskDefinitions";
    let mut failed = Vec::new();
    for chunk in arns.chunks(DELETIONS_A_CALL) {
        let request = aws.ecs.delete_task_definitions().set_task_definitions(Some(chunk.to_vec()));
        match call("ecs:DeleteTaskDefinitions", request.send()).await {
            Ok(answer) => failed.extend(answer.failures().iter().map(|one| {
                let reason = one.reason().or(one.detail()).unwrap_or("refused without a reason");
                (one.arn().unwrap_or_default().to_owned(), CallError::local(OP, reason))
            })),
            Err(error) => failed.extend(chunk.iter().map(|arn| (arn.clone(), error.clone()))),
        }
    }
    failed
}

async fn used_by_services(aws: &Aws, cluster: &str) -> Result<Uses, CallError> {
    let mut uses = Uses::new();
    let mut token: Option<String> = None;
    let mut arns = Vec::new();
    loop {
        let request = aws.ecs.list_services().cluster(cluster).set_next_token(token);
        let page = absent(call("ecs:ListServices", request.send()).await, &["ClusterNotFoundException"])?;
        let Some(page) = page else { return Ok(uses) };
        arns.extend(page.service_arns().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    for chunk in arns.chunks(SERVICES_A_CALL) {
        let request = aws.ecs.describe_services().cluster(cluster).set_services(Some(chunk.to_vec()));
        let answer = call("ecs:DescribeServices", request.send()).await?;
        for service in answer.services() {
            let whose = format!("service {}", service.service_name().unwrap_or_default());
            for revision in wanted_by(service) {
                uses.entry(revision).or_default().insert(whose.clone());
            }
        }
    }
    Ok(uses)
}

/// The revisions of a service and of its deployments: those that leave still run tasks, or are what a rollback goes back to.
fn wanted_by(service: &Service) -> BTreeSet<String> {
    let of_deployments = service.deployments().iter().filter_map(|one| one.task_definition());
    of_deployments.chain(service.task_definition()).map(|arn| short(arn).to_owned()).collect()
}

async fn used_by_tasks(aws: &Aws, cluster: &str) -> Result<Uses, CallError> {
    let mut uses = Uses::new();
    let mut token: Option<String> = None;
    let mut arns = Vec::new();
    loop {
        // Tasks that start are wanted to run as well.
        let request = aws.ecs.list_tasks().cluster(cluster).desired_status(DesiredStatus::Running);
        let page = call("ecs:ListTasks", request.set_next_token(token).send()).await;
        let Some(page) = absent(page, &["ClusterNotFoundException"])? else { return Ok(uses) };
        arns.extend(page.task_arns().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    for chunk in arns.chunks(TASKS_A_CALL) {
        let request = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(chunk.to_vec()));
        let answer = call("ecs:DescribeTasks", request.send()).await?;
        for arn in answer.tasks().iter().filter_map(|task| task.task_definition_arn()) {
            uses.entry(short(arn).to_owned()).or_default().insert("running tasks".to_owned());
        }
    }
    Ok(uses)
}

async fn used_by_rules(aws: &Aws, cluster_arn: &str, rules: &[String]) -> Result<Uses, CallError> {
    let mut names: BTreeSet<String> = rules.iter().cloned().collect();
    let mut token: Option<String> = None;
    loop {
        let request = aws.events.list_rule_names_by_target().target_arn(cluster_arn).set_next_token(token);
        let page = call("events:ListRuleNamesByTarget", request.send()).await?;
        names.extend(page.rule_names().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let mut uses = Uses::new();
    for name in names {
        // A rule has at most five targets: one page (EventBridge quota).
        let found =
            call("events:ListTargetsByRule", aws.events.list_targets_by_rule().rule(&name).send()).await;
        let found = absent(found, &["ResourceNotFoundException"])?;
        let targets = found.iter().flat_map(ListTargetsByRuleOutput::targets);
        for arn in
            targets.filter_map(|target| target.ecs_parameters()).map(EcsParameters::task_definition_arn)
        {
            uses.entry(short(arn).to_owned()).or_default().insert(format!("rule {name}"));
        }
    }
    Ok(uses)
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::release;
    use super::*;

    fn revision(number: u32, active: bool, ours: bool) -> Revision {
        Revision { name: format!("web:{number}"), active, ours, ..Revision::default() }
    }

    fn fates_of(uses: &[&str], keep: Option<u16>, delete: bool) -> Vec<Fate> {
        let uses = uses.iter().map(|name| ((*name).to_owned(), BTreeSet::from(["x".to_owned()]))).collect();
        let all = vec![
            revision(5, true, true),
            revision(4, true, true),
            revision(3, true, false),
            revision(2, true, true),
            revision(1, false, true),
        ];
        fates(all, &uses, keep, delete).into_iter().map(|one| one.fate).collect()
    }

    #[test]
    fn what_is_used_or_somebody_else_s_or_among_the_newest_stays() {
        use Fate::{Delete, Deregister, Keep};
        assert_eq!(fates_of(&[], None, false), [Keep; 5]);
        assert_eq!(fates_of(&[], Some(1), false), [Keep, Deregister, Keep, Deregister, Keep]);
        assert_eq!(fates_of(&[], Some(1), true), [Keep, Delete, Keep, Delete, Delete]);
        assert_eq!(fates_of(&["web:4", "web:1"], Some(1), true), [Keep, Keep, Keep, Delete, Keep]);
        assert_eq!(fates_of(&["web:2"], Some(2), false), [Keep; 5]);
    }

    #[test]
    fn the_last_two_that_succeeded_are_kept_for_a_rollback() {
        use ReleaseState::{RolledBack, Succeeded};
        let releases = [
            ("w:4", RolledBack),
            ("w:3", Succeeded),
            ("w:3", Succeeded),
            ("w:1", Succeeded),
            ("w:0", Succeeded),
        ];
        let releases = releases.map(|(name, state)| release(name, state)).to_vec();
        let history = History { service: "w".to_owned(), exists: true, recorded: true, releases };
        let kept: Vec<String> = kept_for_rollback(&history).into_keys().collect();
        assert_eq!(kept, ["w:1", "w:3"]);
    }
}
