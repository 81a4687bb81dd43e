//! What a call is: protocol, operation and parameters, read from the request as each protocol of AWS writes them.

use serde_json::{Map, Value, json};

use crate::http::{Request, decode, pairs};

/// How a request and its errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson 1.0 and 1.1: operation in `X-Amz-Target`.
    Json,
    /// awsQuery: operation in the form field `Action`.
    Query,
    /// EC2's variant of awsQuery.
    Ec2,
    /// restXml.
    RestXml,
    /// restXml as S3 writes errors.
    S3,
    /// restJson.
    RestJson,
    /// rpcv2Cbor: operation in the path.
    Cbor,
}

/// One parsed call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its protocol.
    pub protocol: Protocol,
    /// Name of the operation, or method and path where it is not known.
    pub operation: String,
    /// Input as JSON: the body, the form's fields, or the query.
    pub parameters: Value,
}

impl Call {
    /// Reads the call to a service.
    pub fn of(service: &str, request: &Request) -> Self {
        let target = request.header("x-amz-target");
        if !target.is_empty() {
            let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
            let parameters = serde_json::from_slice(&request.body).unwrap_or_else(|_| json!({}));
            return Self { protocol: Protocol::Json, operation, parameters };
        }
        if request.header("smithy-protocol") == "rpc-v2-cbor" {
            let operation = request.path.rsplit('/').next().unwrap_or_default().to_owned();
            return Self { protocol: Protocol::Cbor, operation, parameters: json!({}) };
        }
        let mut fields = request.query.clone();
        if request.header("content-type").starts_with("application/x-www-form-urlencoded") {
            fields.extend(pairs(&request.text()));
        }
        if let Some(operation) = fields.get("Action").cloned() {
            fields.remove("Action");
            fields.remove("Version");
            let protocol = if service == "ec2" { Protocol::Ec2 } else { Protocol::Query };
            return Self { protocol, operation, parameters: json!(fields) };
        }
        let protocol = match service {
            "s3" => Protocol::S3,
            "route53" | "cloudfront" => Protocol::RestXml,
            _ => Protocol::RestJson,
        };
        let operation = rest_operation(service, request)
            .map_or_else(|| format!("{} {}", request.method, request.path), str::to_owned);
        let mut parameters: Map<String, Value> =
            fields.into_iter().map(|(key, value)| (key, value.into())).collect();
        parameters.insert("path".into(), decode(&request.path).into());
        if let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) {
            parameters.extend(body);
        } else if !request.body.is_empty() && service != "s3" {
            parameters.insert("body".into(), request.text().into());
        }
        Self { protocol, operation, parameters: Value::Object(parameters) }
    }
}

/// The operation of a REST request, for the services and operations that matter here.
fn rest_operation(service: &str, request: &Request) -> Option<&'static str> {
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let method = request.method.as_str();
    match service {
        "elasticfilesystem" => efs(method, segments.get(1..)?),
        "route53" => route53(method, segments.get(1..)?),
        "scheduler" => scheduler(method, &segments),
        "s3" => Some(s3(method, &segments, request)),
        _ => None,
    }
}

fn efs(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("GET", ["file-systems"]) => "DescribeFileSystems",
        ("POST", ["file-systems"]) => "CreateFileSystem",
        ("DELETE", ["file-systems", _]) => "DeleteFileSystem",
        ("GET", ["mount-targets"]) => "DescribeMountTargets",
        ("POST", ["mount-targets"]) => "CreateMountTarget",
        ("DELETE", ["mount-targets", _]) => "DeleteMountTarget",
        ("GET", ["mount-targets", _, "security-groups"]) => "DescribeMountTargetSecurityGroups",
        ("PUT", ["mount-targets", _, "security-groups"]) => "ModifyMountTargetSecurityGroups",
        ("GET", ["access-points"]) => "DescribeAccessPoints",
        ("POST", ["access-points"]) => "CreateAccessPoint",
        ("DELETE", ["access-points", _]) => "DeleteAccessPoint",
        ("GET", ["resource-tags", _]) => "ListTagsForResource",
        ("POST", ["resource-tags", _]) => "TagResource",
        ("DELETE", ["resource-tags", _]) => "UntagResource",
        _ => return None,
    })
}

fn route53(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset", ..]) => "ChangeResourceRecordSets",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzonesbyvpc"]) => "ListHostedZonesByVPC",
        ("GET", ["change", _]) => "GetChange",
        ("GET", ["tags", _, _]) => "ListTagsForResource",
        ("POST", ["tags", _]) => "ListTagsForResources",
        ("POST", ["tags", _, _]) => "ChangeTagsForResource",
        _ => return None,
    })
}

fn scheduler(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("GET", ["schedules"]) => "ListSchedules",
        ("GET", ["schedules", _]) => "GetSchedule",
        ("POST", ["schedules", _]) => "CreateSchedule",
        ("PUT", ["schedules", _]) => "UpdateSchedule",
        ("DELETE", ["schedules", _]) => "DeleteSchedule",
        ("GET", ["schedule-groups"]) => "ListScheduleGroups",
        ("GET", ["schedule-groups", _]) => "GetScheduleGroup",
        ("POST", ["schedule-groups", _]) => "CreateScheduleGroup",
        ("DELETE", ["schedule-groups", _]) => "DeleteScheduleGroup",
        ("GET", ["tags", _]) => "ListTagsForResource",
        ("POST", ["tags", _]) => "TagResource",
        ("DELETE", ["tags", _]) => "UntagResource",
        _ => return None,
    })
}

