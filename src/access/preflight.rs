//! Whether an account can carry a stack: rows over facts, and what they mean for each kind of task. Pure.

use crate::lookup::LookupError;
use crate::lookup::survey::{Decision, Ground, Survey, Tried};
use crate::model::{Able, CallError, Finding, Level};

/// Which parts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "three switches of a command line")]
pub struct Parts {
    /// Certificates.
    pub https: bool,
    /// Hosted zones.
    pub dns: bool,
    /// Secrets Manager.
    pub secrets: bool,
}

/// The rows, in order.
pub fn rows(survey: &Survey, parts: Parts) -> Vec<Finding> {
    let mut rows = vec![
        Finding::new(Level::Ok, CREDENTIALS, survey.caller.clone()),
        linked(survey),
        vpcs(&survey.vpcs),
        egress(&survey.vpcs),
        tried(ECS, &survey.ecs.iter().collect::<Vec<_>>(), Level::Fail),
        tried(BALANCING, &[&survey.balancing], Level::Fail),
        tried(LOGS, &[&survey.logs], Level::Fail),
        tried("ECR", &[&survey.ecr], Level::Warn),
        tried(EVENTS, &[&survey.events], Level::Fail),
        pass_role(survey.pass_role.as_ref()),
    ];
    if parts.dns {
        rows.push(tried("Route 53", &[&survey.dns], Level::Fail));
    }
    if parts.https {
        rows.push(tried(CERTIFICATES, &[&survey.certificates], Level::Fail));
    }
    if parts.secrets {
        rows.push(secrets(&survey.vpcs));
    }
    rows
}

const CREDENTIALS: &str = "credentials";
const NETWORK: &str = "VPC and subnets";
const EGRESS: &str = "egress";
const ECS: &str = "ECS";
const BALANCING: &str = "Elastic Load Balancing";
const LOGS: &str = "CloudWatch Logs";
const EVENTS: &str = "EventBridge";
const PASS_ROLE: &str = "iam:PassRole";
const CERTIFICATES: &str = "ACM";

