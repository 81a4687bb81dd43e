//! What ECS prepares before a container starts: roles, secrets, environment files, logs, volumes, proxies.

use super::pull::{NO_ANSWER, REFUSED, in_ticks, is_registry_auth, statement};
use super::words::{arn_of, has, word_after};
use super::{Evidence, Group, Match, Quote, find, said};

const INIT: &[&str] = &["resourceinitializationerror", "unable to pull secrets", "unable to retrieve secret"];
const SECRET: &[&str] = &["secret", "ssm", " asm", "parameter", "kms"];
const SECRET_ABSENT: &[&str] = &[
    "resourcenotfoundexception",
    "can't find the specified secret",
    "did not contain json key",
    "does not contain json key",
    "parameternotfound",
    "invalid ssm parameters",
    "invalid parameters",
    "marked deleted",
    "marked for deletion",
];

pub(super) fn explicit_deny(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = find(evidence, group, &["explicit deny"])?;
    let action =
        word_after(&quote.text, "perform: ").map(|action| format!("a policy denies `{action}` explicitly"));
    let matched = Match::from(quote);
    Some(match action {
        Some(what) => matched.saying(what),
        None => matched,
    })
}

pub(super) fn lift_deny(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let action = word_after(&said, "perform: ").unwrap_or("the call");
    let by = if has(&said, &["service control policy"]) {
        "the service control policy of the organisation"
    } else if has(&said, &["permissions boundary"]) {
        "the permissions boundary of the role"
    } else {
        "the policy with the explicit deny"
    };
    format!(
        "have {by} changed to allow `{action}`: it cannot be fixed in the policy of role `{}`",
        evidence.execution_role
    )
}

pub(super) fn pass_role(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    find(evidence, group, &["iam:passrole"]).map(Match::from)
}

pub(super) fn allow_pass_role(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let any = format!("the ARN of role `{}` and of role `{}`", evidence.execution_role, evidence.task_role);
    let (resource, note) = match arn_of(&said, &["iam"]).filter(|arn| arn.contains(":role/")) {
        Some(arn) => (arn, String::new()),
        None => ("*", format!(" (narrow `Resource` to {any})")),
    };
    let statement = serde_json::json!({
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": resource,
        "Condition": { "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" } }
    });
    format!("add to the policy of the role that deploys: {}{note}", in_ticks(&statement))
}

pub(super) fn role_trust(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = [
        "unable to assume the role",
        "unable to assume role",
        "unable to assume the service",
        "role is invalid or cannot be assumed",
    ];
    find(evidence, group, &parts).map(Match::from)
}

pub(super) fn mend_trust(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let role = arn_of(&said, &["iam"]).and_then(|arn| arn.rsplit('/').next());
    let role = role.unwrap_or(&evidence.execution_role);
    let trust = serde_json::json!({
        "Effect": "Allow", "Principal": { "Service": "ecs-tasks.amazonaws.com" }, "Action": "sts:AssumeRole"
    });
    format!(
        "let the trust policy of role `{role}` hold (`fargate-stack apply` restores it): {}",
        in_ticks(&trust)
    )
}

/// What is said about a secret, when the failure is about one.
fn of_secret(evidence: &Evidence, group: Option<&Group>) -> Option<Quote> {
    said(evidence, group)
        .into_iter()
        .find(|quote| has(&quote.text, INIT) && has(&quote.text, SECRET) && !is_other(&quote.text))
}

/// Whether an initialisation failed for something else than secrets.
fn is_other(text: &str) -> bool {
    is_registry_auth(text) || has(text, ENV_FILE) || has(text, LOG) || has(text, EFS)
}

/// The secret that a text names, or the only one there is.
fn secret(evidence: &Evidence, text: &str) -> Option<String> {
    let named = arn_of(text, &["secretsmanager", "ssm", "kms"]).or_else(|| word_after(text, "secret id "));
    let mut all = evidence.containers.iter().flat_map(|one| &one.secrets);
    let only = all.next().filter(|_| all.next().is_none());
    named.map(str::to_owned).or_else(|| only.cloned())
}