/// S3 names bucket settings by a query parameter without value.
const BUCKET_SETTINGS: &[(&str, [&str; 3])] = &[
    ("tagging", ["GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"]),
    ("policy", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]),
    ("encryption", ["GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"]),
    (
        "lifecycle",
        ["GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"],
    ),
    ("publicAccessBlock", ["GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"]),
    (
        "ownershipControls",
        ["GetBucketOwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls"],
    ),
    ("versioning", ["GetBucketVersioning", "PutBucketVersioning", "PutBucketVersioning"]),
    ("location", ["GetBucketLocation", "PutBucketLocation", "PutBucketLocation"]),
];

fn s3(method: &str, segments: &[&str], request: &Request) -> &'static str {
    let read = matches!(method, "GET" | "HEAD");
    if segments.len() == 1 {
        let setting = BUCKET_SETTINGS.iter().find(|(key, _)| request.query.contains_key(*key));
        if let Some((_, [get, put, delete])) = setting {
            return if read {
                get
            } else if method == "DELETE" {
                delete
            } else {
                put
            };
        }
    }
    match (method, segments.len()) {
        ("GET", 0) => "ListBuckets",
        ("HEAD", 1) => "HeadBucket",
        ("PUT", 1) => "CreateBucket",
        ("DELETE", 1) => "DeleteBucket",
        ("GET", 1) => "ListObjectsV2",
        ("HEAD", _) => "HeadObject",
        ("GET", _) => "GetObject",
        ("PUT", _) => "PutObject",
        ("DELETE", _) => "DeleteObject",
        _ => "PostObject",
    }
}

/// First words of operations that change nothing.
const READS: &[&str] = &[
    "Describe",
    "Get",
    "List",
    "BatchGet",
    "BatchCheck",
    "BatchDescribe",
    "Head",
    "Lookup",
    "Simulate",
    "Search",
    "Check",
    "Select",
    "Test",
    "Filter",
    "Validate",
    "Preview",
    "Estimate",
    "Query",
    "Scan",
    "Verify",
    "StartQuery",
    "StartLiveTail",
    "Decode",
    "HEAD ",
    "GET ",
];

/// Whether an operation can change something. All of STS only reads.
pub fn is_mutating(service: &str, operation: &str) -> bool {
    match service {
        "ecs" => crate::ecs::is_mutating(operation),
        "sts" => false,
        _ => !READS.iter().any(|verb| operation.starts_with(verb)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Request {
            method: method.into(),
            path: path.into(),
            query: pairs(query),
            headers: headers.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            body: body.into(),
        }
    }

    #[test]
    fn a_json_call_is_named_by_its_target() {
        let headers = [("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster")];
        let call = Call::of("ecs", &request("POST", "/", &headers, r#"{"clusterName":"a"}"#));
        assert_eq!((call.protocol, call.operation.as_str()), (Protocol::Json, "CreateCluster"));
        assert_eq!(call.parameters, json!({"clusterName": "a"}));
    }

    #[test]
    fn a_form_is_named_by_its_action() {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let call = Call::of(
            "ec2",
            &request("POST", "/", &headers, "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-1"),
        );
        assert_eq!((call.protocol, call.operation.as_str()), (Protocol::Ec2, "DescribeVpcs"));
        assert_eq!(call.parameters, json!({"VpcId.1": "vpc-1"}));
        let call = Call::of(
            "iam",
            &request("POST", "/", &headers, "Action=GetRole&Version=2010-05-08&RoleName=a%2Fb"),
        );
        assert_eq!((call.protocol, &call.parameters), (Protocol::Query, &json!({"RoleName": "a/b"})));
    }

    #[test]
    fn a_cbor_call_is_named_by_its_path() {
        let headers = [("smithy-protocol", "rpc-v2-cbor")];
        let call = Call::of(
            "monitoring",
            &request("POST", "/service/Granite/operation/PutMetricAlarm", &headers, ""),
        );
        assert_eq!((call.protocol, call.operation.as_str()), (Protocol::Cbor, "PutMetricAlarm"));
    }

    #[test]
    fn rest_calls_are_named_by_method_and_path() {
        let name = |service: &str, method: &str, path: &str| {
            Call::of(service, &request(method, path, &[], "")).operation
        };
        assert_eq!(
            name("elasticfilesystem", "GET", "/2015-02-01/file-systems?MaxItems=3"),
            "DescribeFileSystems"
        );
        assert_eq!(name("route53", "GET", "/2013-04-01/hostedzone"), "ListHostedZones");
        assert_eq!(name("route53", "POST", "/2013-04-01/hostedzone/Z1/rrset/"), "ChangeResourceRecordSets");
        assert_eq!(name("s3", "PUT", "/bucket?tagging"), "PutBucketTagging");
        assert_eq!(name("s3", "HEAD", "/bucket"), "HeadBucket");
        assert_eq!(name("scheduler", "DELETE", "/schedules/a"), "DeleteSchedule");
        assert_eq!(name("batch", "POST", "/v1/x"), "POST /v1/x");
    }

    #[test]
    fn reading_operations_are_told_from_changing_ones() {
        for (service, operation) in
            [("ec2", "DescribeVpcs"), ("ecr", "BatchGetImage"), ("sts", "AssumeRole"), ("x", "GET /a")]
        {
            assert!(!is_mutating(service, operation), "{service}:{operation}");
        }
        for (service, operation) in
            [("ec2", "CreateTags"), ("ecr", "BatchDeleteImage"), ("iam", "PutRolePolicy"), ("x", "POST /a")]
        {
            assert!(is_mutating(service, operation), "{service}:{operation}");
        }
    }
}
