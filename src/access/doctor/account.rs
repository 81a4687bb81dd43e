//! What the account lacks, or grants too much, for this stack.

use super::unread;
use crate::access::Role;
use crate::lookup::surroundings::Chosen;
use crate::lookup::survey::Decision;
use crate::model::{CallError, Finding, Level};

/// A read of AWS.
pub type Read<T> = Result<T, CallError>;

/// The tags of a repository can be moved.
pub fn tags(repository: &str, mutable: &Read<Option<bool>>) -> Finding {
    let about = format!("repository {repository}");
    match mutable {
        Ok(Some(false)) => Finding::new(Level::Ok, about, "tags are immutable"),
        Ok(Some(true)) => Finding::new(Level::Warn, about, "tags can be moved to another image")
            .mend("set immutable tags; the digest that was planned is applied in any case"),
        Ok(None) => Finding::new(
            Level::Unknown,
            about,
            "there is no such ECR repository: the image comes from elsewhere",
        ),
        Err(error) => unread(&about, error),
    }
}

/// The roles that ECS and Elastic Load Balancing make for themselves.
pub fn linked(role: &str, there: &Read<bool>) -> Finding {
    match there {
        Ok(true) => Finding::new(Level::Ok, role, "is there"),
        Ok(false) => Finding::new(Level::Warn, role, "is not there yet")
            .mend("the first apply makes it, and needs `iam:CreateServiceLinkedRole` for that"),
        Err(error) => unread(role, error),
    }
}

/// How tasks get out of their subnets.
pub fn egress(sites: &Result<Vec<Chosen>, String>) -> Vec<Finding> {
    const ABOUT: &str = "egress";
    let sites = match sites {
        Ok(sites) => sites,
        Err(why) => return vec![Finding::new(Level::Unknown, ABOUT, why.as_str())],
    };
    let shut: Vec<Finding> = sites
        .iter()
        .filter(|site| !site.leads_out && !site.lacks.is_empty())
        .map(|site| {
            Finding::new(
                Level::Fail,
                ABOUT,
                format!("nothing leads out of the subnet `{}`, and it lacks VPC endpoints", site.id),
            )
            .mend(format!("make a NAT gateway, or the VPC endpoints {}", site.lacks.join(", ")))
        })
        .collect();
    if shut.is_empty() {
        let ids: Vec<&str> = sites.iter().map(|site| site.id.as_str()).collect();
        return vec![Finding::new(
            Level::Ok,
            ABOUT,
            format!("tasks reach what they need from {}", ids.join(", ")),
        )];
    }
    shut
}

/// The vCPUs of Fargate that the account may run at once (Service Quotas `fargate`, `L-3032A538`), against those of this stack: while a
/// rollout runs, a service has up to `maximum_percent` of its tasks.
pub fn quota(allowed: &Read<f64>, steady: f64, rolling: f64) -> Finding {
    const ABOUT: &str = "Fargate vCPU quota";
    match allowed {
        Err(error) => unread(ABOUT, error),
        Ok(allowed) if steady > *allowed => {
            Finding::new(Level::Fail, ABOUT, format!("{allowed} for the account, and this stack alone wants {steady}"))
                .mend("ask for more in Service Quotas (`L-3032A538`)")
        }
        Ok(allowed) if rolling > *allowed => Finding::new(
            Level::Warn,
            ABOUT,
            format!("{allowed} for the account; this stack wants {steady}, and {rolling} while all its services roll out"),
        )
        .mend("ask for more in Service Quotas (`L-3032A538`), or lower `maximum_percent`"),
        Ok(allowed) => Finding::new(
            Level::Ok,
            ABOUT,
            format!("{allowed} for the account; this stack wants {steady}, and {rolling} while all its services roll out"),
        ),
    }
}

/// Whether the lock can be read.
pub fn lock(look: &Read<Option<String>>, role: Option<Role>) -> Finding {
    const ABOUT: &str = "lock";
    match look {
        Ok(None) => Finding::new(Level::Ok, ABOUT, "is free"),
        Ok(Some(holder)) => Finding::new(Level::Ok, ABOUT, format!("is held by {holder}")),
        Err(error) if role == Some(Role::Plan) && error.is_access_denied() => {
            Finding::new(Level::Ok, ABOUT, "cannot be read, which a role for plans does not have to")
        }
        Err(error) if error.is_access_denied() => Finding::new(Level::Fail, ABOUT, error.to_string())
            .mend(format!("allow `{}` on the lock's parameters: an apply needs it", error.op)),
        Err(error) => unread(ABOUT, error),
    }
}

