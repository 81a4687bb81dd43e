//! A recorded call as IAM sees it: the action, and the resource where the parameters tell it.

use serde_json::Value;

/// What a call asks of IAM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The IAM action.
    pub action: String,
    /// The ARN, where it can be told.
    pub resource: Option<String>,
}

/// Reads one call of the sandbox's record.
pub fn asked(call: &Value) -> Asked {
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    let service = match text("service") {
        "tagging" => "tag",
        other => other,
    };
    let action = format!("{service}:{}", text("operation"));
    let resource = resource(service, text("operation"), &call["parameters"], text("account"), text("region"));
    Asked { action, resource }
}

fn resource(service: &str, operation: &str, given: &Value, account: &str, region: &str) -> Option<String> {
    let get = |name: &str| given[name].as_str().map(str::to_owned);
    let first = |name: &str| given[name][0].as_str().map(str::to_owned);
    let arn = |what: String| format!("arn:aws:{service}:{region}:{account}:{what}");
    let last = |text: String| text.rsplit('/').next().unwrap_or_default().to_owned();
    match (service, operation) {
        ("ecs", "CreateCluster") => Some(arn(format!("cluster/{}", get("clusterName")?))),
        ("ecs", "DescribeClusters") => Some(arn(format!("cluster/{}", last(first("clusters")?)))),
        ("ecs", "DeleteCluster") => Some(arn(format!("cluster/{}", last(get("cluster")?)))),
        ("ecs", "RegisterTaskDefinition") => Some(arn(format!("task-definition/{}:1", get("family")?))),
        ("ecs", "RunTask") => {
            let family = last(get("taskDefinition")?);
            Some(arn(format!("task-definition/{}:1", family.split(':').next()?)))
        }
        ("ecs", "DeleteTaskDefinitions") => {
            Some(arn(format!("task-definition/{}", last(first("taskDefinitions")?))))
        }
        ("ecs", "DescribeTasks" | "StopTask") => {
            let task = first("tasks").or_else(|| get("task"))?;
            Some(arn(format!("task/{}/{}", last(get("cluster")?), last(task))))
        }
        ("ecs", _) => {
            let service = get("service").or_else(|| get("serviceName")).or_else(|| first("services"))?;
            Some(arn(format!("service/{}/{}", last(get("cluster")?), last(service))))
        }
        ("iam", "CreateServiceLinkedRole") | ("logs", "DescribeLogGroups") => None,
        ("iam", _) => Some(format!("arn:aws:iam::{account}:role/{}", get("RoleName")?)),
        ("logs", "GetLogEvents") => {
            Some(arn(format!("log-group:{}:log-stream:{}", get("logGroupName")?, get("logStreamName")?)))
        }
        ("logs", _) => get("logGroupName").map(|name| arn(format!("log-group:{name}"))),
        ("events", "ListTagsForResource") => get("ResourceARN"),
        ("events", _) => get("Rule").or_else(|| get("Name")).map(|name| arn(format!("rule/{name}"))),
        ("ecr", _) => {
            let name = get("repositoryName").or_else(|| first("repositoryNames"))?;
            Some(arn(format!("repository/{name}")))
        }
        ("secretsmanager", _) => Some(arn(format!("secret:{}-AbCdEf", get("SecretId")?))),
        ("ssm", _) => {
            let name = get("Name").or_else(|| get("Path")).or_else(|| first("Names"))?;
            Some(arn(format!("parameter/{}", name.trim_matches('/'))))
        }
        ("elasticloadbalancing", "CreateLoadBalancer") => {
            Some(arn(format!("loadbalancer/app/{}/0a1b", get("Name")?)))
        }
        ("elasticloadbalancing", "CreateTargetGroup") => {
            Some(arn(format!("targetgroup/{}/0a1b", get("Name")?)))
        }
        ("elasticloadbalancing", name) if !name.starts_with("Describe") => {
            ["RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn", "ResourceArns.member.1"]
                .iter()
                .find_map(|name| get(name))
        }
        ("acm", _) => get("CertificateArn"),
        ("ec2", "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress" | "DeleteSecurityGroup") => {
            get("GroupId").map(|id| arn(format!("security-group/{id}")))
        }
        _ => None,
    }
}
