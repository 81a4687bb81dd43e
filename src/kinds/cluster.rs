//! `cluster`: the ECS cluster that tasks and services run in.

use std::time::Duration;

use aws_sdk_ecs::types::ClusterField;
use serde::{Deserialize, Serialize};

use super::common::{Tags, from_ecs, missing_tags, outputs, part, resource_of, to_ecs};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, WAIT_LIMIT, absent, call, retrying, until};
use crate::model::{CallError, Locator, Outputs, Rules};
use crate::stack::{Stack, owner, ownership};

/// The kind.
pub struct Cluster;

/// An ECS cluster. Its settings (Container Insights, capacity providers) are not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
}

/// What passes by itself when a cluster is deleted: tasks that still stop, and a change that still goes on.
const EMPTYING: Retry = Retry {
    on: &[
        ("ClusterContainsServicesException", ""),
        ("ClusterContainsTasksException", ""),
        ("UpdateInProgressException", ""),
    ],
    limit: WAIT_LIMIT,
};

impl Kind for Cluster {
    const KIND: &'static str = "cluster";
    const RULES: Rules = Rules {
        outputs: &["arn", "name"],
        reads: &["ecs:DescribeClusters"],
        // The first cluster of an account makes ECS create its service-linked role on behalf of the caller.
        writes: &["ecs:CreateCluster", "ecs:TagResource", "ecs:DeleteCluster", "iam:CreateServiceLinkedRole"],
        ..Rules::new("ECS cluster")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let at = stack.names.at(Self::KIND, "main", &stack.names.cluster);
        let tags = ownership(&stack.name, &at.address, &stack.tags);
        let attrs = Attrs { name: at.name.clone(), tags };
        vec![Want { at, attrs, after: Vec::new() }]
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let name = resource_of(arn, "ecs")?.strip_prefix("cluster/")?;
        Some(Locator { name: name.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let answer = call(
            "ecs:DescribeClusters",
            aws.ecs.describe_clusters().clusters(&at.name).include(ClusterField::Tags).send(),
        )
        .await?;
        // An unknown name is not an error here: it comes back in `failures` as MISSING.
        let Some(cluster) = answer.clusters().first().filter(|cluster| cluster.status() != Some("INACTIVE"))
        else {
            return Ok(None);
        };
        let tags = from_ecs(cluster.tags());
        let name = cluster.cluster_name().unwrap_or_default();
        Ok(Some(Seen {
            owner: owner(&tags, at),
            outputs: outputs([("arn", cluster.cluster_arn().unwrap_or_default()), ("name", name)]),
            attrs: Attrs { name: name.to_owned(), tags },
        }))
    }

    /// ECS answers with the existing cluster when there is one of this name, so that a repeated call makes no second one.
    async fn create(aws: &Aws, _at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let request = aws.ecs.create_cluster().cluster_name(&want.name).set_tags(Some(to_ecs(&want.tags)));
        let answer = call("ecs:CreateCluster", request.send()).await?;
        let arn = part(
            "ecs:CreateCluster",
            answer.cluster().and_then(|cluster| cluster.cluster_arn()),
            "clusterArn",
        )?;
        Ok(outputs([("arn", arn), ("name", &want.name)]))
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let tags = missing_tags(&seen.attrs.tags, &want.tags);
        if !tags.is_empty() {
            let arn = part("ecs:TagResource", seen.outputs.get("arn"), "clusterArn")?;
            let request = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(to_ecs(&tags)));
            call("ecs:TagResource", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let name = &seen.attrs.name;
        let deleted =
            retrying(EMPTYING, || call("ecs:DeleteCluster", aws.ecs.delete_cluster().cluster(name).send()))
                .await;
        if absent(deleted, &["ClusterNotFoundException"])?.is_none() {
            return Ok(());
        }
        until("ecs:DeleteCluster", "the end of the cluster", Duration::from_mins(2), || async {
            Ok(Self::read(aws, at).await?.is_none().then_some(()))
        })
        .await
    }
}
