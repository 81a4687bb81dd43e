#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{CallerPolicy, Context, Decision, decide, like, missing, needs};
use crate::ecs::ids::Place;

fn one(statement: &Value, action: &str, resource: &str) -> Decision {
    decide(&[json!({"Statement": statement})], action, resource, &Context::new())
}

fn asked(service: &str, operation: &str, input: &Value) -> Vec<(String, String)> {
    let place = Place::new("111122223333", "eu-west-1");
    let needs = needs::of(service, operation, input, &place, &["arn:aws:iam::111122223333:role/task".into()]);
    needs.into_iter().map(|need| (need.action, need.resource)).collect()
}

#[test]
fn stars_and_question_marks_stand_for_texts() {
    for (pattern, text, wanted) in [
        ("*", "", true),
        ("ecs:Describe*", "ecs:DescribeServices", true),
        ("ecs:*Service", "ecs:CreateService", true),
        ("ecs:*Service", "ecs:CreateServices", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*a*b*", "xxaxxbxx", true),
        ("*a*b*", "xxbxxaxx", false),
        ("", "x", false),
    ] {
        assert_eq!(like(pattern, text), wanted, "{pattern} {text}");
    }
}

#[test]
fn a_denial_wins_and_silence_is_no_permission() {
    let allow = json!({"Effect": "Allow", "Action": ["ecs:*", "S3:getobject"], "Resource": "*"});
    assert_eq!(one(&allow, "ecs:CreateService", "*"), Decision::Allowed);
    assert_eq!(
        one(&allow, "s3:GetObject", "arn:aws:s3:::a/b"),
        Decision::Allowed,
        "actions do not distinguish case"
    );
    assert_eq!(one(&allow, "iam:PassRole", "*"), Decision::ImplicitDeny);
    let deny =
        json!({"Effect": "Deny", "Action": "ecs:Delete*", "Resource": "arn:aws:ecs:*:*:service/prod/*"});
    let both = json!([allow, deny]);
    assert_eq!(
        one(&both, "ecs:DeleteService", "arn:aws:ecs:eu-west-1:1:service/prod/web"),
        Decision::ExplicitDeny
    );
    assert_eq!(
        one(&both, "ecs:DeleteService", "arn:aws:ecs:eu-west-1:1:service/test/web"),
        Decision::Allowed
    );
    let but = json!({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:secret"});
    assert_eq!(one(&but, "ecs:RunTask", "arn:x"), Decision::Allowed);
    assert_eq!(one(&but, "ecs:RunTask", "arn:secret"), Decision::ImplicitDeny);
    assert_eq!(one(&but, "iam:GetRole", "arn:x"), Decision::ImplicitDeny);
    assert_eq!(CallerPolicy::default().decide("x:Y", "*", &Context::new()), Decision::Allowed);
}

#[test]
fn a_role_is_passed_to_the_service_that_the_condition_names() {
    let policy = [json!({"Statement": {
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:r",
        "Condition": {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}},
    }})];
    let to = |service: &str| Context::from([("iam:passedtoservice".to_owned(), service.to_owned())]);
    assert_eq!(decide(&policy, "iam:PassRole", "arn:r", &to("ecs-tasks.amazonaws.com")), Decision::Allowed);
    assert_eq!(decide(&policy, "iam:PassRole", "arn:r", &to("lambda.amazonaws.com")), Decision::ImplicitDeny);
    assert_eq!(missing(&policy, "iam:PassRole", &Context::new()), ["iam:PassedToService"]);
    assert!(missing(&policy, "ecs:RunTask", &Context::new()).is_empty());
}

#[test]
fn a_condition_that_nobody_knows_allows_but_does_not_deny() {
    let with = |effect: &str| json!({"Effect": effect, "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    assert_eq!(one(&with("Allow"), "a:B", "*"), Decision::Allowed);
    assert_eq!(one(&json!([with("Deny"), with("Allow")]), "a:B", "*"), Decision::Allowed);
}

#[test]
fn a_call_needs_its_action_its_tags_and_the_roles_that_it_passes() {
    let definition = json!({
        "family": "web", "executionRoleArn": "arn:aws:iam::111122223333:role/exec", "tags": [{"key": "a", "value": "b"}],
    });
    let family = "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:1";
    let pair = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
    assert_eq!(
        asked("ecs", "RegisterTaskDefinition", &definition),
        [
            pair("ecs:RegisterTaskDefinition", family),
            pair("ecs:TagResource", family),
            pair("iam:PassRole", "arn:aws:iam::111122223333:role/exec"),
        ]
    );
    assert_eq!(
        asked("ecs", "RunTask", &json!({"taskDefinition": "web", "cluster": "main"})),
        [pair("ecs:RunTask", family), pair("iam:PassRole", "arn:aws:iam::111122223333:role/task")]
    );
    let group = json!({"GroupName": "g", "VpcId": "vpc-1", "TagSpecification.1.Tag.1.Key": "a"});
    let asked_for: Vec<String> =
        asked("ec2", "CreateSecurityGroup", &group).into_iter().map(|(action, _)| action).collect();
    assert_eq!(asked_for.iter().filter(|action| *action == "ec2:CreateTags").count(), 1);
    assert!(asked("sts", "GetCallerIdentity", &json!({})).is_empty());
}

#[test]
fn resources_are_named_as_policies_name_them() {
    for (service, operation, input, wanted) in [
        (
            "ecs",
            "UpdateService",
            json!({"cluster": "main", "service": "web"}),
            "arn:aws:ecs:eu-west-1:111122223333:service/main/web",
        ),
        ("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "web"}), "*"),
        ("ec2", "DescribeSubnets", json!({}), "*"),
        ("elasticloadbalancing", "CreateRule", json!({"ListenerArn": "arn:l"}), "arn:l"),
        (
            "logs",
            "CreateLogGroup",
            json!({"logGroupName": "/f/web"}),
            "arn:aws:logs:eu-west-1:111122223333:log-group:/f/web:log-stream:",
        ),
        (
            "events",
            "PutRule",
            json!({"Name": "nightly"}),
            "arn:aws:events:eu-west-1:111122223333:rule/nightly",
        ),
        (
            "iam",
            "GetRole",
            json!({"RoleName": "AWSServiceRoleForECS"}),
            "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        ),
        (
            "ssm",
            "PutParameter",
            json!({"Name": "/fargate-stack/lock/web"}),
            "arn:aws:ssm:eu-west-1:111122223333:parameter/fargate-stack/lock/web",
        ),
        (
            "route53",
            "ChangeResourceRecordSets",
            json!({"path": "/2013-04-01/hostedzone/Z1/rrset"}),
            "arn:aws:route53:::hostedzone/Z1",
        ),
        (
            "secretsmanager",
            "DescribeSecret",
            json!({"SecretId": "x"}),
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf",
        ),
        (
            "sqs",
            "GetQueueAttributes",
            json!({"QueueUrl": "https://sqs/1/q"}),
            "arn:aws:sqs:eu-west-1:111122223333:q",
        ),
        ("tagging", "GetResources", json!({}), "*"),
    ] {
        let found = asked(service, operation, &input);
        assert_eq!(found[0].1, wanted, "{service} {operation}");
    }
    assert_eq!(asked("tagging", "GetResources", &json!({}))[0].0, "tag:GetResources");
    assert_eq!(
        asked("s3", "HeadBucket", &json!({"path": "/bucket"}))[0],
        ("s3:ListBucket".into(), "arn:aws:s3:::bucket".into())
    );
}
