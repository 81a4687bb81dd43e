//! Secrets: name → ARN, exactly. Values are never read.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::{LookupError, Problem, joined};
use crate::aws::{self, Aws};
use crate::config::Config;
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["secretsmanager:DescribeSecret"];

/// What Secrets Manager says about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// There is such a secret.
    Arn(String),
    /// There is one, but it is scheduled for deletion and cannot be read any more.
    Going,
    /// There is none.
    Nothing,
}

/// Every secret of the configuration, path as configured → full ARN, and warnings.
pub async fn secrets(
    aws: &Aws,
    config: &Config,
) -> Result<(BTreeMap<String, String>, Vec<String>), LookupError> {
    let paths: BTreeSet<&String> =
        config.tasks.values().flat_map(|task| &task.secrets).map(|secret| &secret.path).collect();
    let mut error = LookupError::default();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut reads = JoinSet::new();
    for path in paths {
        if path.starts_with("arn:") {
            found.insert(path.clone(), Found::Arn(path.clone()));
            continue;
        }
        let (aws, path) = (aws.clone(), path.clone());
        reads.spawn(async move {
            let found = describe(&aws, &path).await?;
            Ok::<_, LookupError>((path, found))
        });
    }
    found.extend(joined(reads, &mut error).await);
    for (task, entry) in &config.tasks {
        for (index, secret) in entry.secrets.iter().enumerate() {
            let problem = found
                .get(&secret.path)
                .and_then(|found| judge(&secret.path, found, &aws.partition, &aws.region));
            if let Some(problem) = problem {
                let index = index.to_string();
                error.problems.push(
                    problem.route(["tasks", task, "secrets", &index]).key(&format!("tasks.{task}.secrets")),
                );
            }
        }
    }
    if !error.is_empty() {
        return Err(error);
    }
    let arn = |(path, found)| {
        if let Found::Arn(arn) = found { Some((path, arn)) } else { None }
    };
    let arns: BTreeMap<String, String> = found.into_iter().filter_map(arn).collect();
    let warnings = arns.values().filter_map(|arn| far(arn, &aws.region)).collect();
    Ok((arns, warnings))
}

/// A secret of another region can be read, but then starting a task needs that region too.
fn far(arn: &str, here: &str) -> Option<String> {
    let (_, region) = home(arn);
    (region != here).then(|| {
        format!("the secret `{arn}` is in {region}: no task starts in {here} while {region} does not answer")
    })
}

/// `DescribeSecret` finds by the whole name or ARN, never by a prefix (Secrets Manager API reference).
async fn describe(aws: &Aws, name: &str) -> Result<Found, CallError> {
    let op = "secretsmanager:DescribeSecret";
    let sent = aws::call(op, aws.secrets.describe_secret().secret_id(name).send()).await;
    let Some(secret) = aws::absent(sent, &["ResourceNotFoundException"])? else {
        return Ok(Found::Nothing);
    };
    if secret.name() != Some(name) {
        return Ok(Found::Nothing);
    }
    if secret.deleted_date().is_some() {
        return Ok(Found::Going);
    }
    let arn = secret.arn().ok_or_else(|| CallError::local(op, "the answer has no `ARN`"))?;
    Ok(Found::Arn(arn.to_owned()))
}

/// Partition and region of an ARN.
fn home(arn: &str) -> (&str, &str) {
    let mut parts = arn.split(':').skip(1);
    (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default())
}

/// What is wrong with a secret, if anything is.
fn judge(path: &str, found: &Found, partition: &str, region: &str) -> Option<Problem> {
    let problem = match found {
        Found::Nothing => Problem::new(
            format!("there is no secret `{path}` in {region}"),
            "create the secret, or write its exact name (or its full ARN)",
        ),
        Found::Going => Problem::new(
            format!("the secret `{path}` is scheduled for deletion"),
            format!(
                "restore it (`aws secretsmanager restore-secret --secret-id {path}`) or name another one"
            ),
        ),
        Found::Arn(arn) => {
            let (of, _) = home(arn);
            if of == partition {
                return None;
            }
            Problem::new(
                format!("the secret `{path}` is in the partition {of}, and the stack is in {partition}"),
                "name a secret of the stack's own partition",
            )
        }
    };
    Some(problem)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn arn(text: &str) -> Found {
        Found::Arn(text.to_owned())
    }

    fn judged(path: &str, found: &Found) -> Option<String> {
        judge(path, found, "aws", "eu-west-1").map(|problem| problem.what)
    }

    #[test]
    fn a_secret_of_the_own_partition_is_taken() {
        assert_eq!(
            judged("db", &arn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf")),
            None
        );
    }

    #[test]
    fn a_secret_of_another_partition_is_refused() {
        let other = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-AbCdEf";
        assert!(judged(other, &arn(other)).unwrap().contains("is in the partition aws-cn"));
    }

    #[test]
    fn a_secret_of_another_region_is_a_warning() {
        assert_eq!(far("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", "eu-west-1"), None);
        let warning =
            far("arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", "eu-west-1").unwrap();
        assert!(warning.contains("is in us-east-1"), "{warning}");
    }

    #[test]
    fn a_missing_secret_and_one_being_deleted_are_told_apart() {
        assert_eq!(judged("db", &Found::Nothing).unwrap(), "there is no secret `db` in eu-west-1");
        assert_eq!(judged("db", &Found::Going).unwrap(), "the secret `db` is scheduled for deletion");
    }
}
