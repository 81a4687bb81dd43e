//! Going back: to what, whether it can still run, and the call.

use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::types::StopServiceDeploymentStopType;

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, Release, ReleaseState, Revision};

/// The IAM actions of this file that read.
pub const READS: &[&str] = &["ecr:DescribeImages"];
/// The IAM actions of this file that change something.
pub const WRITES: &[&str] = &["ecs:StopServiceDeployment", "ecs:UpdateService", "iam:PassRole"];

/// Where a rollback without a named revision leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Way<'a> {
    /// A rollout still runs: stopping it brings back what ran before.
    Stop(&'a Release),
    /// It is being rolled back already.
    Already(&'a Release),
    /// It was rolled back, and what ran well before it runs again.
    Back(&'a Release),
    /// To this release.
    To(&'a Release),
    /// Nothing else is known to have succeeded.
    Nowhere,
}

/// Nowhere else, when the newest rollout was taken back by itself: the last deployment that succeeded is then the one that runs.
/// Otherwise to the last deployment that succeeded before the current revision did: never a newer one, so that a rollback after a rollback
/// goes further back and not forward to what was left. The numbers of the revisions do not matter: a lower one may
/// never have run. `releases` are newest first.
pub fn way<'a>(releases: &'a [Release], current: &str) -> Way<'a> {
    match releases.first() {
        Some(newest) if newest.outcome == ReleaseState::InProgress => return Way::Stop(newest),
        Some(newest) if newest.outcome == ReleaseState::RollingBack => return Way::Already(newest),
        _ => {}
    }
    let succeeded = |one: &Release| one.outcome == ReleaseState::Succeeded;
    let taken_back = releases.first().filter(|one| one.outcome == ReleaseState::RolledBack);
    let last = releases.iter().find(|one| succeeded(one));
    if let Some(newest) = taken_back.filter(|one| one.revision != current)
        && last.is_some_and(|last| last.revision == current)
    {
        return Way::Back(newest);
    }
    let first_success = releases.iter().rposition(|one| succeeded(one) && one.revision == current);
    let before = first_success.map_or(0, |at| at + 1);
    let found = releases.iter().skip(before).find(|one| succeeded(one) && one.revision != current);
    found.map_or(Way::Nowhere, Way::To)
}

/// What `--to` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A revision by number.
    Number(u64),
    /// `family:7`.
    Name(String),
    /// The ARN of a revision.
    Arn(String),
    /// A commit, whole or its first digits.
    Commit(String),
}

/// Reads `7`, `family:7`, an ARN or a commit; seven hexadecimal digits or more are a commit, for so short is no SHA.
pub fn named(text: &str) -> Option<Named> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.starts_with("arn:") {
        return text.contains(":task-definition/").then(|| Named::Arn(text.to_owned()));
    }
    if let Some((family, number)) = text.rsplit_once(':') {
        return (!family.is_empty() && digits(number)).then(|| Named::Name(text.to_owned()));
    }
    if digits(text) && text.len() < 7 {
        return text.parse().ok().map(Named::Number);
    }
    let sha = (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    sha.then(|| Named::Commit(text.to_ascii_lowercase()))
}

/// The images of a revision that ECR does not have any more, and those that could not be looked for. Only images that are
/// pinned, in an ECR of this region, are looked for.
pub async fn gone(aws: &Aws, revision: &Revision) -> Result<Vec<String>, CallError> {
    let mut gone = Vec::new();
    for image in revision.images.values() {
        let Some((registry, repository, digest)) = in_ecr(image, &aws.region) else { continue };
        let id = ImageIdentifier::builder().image_digest(digest).build();
        let request =
            aws.ecr.describe_images().registry_id(registry).repository_name(repository).image_ids(id);
        let found = call("ecr:DescribeImages", request.send()).await;
        let codes = ["ImageNotFoundException", "RepositoryNotFoundException"];
        if absent(found, &codes)?.is_none() {
            gone.push(image.clone());
        }
    }
    Ok(gone)
}

/// Account, repository and digest of a pinned image in an ECR of this region.
fn in_ecr<'a>(image: &'a str, region: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (reference, digest) = image.split_once('@')?;
    let (host, path) = reference.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let here = rest.strip_prefix(region)?.starts_with('.');
    let repository = path.split(':').next()?;
    here.then_some((account, repository, digest))
}

/// Stops a deployment that still runs; ECS brings back what ran before it.
pub async fn stop(aws: &Aws, deployment: &str) -> Result<(), CallError> {
    let request = aws.ecs.stop_service_deployment().service_deployment_arn(deployment);
    let request = request.stop_type(StopServiceDeploymentStopType::Rollback);
    call("ecs:StopServiceDeployment", request.send()).await.map(|_| ())
}

