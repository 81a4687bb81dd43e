//! The resources that a call is about, as ARNs: those that the Service Authorization Reference names for its action.

use serde_json::Value;

use crate::ecs::ids::Place;
use crate::ecs::json::{text, texts};

/// What stands for an id that AWS makes up.
const SOME: &str = "0123456789abcdef";

/// The resources of a call; `*` where its action knows none.
pub(super) fn resources(service: &str, operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let found = match service {
        "ecs" => ecs(operation, input, place),
        "ec2" => ec2(operation, input, place),
        "elasticloadbalancing" => balancing(operation, input, place),
        "logs" => logs(operation, input, place),
        "events" => events(operation, input, place),
        "iam" => iam(operation, input, place),
        "sts" => given(input, &["RoleArn"]),
        "secretsmanager" => secrets(operation, input, place),
        "ssm" => parameters(operation, input, place),
        "ecr" => {
            let name = text(input, "repositoryName").map(str::to_owned).into_iter();
            let names = texts(input, "repositoryNames").into_iter().map(str::to_owned);
            let all =
                name.chain(names).map(|name| place.arn_of("ecr", &format!("repository/{name}"))).collect();
            or(all, given(input, &["resourceArn"]))
        }
        "sqs" => {
            let name =
                text(input, "QueueName").or(text(input, "QueueUrl").and_then(|url| url.rsplit('/').next()));
            name.map(|name| place.arn_of("sqs", name)).into_iter().collect()
        }
        "route53" => zones(input, place),
        "acm" => given(input, &["CertificateArn"]),
        "application-autoscaling" if !operation.starts_with("Describe") => or(
            given(input, &["ResourceARN"]),
            vec![place.arn_of(service, &format!("scalable-target/{SOME}"))],
        ),
        "elasticfilesystem" => files(input, place),
        "monitoring" => {
            let name = text(input, "AlarmName").into_iter().chain(texts(input, "AlarmNames"));
            name.map(|name| place.arn_of("cloudwatch", &format!("alarm:{name}"))).collect()
        }
        "tagging" | "cloudtrail" | "servicequotas" | "application-autoscaling" => Vec::new(),
        "s3" => {
            let path = text(input, "path").unwrap_or_default().trim_matches('/');
            vec![format!("arn:{}:s3:::{path}", place.partition)]
        }
        _ => {
            let fields = input.as_object().into_iter().flat_map(|fields| fields.values());
            fields
                .filter_map(Value::as_str)
                .filter(|value| value.starts_with("arn:"))
                .map(str::to_owned)
                .collect()
        }
    };
    or(found, vec!["*".to_owned()])
}

fn or(found: Vec<String>, other: Vec<String>) -> Vec<String> {
    if found.is_empty() { other } else { found }
}