fn of_named(evidence: &Evidence, quote: Quote, what: impl Fn(&str) -> String) -> Match {
    let named = secret(evidence, &quote.text);
    let matched = Match::from(quote);
    match named {
        Some(name) => matched.saying(what(&name)),
        None => matched,
    }
}

pub(super) fn secret_not_found(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = of_secret(evidence, group).filter(|quote| has(&quote.text, SECRET_ABSENT))?;
    Some(of_named(evidence, quote, |name| {
        format!("the secret `{name}` does not exist, or not as it is asked for")
    }))
}

pub(super) fn name_secret(evidence: &Evidence, matched: &Match) -> String {
    if has(&matched.said(), &["json key"]) {
        return format!("name a JSON key that the secret has in {}", evidence.field("secrets"));
    }
    format!("create the secret with a value, or correct its path in {}", evidence.field("secrets"))
}

pub(super) fn secret_forbidden(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = of_secret(evidence, group).filter(|quote| has(&quote.text, REFUSED))?;
    Some(of_named(evidence, quote, |name| {
        format!("role `{}` may not read the secret `{name}`", evidence.execution_role)
    }))
}

pub(super) fn allow_secret(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let kms = has(&said, &["kms"]);
    let action = word_after(&said, "perform: ").filter(|action| action.contains(':'));
    let action = action.unwrap_or(if kms { "kms:Decrypt" } else { "secretsmanager:GetSecretValue" });
    let services: &[&str] = if action.starts_with("kms:") { &["kms"] } else { &["secretsmanager", "ssm"] };
    let resource = arn_of(&said, services).map(str::to_owned);
    let resource = resource.or_else(|| secret(evidence, "").filter(|_| !action.starts_with("kms:")));
    let statement = statement(&[action], resource.as_deref().unwrap_or("*"));
    format!(
        "add to the policy of role `{}` (`fargate-stack apply` does it for secrets in {}): {statement}",
        evidence.execution_role,
        evidence.field("secrets")
    )
}

pub(super) fn secret_unreachable(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    of_secret(evidence, group).filter(|quote| has(&quote.text, NO_ANSWER)).map(Match::from)
}

const ENV_FILE: &[&str] = &["environment file", "env file", "envfile"];

pub(super) fn env_file(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = find(evidence, group, ENV_FILE)?;
    let file = env_file_of(evidence, &quote.text);
    Some(Match::from(quote).saying(format!("the environment file {file} could not be read")))
}

fn env_file_of(evidence: &Evidence, text: &str) -> String {
    let known = evidence.containers.iter().flat_map(|one| &one.env_files).next();
    let arn = arn_of(text, &["s3"]).or(known.map(String::as_str));
    arn.map_or_else(|| "of the task definition".to_owned(), |arn| format!("`{arn}`"))
}

pub(super) fn allow_env_file(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    if has(&said, &["404", "nosuchkey", "not found", "does not exist"]) {
        return format!(
            "put the file {} there, or use {} instead",
            env_file_of(evidence, &said),
            evidence.field("environment")
        );
    }
    let known = evidence.containers.iter().flat_map(|one| &one.env_files).next();
    let resource = arn_of(&said, &["s3"]).or(known.map(String::as_str)).unwrap_or("*");
    let statement = statement(&["s3:GetObject", "s3:GetBucketLocation"], resource);
    format!("add to the policy of role `{}`: {statement}", evidence.execution_role)
}

const LOG: &[&str] = &[
    "failed to validate logger args",
    "logger args",
    "failed to initialize logging driver",
    "create stream has been retried",
    "logs:createlog",
    "log group does not exist",
];