/// Rolls a revision out; the id of the deployment (`ecs-svc/…`) that this starts. Nothing but the revision is sent, so
/// that the count stays what autoscaling or an operator made it.
pub async fn roll_out(
    aws: &Aws,
    cluster: &str,
    service: &str,
    revision: &str,
) -> Result<Option<String>, CallError> {
    let request = aws.ecs.update_service().cluster(cluster).service(service).task_definition(revision);
    let answer = call("ecs:UpdateService", request.send()).await?;
    let deployments = answer.service().map(aws_sdk_ecs::types::Service::deployments).unwrap_or_default();
    let primary = deployments.iter().find(|one| one.status() == Some("PRIMARY"));
    Ok(primary.and_then(|one| one.id()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::release;
    use super::*;

    fn to(releases: &[Release], current: &str) -> String {
        match way(releases, current) {
            Way::To(release) => release.revision.clone(),
            Way::Stop(release) => format!("stop {}", release.revision),
            Way::Already(release) => format!("already {}", release.revision),
            Way::Back(release) => format!("back from {}", release.revision),
            Way::Nowhere => "nowhere".to_owned(),
        }
    }

    fn history(entries: &[(&str, ReleaseState)]) -> Vec<Release> {
        entries.iter().map(|(revision, state)| release(revision, *state)).collect()
    }

    #[test]
    fn it_goes_to_the_last_that_succeeded_and_not_to_the_number_before() {
        use ReleaseState::{RolledBack, Succeeded};
        // 4 runs; 3 and 2 never ran well.
        let releases =
            history(&[("w:4", Succeeded), ("w:3", RolledBack), ("w:2", RolledBack), ("w:1", Succeeded)]);
        assert_eq!(to(&releases, "w:4"), "w:1");
        // What was brought back by hand meanwhile is another than the last that succeeded by itself.
        let releases = history(&[("w:3", RolledBack), ("w:2", Succeeded), ("w:1", Succeeded)]);
        assert_eq!(to(&releases, "w:1"), "nowhere");
    }

    #[test]
    fn what_was_rolled_back_by_itself_is_not_rolled_back_again() {
        use ReleaseState::{RolledBack, Succeeded};
        let releases = history(&[("w:3", RolledBack), ("w:2", Succeeded), ("w:1", Succeeded)]);
        assert_eq!(to(&releases, "w:2"), "back from w:3");
        // The revision that was rolled back ran well once.
        let releases = history(&[("w:3", RolledBack), ("w:3", Succeeded), ("w:2", Succeeded)]);
        assert_eq!(to(&releases, "w:3"), "w:2");
    }

    #[test]
    fn a_second_rollback_goes_further_back_and_never_forward() {
        use ReleaseState::{Failed, Succeeded};
        let releases =
            history(&[("w:2", Succeeded), ("w:3", Succeeded), ("w:2", Succeeded), ("w:1", Succeeded)]);
        assert_eq!(to(&releases, "w:2"), "w:1");
        let releases = history(&[("w:1", Succeeded), ("w:2", Succeeded), ("w:1", Succeeded)]);
        assert_eq!(to(&releases, "w:1"), "nowhere");
        // What runs never succeeded, and nobody rolled it back.
        assert_eq!(to(&history(&[("w:2", Failed), ("w:1", Succeeded)]), "w:2"), "w:1");
        assert_eq!(to(&[], "w:1"), "nowhere");
    }

    #[test]
    fn a_rollout_that_still_runs_is_stopped() {
        use ReleaseState::{InProgress, RollingBack, Succeeded};
        assert_eq!(to(&history(&[("w:2", InProgress), ("w:1", Succeeded)]), "w:2"), "stop w:2");
        assert_eq!(to(&history(&[("w:2", RollingBack), ("w:1", Succeeded)]), "w:2"), "already w:2");
    }

    #[test]
    fn a_number_a_name_an_arn_and_a_commit_are_told_apart() {
        assert_eq!(named("7"), Some(Named::Number(7)));
        assert_eq!(named("123456"), Some(Named::Number(123_456)));
        assert_eq!(named("1234567"), Some(Named::Commit("1234567".to_owned())));
        assert_eq!(named("ABCDEF0"), Some(Named::Commit("abcdef0".to_owned())));
        assert_eq!(named("web:7"), Some(Named::Name("web:7".to_owned())));
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7";
        assert_eq!(named(arn), Some(Named::Arn(arn.to_owned())));
        for wrong in ["", "web", "web:x", ":7", "abc", "arn:aws:ecs:x:1:service/a/b", &"a".repeat(41)] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_pinned_images_of_this_region_s_ecr_are_looked_for() {
        let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1@sha256:ab";
        assert_eq!(in_ecr(image, "eu-west-1"), Some(("123456789012", "team/app", "sha256:ab")));
        assert_eq!(in_ecr(image, "eu-west-2"), None);
        assert_eq!(in_ecr("docker.io/library/nginx@sha256:ab", "eu-west-1"), None);
        assert_eq!(in_ecr("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1", "eu-west-1"), None);
    }
}