/// The values of these members, also as lists of a form.
fn given(input: &Value, keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in input.as_object().into_iter().flatten() {
        let bare = name.split(".member.").next().unwrap_or(name);
        if keys.contains(&bare) {
            found.extend(value.as_str().map(str::to_owned));
            found.extend(value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    found
}

fn ecs(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let cluster = text(input, "cluster").unwrap_or("default");
    let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
    // What is given as an ARN is one already.
    let named = |name: &str, tail: &str| -> String {
        if name.starts_with("arn:") { name.to_owned() } else { place.arn(tail) }
    };
    let service = |name: &str| named(name, &format!("service/{cluster}/{name}"));
    let definition = |name: &str| {
        let with_revision = if name.contains(':') { name.to_owned() } else { format!("{name}:1") };
        named(name, &format!("task-definition/{with_revision}"))
    };
    match operation {
        "CreateCluster" => {
            let name = text(input, "clusterName").unwrap_or("default");
            vec![place.arn(&format!("cluster/{name}"))]
        }
        "DescribeClusters" => {
            let all = texts(input, "clusters");
            let all = if all.is_empty() { vec!["default"] } else { all };
            all.into_iter().map(|name| named(name, &format!("cluster/{name}"))).collect()
        }
        "DeleteCluster" | "UpdateCluster" | "UpdateClusterSettings" | "PutClusterCapacityProviders" => {
            vec![place.arn(&format!("cluster/{cluster}"))]
        }
        "CreateService" => text(input, "serviceName").map(service).into_iter().collect(),
        "UpdateService" | "DeleteService" | "ListServiceDeployments" => {
            text(input, "service").map(service).into_iter().collect()
        }
        "DescribeServices" => texts(input, "services").into_iter().map(service).collect(),
        "ListServices" => vec![place.arn(&format!("cluster/{cluster}"))],
        "DescribeServiceDeployments" => given(input, &["serviceDeploymentArns"]),
        "DescribeServiceRevisions" => given(input, &["serviceRevisionArns"]),
        "StopServiceDeployment" | "ContinueServiceDeployment" => given(input, &["serviceDeploymentArn"]),
        "RegisterTaskDefinition" => text(input, "family").map(definition).into_iter().collect(),
        "RunTask" => text(input, "taskDefinition").map(definition).into_iter().collect(),
        "StopTask" | "ExecuteCommand" => {
            let task = text(input, "task").unwrap_or_default();
            vec![named(task, &format!("task/{cluster}/{task}"))]
        }
        "DescribeTasks" => {
            let tasks = texts(input, "tasks").into_iter();
            tasks.map(|task| named(task, &format!("task/{cluster}/{task}"))).collect()
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => given(input, &["resourceArn"]),
        "DeleteTaskDefinitions" => texts(input, "taskDefinitions").into_iter().map(definition).collect(),
        _ => Vec::new(),
    }
}

fn ec2(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let group = |id: &str| place.arn_of("ec2", &format!("security-group/{id}"));
    if operation.starts_with("Describe") {
        return Vec::new();
    }
    if operation == "CreateSecurityGroup" {
        let vpc = text(input, "VpcId").map(|id| place.arn_of("ec2", &format!("vpc/{id}")));
        return std::iter::once(group(SOME)).chain(vpc).collect();
    }
    if operation.ends_with("Tags") {
        let ids = input.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("ResourceId"));
        let kind = |id: &str| match id.split('-').next() {
            Some("sg") => "security-group",
            Some("subnet") => "subnet",
            Some("vpc") => "vpc",
            Some("sgr") => "security-group-rule",
            _ => "*",
        };
        let ids = ids.filter_map(|(_, id)| id.as_str());
        return ids.map(|id| place.arn_of("ec2", &format!("{}/{id}", kind(id)))).collect();
    }
    text(input, "GroupId").map(group).into_iter().collect()
}

fn balancing(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let name = text(input, "Name").unwrap_or_default();
    let new = |kind: &str| vec![place.arn_of("elasticloadbalancing", &format!("{kind}/{name}/{SOME}"))];
    match operation {
        "CreateLoadBalancer" => new("loadbalancer/app"),
        "CreateTargetGroup" => new("targetgroup"),
        "CreateListener" => given(input, &["LoadBalancerArn"]),
        "CreateRule" => given(input, &["ListenerArn"]),
        "DescribeTags" => Vec::new(),
        other if other.starts_with("Describe") => Vec::new(),
        "AddTags" | "RemoveTags" => given(input, &["ResourceArns"]),
        _ => given(input, &["LoadBalancerArn", "TargetGroupArn", "ListenerArn", "RuleArn"]),
    }
}

/// AWS compares with the name of a group and of a stream, which is empty where no stream is meant; tags have the group's ARN.
fn logs(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    if operation.ends_with("Resource") {
        return given(input, &["resourceArn"]);
    }
    let name = match operation {
        "DescribeLogGroups" => "",
        _ => match text(input, "logGroupName").or(text(input, "logGroupIdentifier")) {
            Some(name) => name.rsplit("log-group:").next().unwrap_or(name),
            None => return Vec::new(),
        },
    };
    let stream = text(input, "logStreamName").unwrap_or_default();
    vec![place.arn_of("logs", &format!("log-group:{}:log-stream:{stream}", name.trim_end_matches(":*")))]
}

fn events(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    match operation {
        "ListRules" => vec![place.arn_of("events", "rule/*")],
        "ListRuleNamesByTarget" => Vec::new(),
        other if other.ends_with("Resource") => given(input, &["ResourceARN"]),
        _ => {
            let name = text(input, "Name").or(text(input, "Rule"));
            name.map(|name| place.arn_of("events", &format!("rule/{name}"))).into_iter().collect()
        }
    }
}

fn iam(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let arn = |tail: String| format!("arn:{}:iam::{}:{tail}", place.partition, place.account);
    if operation == "CreateServiceLinkedRole" {
        let service = text(input, "AWSServiceName").unwrap_or_default();
        return vec![arn(format!("role/aws-service-role/{service}/AWSServiceRoleFor"))];
    }
    if let Some(name) = text(input, "RoleName") {
        let service = match name {
            "AWSServiceRoleForECS" => Some("ecs.amazonaws.com"),
            "AWSServiceRoleForElasticLoadBalancing" => Some("elasticloadbalancing.amazonaws.com"),
            _ => None,
        };
        let linked = service.map(|service| format!("/aws-service-role/{service}/"));
        let path = linked.as_deref().or(text(input, "Path")).unwrap_or("/");
        return vec![arn(format!("role{path}{name}"))];
    }
    if let Some(name) = text(input, "UserName") {
        return vec![arn(format!("user/{name}"))];
    }
    given(input, &["PolicySourceArn", "OpenIDConnectProviderArn", "PolicyArn"])
}

fn secrets(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let name = text(input, "SecretId").or(text(input, "Name").filter(|_| operation == "CreateSecret"));
    let arn = |name: &str| {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        place.arn_of("secretsmanager", &format!("secret:{name}-AbCdEf"))
    };
    name.map(arn).into_iter().collect()
}

fn parameters(operation: &str, input: &Value, place: &Place) -> Vec<String> {
    let one = ["Name", "Path", "ResourceId"].iter().find_map(|key| text(input, key));
    let all = one.into_iter().chain(texts(input, "Names"));
    let all = all.filter(|_| operation != "DescribeParameters");
    let arn = |name: &str| {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        place.arn_of("ssm", &format!("parameter/{}", name.trim_start_matches('/').trim_end_matches('/')))
    };
    all.map(arn).collect()
}

fn zones(input: &Value, place: &Place) -> Vec<String> {
    let path = text(input, "path").unwrap_or_default();
    let mut parts = path.trim_matches('/').split('/').skip(1);
    let kind = parts.next().unwrap_or_default();
    // Tags have the kind of their resource in the path.
    let (kind, id) =
        if kind == "tags" { (parts.next().unwrap_or_default(), parts.next()) } else { (kind, parts.next()) };
    let id = id.filter(|_| matches!(kind, "hostedzone" | "change"));
    id.map(|id| format!("arn:{}:route53:::{kind}/{id}", place.partition)).into_iter().collect()
}

fn files(input: &Value, place: &Place) -> Vec<String> {
    let path = text(input, "path").unwrap_or_default();
    let in_path = path.split('/').find(|part| part.starts_with("fs-") || part.starts_with("fsap-"));
    let id = text(input, "FileSystemId").or(text(input, "AccessPointId")).or(in_path).unwrap_or("*");
    let kind = if id.starts_with("fsap-") { "access-point" } else { "file-system" };
    vec![place.arn_of("elasticfilesystem", &format!("{kind}/{id}"))]
}
