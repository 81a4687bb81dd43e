//! `log_group`: the CloudWatch log group that all tasks of the stack write to.

use serde::{Deserialize, Serialize};

use super::common::{Tags, missing_tags, outputs, part, resource_of};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, absent, call, retrying};
use crate::model::{CallError, Locator, Outputs, Owner, Prune, Rules};
use crate::stack::{Stack, owner, ownership};

/// The kind.
pub struct LogGroup;

/// A CloudWatch log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name.
    pub name: String,
    /// Days that its logs are kept; `None` = for ever.
    pub retention_days: Option<i32>,
    /// Its tags.
    pub tags: Tags,
}

/// CloudWatch Logs refuses a change while another one of the same group goes on.
const BUSY: Retry =
    Retry { on: &[("OperationAbortedException", "")], limit: std::time::Duration::from_mins(1) };

impl Kind for LogGroup {
    const KIND: &'static str = "log_group";
    const RULES: Rules = Rules {
        prune: Prune::WithStack,
        outputs: &["arn", "name"],
        reads: &["logs:DescribeLogGroups", "logs:ListTagsForResource"],
        writes: &[
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:DeleteRetentionPolicy",
            "logs:TagResource",
            "logs:DeleteLogGroup",
        ],
        ..Rules::new("CloudWatch log group")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let at = stack.names.at(Self::KIND, "main", &stack.names.log_group);
        let attrs = Attrs {
            name: at.name.clone(),
            retention_days: Some(stack.log_retention_days).filter(|days| *days > 0),
            tags: ownership(&stack.name, &at.address, &stack.tags),
        };
        vec![Want { at, attrs, after: Vec::new() }]
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let name = resource_of(arn, "logs")?.strip_prefix("log-group:")?;
        let name = name.strip_suffix(":*").unwrap_or(name);
        Some(Locator { name: name.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let mut token: Option<String> = None;
        // The API searches by prefix only; the group itself sorts first, but that is not promised.
        let group = loop {
            let request =
                aws.logs.describe_log_groups().log_group_name_prefix(&at.name).set_next_token(token);
            let page = call("logs:DescribeLogGroups", request.send()).await?;
            if let Some(group) =
                page.log_groups().iter().find(|group| group.log_group_name() == Some(&at.name))
            {
                break group.clone();
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(None);
            }
        };
        // `arn` ends in `:*`, which the tagging calls refuse; the newer field does not.
        let arn = group.log_group_arn().or(group.arn()).unwrap_or_default();
        let arn = arn.strip_suffix(":*").unwrap_or(arn);
        let listed =
            call("logs:ListTagsForResource", aws.logs.list_tags_for_resource().resource_arn(arn).send())
                .await;
        let Some(listed) = absent(listed, &["ResourceNotFoundException"])? else {
            return Ok(None);
        };
        let tags: Tags = listed.tags().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Some(Seen {
            owner: owner(&tags, at),
            outputs: outputs([("arn", arn), ("name", &at.name)]),
            attrs: Attrs { name: at.name.clone(), retention_days: group.retention_in_days(), tags },
        }))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let tags = want.tags.clone().into_iter().collect();
        let made = retrying(BUSY, || {
            let request =
                aws.logs.create_log_group().log_group_name(&want.name).set_tags(Some(Clone::clone(&tags)));
            call("logs:CreateLogGroup", request.send())
        })
        .await;
        let refused = match made {
            Ok(_) => {
                // A new group keeps its logs for ever.
                if want.retention_days.is_some() {
                    retain(aws, want).await?;
                }
                None
            }
            Err(error) if error.code == "ResourceAlreadyExistsException" => Some(error),
            Err(error) => return Err(error),
        };
        let seen = part("logs:DescribeLogGroups", Self::read(aws, at).await?, "log group")?;
        match refused {
            Some(error) if seen.owner != Owner::Ours => Err(error),
            Some(_) => Self::update(aws, at, &seen, want).await,
            None => Ok(seen.outputs),
        }
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        if seen.attrs.retention_days != want.retention_days {
            retain(aws, want).await?;
        }
        let tags = missing_tags(&seen.attrs.tags, &want.tags);
        if !tags.is_empty() {
            let arn = part("logs:TagResource", seen.outputs.get("arn"), "arn")?;
            let request =
                aws.logs.tag_resource().resource_arn(arn).set_tags(Some(tags.into_iter().collect()));
            call("logs:TagResource", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let name = &seen.attrs.name;
        let deleted = retrying(BUSY, || {
            call("logs:DeleteLogGroup", aws.logs.delete_log_group().log_group_name(name).send())
        })
        .await;
        absent(deleted, &["ResourceNotFoundException"])?;
        Ok(())
    }
}

/// Sets the wanted retention.
async fn retain(aws: &Aws, want: &Attrs) -> Result<(), CallError> {
    retrying(BUSY, || async {
        let name = &want.name;
        if let Some(days) = want.retention_days {
            let request = aws.logs.put_retention_policy().log_group_name(name).retention_in_days(days);
            call("logs:PutRetentionPolicy", request.send()).await?;
        } else {
            let request = aws.logs.delete_retention_policy().log_group_name(name);
            call("logs:DeleteRetentionPolicy", request.send()).await?;
        }
        Ok(())
    })
    .await
}