/// What a role for plans must not be allowed.
pub fn harmless(answers: Option<&Read<Vec<(String, Decision)>>>) -> Vec<Finding> {
    const ABOUT: &str = "rights of the plan role";
    match answers {
        None => vec![Finding::new(
            Level::Unknown,
            ABOUT,
            "looked at only in the job of a pull request, or with `--role plan`",
        )],
        Some(Err(error)) => vec![unread(ABOUT, error)],
        Some(Ok(answers)) => {
            let allowed: Vec<&str> = answers
                .iter()
                .filter(|(_, decision)| *decision == Decision::Allowed)
                .map(|(action, _)| action.as_str())
                .collect();
            if answers.is_empty() {
                return vec![Finding::new(Level::Unknown, ABOUT, "IAM gave no answer")];
            }
            if allowed.is_empty() {
                return vec![Finding::new(
                    Level::Ok,
                    ABOUT,
                    format!("none of {} actions that change or show secrets", answers.len()),
                )];
            }
            vec![
                Finding::new(Level::Fail, ABOUT, format!("may {}", allowed.join(", ")))
                    .mend("whoever can push a branch has these: use the policy of `fargate-stack iam print --role plan`"),
            ]
        }
    }
}

/// Actions that a role for plans is asked about: each would change something, run something or show a secret.
pub const HARMFUL: &[&str] = &[
    "ecr:PutImage",
    "ecs:ExecuteCommand",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:UpdateService",
    "iam:CreateRole",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "kms:Decrypt",
    "logs:GetLogEvents",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:PutParameter",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(op: &str) -> CallError {
        CallError { code: "AccessDeniedException".into(), ..CallError::local(op, "no") }
    }

    #[test]
    fn tags_that_move_are_a_doubt_and_a_refusal_is_unknown() {
        assert_eq!(tags("web", &Ok(Some(false))).level, Level::Ok);
        assert_eq!(tags("web", &Ok(Some(true))).level, Level::Warn);
        assert_eq!(tags("web", &Ok(None)).level, Level::Unknown);
        let found = tags("web", &Err(denied("ecr:DescribeRepositories")));
        assert_eq!(
            (found.level, found.remedy.as_str()),
            (Level::Unknown, "allow `ecr:DescribeRepositories` to know")
        );
    }

    #[test]
    fn a_subnet_without_a_way_out_fails_unless_it_has_every_endpoint() {
        let site = |leads_out: bool, lacks: &[&'static str]| Chosen {
            id: "subnet-1".into(),
            leads_out,
            lacks: lacks.to_vec(),
        };
        let level = |site: Chosen| egress(&Ok(vec![site])).iter().map(|one| one.level).collect::<Vec<_>>();
        assert_eq!(level(site(true, &["s3"])), [Level::Ok]);
        assert_eq!(level(site(false, &[])), [Level::Ok]);
        assert_eq!(level(site(false, &["s3"])), [Level::Fail]);
        assert_eq!(
            egress(&Err("why".into())).iter().map(|one| one.level).collect::<Vec<_>>(),
            [Level::Unknown]
        );
    }

    #[test]
    fn the_quota_is_compared_with_the_stack_at_rest_and_in_a_rollout() {
        assert_eq!(quota(&Ok(6.0), 2.0, 4.0).level, Level::Ok);
        assert_eq!(quota(&Ok(3.0), 2.0, 4.0).level, Level::Warn);
        assert_eq!(quota(&Ok(1.0), 2.0, 4.0).level, Level::Fail);
        assert_eq!(quota(&Err(denied("servicequotas:GetServiceQuota")), 2.0, 4.0).level, Level::Unknown);
    }

    #[test]
    fn a_lock_that_cannot_be_read_matters_to_whoever_applies() {
        assert_eq!(lock(&Ok(None), None).level, Level::Ok);
        assert_eq!(lock(&Err(denied("ssm:GetParametersByPath")), Some(Role::Apply)).level, Level::Fail);
        assert_eq!(lock(&Err(denied("ssm:GetParametersByPath")), Some(Role::Plan)).level, Level::Ok);
        assert_eq!(
            lock(&Err(CallError::local("ssm:GetParametersByPath", "no connection")), None).level,
            Level::Unknown
        );
    }

    #[test]
    fn a_plan_role_that_may_do_harm_fails_by_name() {
        let answers = |decision| {
            Ok(vec![("iam:PassRole".to_owned(), decision), ("s3:GetObject".to_owned(), Decision::Explicit)])
        };
        let found = harmless(Some(&answers(Decision::Allowed)));
        assert!(
            found.iter().all(|one| one.level == Level::Fail && one.found == "may iam:PassRole"),
            "{found:?}"
        );
        assert!(harmless(Some(&answers(Decision::Implicit))).iter().all(|one| one.level == Level::Ok));
        for unknown in [None, Some(&Ok(vec![])), Some(&Err(denied("iam:SimulatePrincipalPolicy")))] {
            assert!(harmless(unknown).iter().all(|one| one.level == Level::Unknown));
        }
    }

    #[test]
    fn a_linked_role_is_there_or_will_be_made() {
        assert_eq!(linked("r", &Ok(true)).level, Level::Ok);
        assert_eq!(linked("r", &Ok(false)).level, Level::Warn);
        assert_eq!(linked("r", &Err(denied("iam:GetRole"))).level, Level::Unknown);
    }
}