/// Without credentials nothing else can be looked at.
pub fn without_credentials(why: &str) -> Vec<Finding> {
    vec![
        Finding::new(Level::Fail, CREDENTIALS, why).mend(
            "sign in, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    ]
}

/// What the rows mean for each kind of task.
pub fn kinds(rows: &[Finding], parts: Parts) -> Vec<(&'static str, Able)> {
    const BASE: [&str; 6] = [CREDENTIALS, NETWORK, EGRESS, ECS, LOGS, PASS_ROLE];
    let able = |more: &[&str]| {
        let needed = BASE.iter().chain(more).map(|about| rows.iter().find(|row| row.about == **about));
        let worst = needed.map(|row| row.map_or(Level::Fail, |row| row.level)).max();
        match worst {
            Some(Level::Ok) => Able::Yes,
            Some(Level::Fail) | None => Able::No,
            Some(_) => Able::Maybe,
        }
    };
    let mut kinds = vec![("HTTP services", able(&[BALANCING]))];
    if parts.https {
        kinds.push(("HTTPS services", able(&[BALANCING, CERTIFICATES])));
    }
    kinds.push(("scheduled tasks", able(&[EVENTS])));
    kinds.push(("one-shot tasks", able(&[])));
    kinds.push(("daemon services", able(&[])));
    kinds
}

/// 0 when all is well, 1 when there is a doubt, 2 when something fails: the worst row decides.
pub fn exit(rows: &[Finding]) -> u8 {
    match rows.iter().map(|row| row.level).max() {
        Some(Level::Fail) => 2,
        Some(Level::Warn | Level::Unknown) => 1,
        Some(Level::Ok) | None => 0,
    }
}

/// What to do about a refused call: the missing permission by its name.
pub fn refused(error: &CallError) -> String {
    if error.is_access_denied() {
        format!("allow `{}`", error.op)
    } else {
        "try again, and look at the message".to_owned()
    }
}

/// Reads that were only tried.
fn tried(about: &'static str, results: &[&Tried], level: Level) -> Finding {
    let errors: Vec<&CallError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    let Some(first) = errors.first() else {
        return Finding::new(Level::Ok, about, "can be read");
    };
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let denied: Vec<String> =
        errors.iter().filter(|one| one.is_access_denied()).map(|one| format!("`{}`", one.op)).collect();
    let remedy = if denied.is_empty() { refused(first) } else { format!("allow {}", denied.join(" and ")) };
    Finding::new(level, about, lines.join("; ")).mend(remedy)
}

/// The roles that services make for themselves.
fn linked(survey: &Survey) -> Finding {
    const ABOUT: &str = "service-linked roles";
    const MADE: &str =
        "it is made with the first cluster; whoever makes that needs `iam:CreateServiceLinkedRole`";
    match (&survey.ecs_role, &survey.balancing_role) {
        (Err(error), _) | (_, Err(error)) => {
            Finding::new(Level::Fail, ABOUT, error.to_string()).mend(refused(error))
        }
        (Ok(false), _) => {
            Finding::new(Level::Warn, ABOUT, "AWSServiceRoleForECS is not there yet").mend(MADE)
        }
        (Ok(true), Ok(false)) => Finding::new(
            Level::Ok,
            ABOUT,
            "AWSServiceRoleForECS is there; the one of Elastic Load Balancing is made with the first load balancer",
        ),
        (Ok(true), Ok(true)) => Finding::new(Level::Ok, ABOUT, "both are there"),
    }
}

fn unread(about: &'static str, error: &LookupError) -> Finding {
    let lines: Vec<String> = error.calls.iter().map(ToString::to_string).collect();
    let denied: Vec<String> =
        error.calls.iter().filter(|one| one.is_access_denied()).map(|one| format!("`{}`", one.op)).collect();
    let remedy = if denied.is_empty() {
        "try again, and look at the message".to_owned()
    } else {
        format!("allow {}", denied.join(" and "))
    };
    Finding::new(Level::Fail, about, lines.join("; ")).mend(remedy)
}

/// Several VPCs are no error: a stack file names one.
fn vpcs(read: &Result<Vec<Ground>, LookupError>) -> Finding {
    let vpcs = match read {
        Ok(vpcs) => vpcs,
        Err(error) => return unread(NETWORK, error),
    };
    let lines: Vec<String> =
        vpcs.iter().map(|vpc| format!("{} with subnets in {} zones", vpc.line, vpc.zones)).collect();
    let told = lines.join("; ");
    match vpcs.iter().map(|vpc| vpc.zones).max() {
        None => Finding::new(Level::Fail, NETWORK, "the region has no VPC")
            .mend("make one, or name another region"),
        Some(0 | 1) => Finding::new(Level::Fail, NETWORK, told)
            .mend("make subnets in a second Availability Zone: a load balancer needs two"),
        Some(_) if vpcs.len() > 1 => Finding::new(Level::Ok, NETWORK, told)
            .mend("name the one that is meant by `vpc_id` in the stack file"),
        Some(_) => Finding::new(Level::Ok, NETWORK, told),
    }
}

/// How a task gets its image and sends its log.
fn egress(read: &Result<Vec<Ground>, LookupError>) -> Finding {
    let Ok(vpcs) = read else {
        return Finding::new(Level::Fail, EGRESS, "the network could not be read");
    };
    let private: usize = vpcs.iter().map(|vpc| vpc.private).sum();
    let served: usize = vpcs.iter().map(|vpc| vpc.served).sum();
    let public: usize = vpcs.iter().map(|vpc| vpc.public).sum();
    let count = |count: usize| format!("{count} {}", if count == 1 { "subnet" } else { "subnets" });
    if private > 0 {
        return Finding::new(
            Level::Ok,
            EGRESS,
            format!("{} with a way out (NAT gateway or the like)", count(private)),
        );
    }
    if served > 0 {
        return Finding::new(
            Level::Ok,
            EGRESS,
            format!("{} with the VPC endpoints that tasks need", count(served)),
        );
    }
    if public > 0 {
        return Finding::new(Level::Warn, EGRESS, format!("only {} with an internet gateway", count(public)))
            .mend("set `assign_public_ip: true` in the stack file, or make a NAT gateway");
    }
    let lacks =
        vpcs.iter().map(|vpc| &vpc.lacks).filter(|lacks| !lacks.is_empty()).min_by_key(|lacks| lacks.len());
    let remedy = match lacks {
        Some(lacks) => format!("make a NAT gateway, or the VPC endpoints {}", lacks.join(", ")),
        None => "make a NAT gateway, or the VPC endpoints ecr.api, ecr.dkr, logs and s3".to_owned(),
    };
    Finding::new(Level::Fail, EGRESS, "no subnet leads out, so tasks cannot get their images").mend(remedy)
}

fn secrets(read: &Result<Vec<Ground>, LookupError>) -> Finding {
    const ABOUT: &str = "Secrets Manager";
    match read {
        Err(_) => Finding::new(Level::Warn, ABOUT, "the network could not be read"),
        Ok(vpcs) if vpcs.iter().any(|vpc| vpc.secrets) => {
            Finding::new(Level::Ok, ABOUT, "has a VPC endpoint")
        }
        Ok(vpcs) if vpcs.iter().any(|vpc| vpc.private > 0 || vpc.public > 0) => {
            Finding::new(Level::Ok, ABOUT, "can be reached over the internet")
        }
        Ok(_) => Finding::new(Level::Warn, ABOUT, "nothing leads there, and it has no VPC endpoint")
            .mend("make the VPC endpoint secretsmanager, if tasks read secrets"),
    }
}

fn pass_role(decision: Option<&Result<Decision, CallError>>) -> Finding {
    let finding = |level, found: &str| Finding::new(level, PASS_ROLE, found);
    match decision {
        None => finding(Level::Ok, "the root user may do everything"),
        Some(Ok(Decision::Allowed)) => finding(Level::Ok, "roles may be passed to ECS and EventBridge"),
        Some(Ok(Decision::Explicit)) => finding(Level::Fail, "a policy denies passing roles to ECS or EventBridge")
            .mend("take the statement away for the stack's roles"),
        Some(Ok(Decision::Implicit)) => {
            finding(Level::Warn, "nothing allows passing roles of the name `Fargate…Role` or `Events…Role`")
                .mend("allow `iam:PassRole` for the roles of the stack: `fargate-stack iam print --role apply` prints the policy")
        }
        Some(Err(error)) => finding(Level::Warn, &format!("could not be asked: {error}"))
            .mend("allow `iam:SimulatePrincipalPolicy` to know"),
    }
}