pub(super) fn log_group(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = find(evidence, group, LOG)?;
    let name = log_group_of(evidence);
    Some(Match::from(quote).saying(format!("the log group `{name}` could not be used")))
}

fn log_group_of(evidence: &Evidence) -> &str {
    evidence.containers.iter().find_map(|one| one.log_group.as_deref()).unwrap_or("of the task definition")
}

pub(super) fn mend_log(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    if has(&said, REFUSED) {
        let action = word_after(&said, "perform: ").filter(|action| action.starts_with("logs:"));
        let resource = arn_of(&said, &["logs"]).unwrap_or("*");
        let statement = match action {
            Some(action) => statement(&[action], resource),
            None => statement(&["logs:CreateLogStream", "logs:PutLogEvents"], resource),
        };
        return format!("add to the policy of role `{}`: {statement}", evidence.execution_role);
    }
    if has(&said, NO_ANSWER) {
        return super::pull::open_the_way(evidence, matched);
    }
    format!("create the log group `{}`: `fargate-stack apply` does", log_group_of(evidence))
}

const EFS: &[&str] = &["efs utils", "mount.nfs", "efs file system", "failed to invoke efs", "amazon efs"];

pub(super) fn efs(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    find(evidence, group, EFS).map(Match::from)
}

pub(super) fn mend_efs(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let tasks = &evidence.security_group;
    if has(&said, &["failed to resolve", "name or service not known", "no such host"]) {
        return "give the file system a mount target in the Availability Zone of every subnet of the task, and turn on DNS hostnames of the VPC".to_owned();
    }
    if has(&said, &["access denied", "accessdenied"]) {
        let statement = statement(
            &["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            arn_of(&said, &["elasticfilesystem"]).unwrap_or("*"),
        );
        return format!("add to the policy of role `{}`: {statement}", evidence.task_role);
    }
    if has(&said, &["no such file or directory"]) {
        return "create the root directory of the volume in the file system, or let an access point create it".to_owned();
    }
    format!(
        "add a rule to the security group of the file system's mount targets: incoming TCP 2049 from security group `{tasks}`"
    )
}

pub(super) fn ebs(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts =
        ["amazonelasticblockstorage", "ebs volume", "ebs attach", "attach the volume", "elasticblockstorage"];
    find(evidence, group, &parts).map(Match::from)
}

pub(super) fn mend_ebs(_: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    if has(&said, &["kms", "key"]) {
        return "let the key policy of the volume's KMS key allow `kms:CreateGrant` and `kms:GenerateDataKeyWithoutPlaintext` to the infrastructure role".to_owned();
    }
    if has(&said, &["availability zone", "availabilityzone"]) {
        return "make the volume from a snapshot that can be used in the task's Availability Zone, or place the task in the volume's".to_owned();
    }
    "attach the managed policy `AmazonECSInfrastructureRolePolicyForVolumes` to the infrastructure role of the volume".to_owned()
}

const PROXY: &str = "ecs-service-connect";

pub(super) fn service_connect(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let proxy =
        group.and_then(Group::first).filter(|exit| exit.container.starts_with(PROXY) && exit.code != Some(0));
    let parts = ["service connect", PROXY, "servicediscovery", "namespace not found", "namespacenotfound"];
    let quote = find(evidence, group, &parts);
    let from_proxy = || {
        let exit = proxy?;
        let text = format!(
            "{}{}",
            exit.code.map(|code| format!("exit code {code} ")).unwrap_or_default(),
            exit.reason
        );
        Some(Quote { source: format!("container `{}`", exit.container), text })
    };
    quote.or_else(from_proxy).map(Match::from)
}

pub(super) fn mend_service_connect(_: &Evidence, matched: &Match) -> String {
    if has(&matched.said(), &["namespace"]) {
        return "create the namespace of the service's Service Connect configuration, or name one that exists".to_owned();
    }
    "let every `portName` of the service's Service Connect configuration be the name of a port mapping in the task definition".to_owned()
}
