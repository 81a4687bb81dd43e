//! The policy of a role: the actions that it needs, each as narrow as AWS knows.

use std::collections::{BTreeMap, BTreeSet};

use super::need::{self, Uses};
use super::reach::{Ground, ROWS, Reach};
use super::{Place, Role};
use crate::config::Config;
use crate::stack::{Policy, Statement};

/// The policy of a role of this stack. `tasks` limits what the role for runs may start; empty for every task of the stack.
pub fn policy(role: Role, config: &Config, place: &Place, tasks: &[String]) -> Policy {
    let ground = Ground::new(place, config, tasks);
    let mut places: BTreeMap<Reach, BTreeSet<&'static str>> = BTreeMap::new();
    for action in need::actions(role, Uses::of(config)) {
        for reach in reaches(role, action) {
            places.entry(*reach).or_default().insert(action);
        }
    }
    let mut statements: Vec<Statement> =
        places.iter().flat_map(|(reach, actions)| ground.statements(*reach, actions)).collect();
    if role == Role::Plan {
        statements.push(Statement {
            sid: Some("NeverSecretsOrData".to_owned()),
            effect: "Deny".to_owned(),
            ..Statement::allow(need::NEVER_ON_PLAN.iter().copied(), ["*"])
        });
    }
    Policy::new(statements)
}

/// Where a role may do something. A run passes the roles of tasks only, and tags only the task that it starts.
fn reaches(role: Role, action: &str) -> &'static [Reach] {
    match (role, action) {
        (Role::RunTask, "iam:PassRole") => &[Reach::PassTasks],
        (Role::RunTask, "ecs:TagResource") => &[Reach::Tasks],
        _ => ROWS.iter().find(|(name, _)| *name == action).map_or(&[], |(_, reaches)| *reaches),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::access::compare::{Verdict, judge};
    use crate::config::parse;

    const EVERYTHING: &str = "
app: {name: shop}
domain: shop.example.com
tasks:
  web: {type: https, image: web, secrets: [db/password]}
  night: {image: web, schedule: rate(1 day)}
";

    fn everything() -> Config {
        parse("fargate-stack.yml", EVERYTHING).unwrap()
    }

    fn place() -> Place {
        Place::new(Some("123456789012"), "eu-west-1", None)
    }

    fn of(role: Role, config: &Config) -> Policy {
        policy(role, config, &place(), &[])
    }

    #[test]
    fn every_action_that_any_role_needs_is_in_the_table_and_in_its_policy() {
        let config = everything();
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            let policy = [of(role, &config)];
            for action in need::actions(role, Uses::of(&config)) {
                assert!(ROWS.iter().any(|(name, _)| *name == action), "{action} is not in the table");
                assert_eq!(judge(&policy, action, None), Verdict::Allowed, "{action} of {}", role.word());
            }
        }
    }

    #[test]
    fn the_table_is_sorted_and_names_every_action_once() {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names, sorted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn statement_ids_are_unique_and_of_letters_and_digits() {
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            let policy = of(role, &everything());
            let ids: BTreeSet<&String> =
                policy.statements.iter().filter_map(|one| one.sid.as_ref()).collect();
            assert_eq!(ids.len(), policy.statements.len());
            assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric())));
        }
    }

    #[test]
    fn a_plan_can_neither_change_anything_nor_read_a_secret() {
        let config = everything();
        let plan = of(Role::Plan, &config);
        for action in plan.statements.iter().filter(|one| one.effect == "Allow").flat_map(|one| &one.actions)
        {
            let verb = action.split(':').nth(1).unwrap();
            let reads =
                ["Describe", "Get", "List", "BatchGetImage"].iter().any(|start| verb.starts_with(start));
            assert!(reads, "{action}");
        }
        for action in need::NEVER_ON_PLAN {
            assert_eq!(judge(std::slice::from_ref(&plan), action, None), Verdict::Denied, "{action}");
        }
        // Even if somebody attaches more.
        let wide = Policy::new([Statement::allow(["*"], ["*"])]);
        for action in ["secretsmanager:GetSecretValue", "ecs:RunTask", "logs:GetLogEvents"] {
            assert_eq!(judge(&[plan.clone(), wide.clone()], action, Some("x")), Verdict::Denied, "{action}");
        }
    }

    #[test]
    fn what_a_stack_does_not_use_its_roles_may_not_do() {
        let config =
            parse("fargate-stack.yml", "{app: {name: a}, tasks: {job: {image: docker.io/library/job}}}")
                .unwrap();
        let policy = of(Role::Apply, &config);
        for prefix in ["acm:", "ecr:", "elasticloadbalancing:", "events:", "route53:", "secretsmanager:"] {
            let found: Vec<&String> = policy
                .statements
                .iter()
                .flat_map(|one| &one.actions)
                .filter(|one| one.starts_with(prefix))
                .collect();
            assert!(found.is_empty(), "{found:?}");
        }
        assert_eq!(judge(&[policy], "ecs:CreateService", None), Verdict::NotAllowed);
    }

    #[test]
    fn nothing_of_another_stack_can_be_changed_by_its_name() {
        let policy = [of(Role::Apply, &everything())];
        for (action, resource) in [
            ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/other-cluster/web"),
            ("ecs:UpdateService", "arn:aws:ecs:us-east-1:123456789012:service/shop-cluster/web"),
            ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/FargateOtherRole"),
            ("iam:PassRole", "arn:aws:iam::123456789012:role/Admin"),
            ("logs:DeleteLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/other"),
            ("events:DeleteRule", "arn:aws:events:eu-west-1:123456789012:rule/other-schedule"),
            ("ecs:RegisterTaskDefinition", "arn:aws:ecs:eu-west-1:123456789012:task-definition/other:*"),
            ("ssm:PutParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/fargate-stack/locks/other/1"),
        ] {
            assert_eq!(judge(&policy, action, Some(resource)), Verdict::NotAllowed, "{action} on {resource}");
        }
        for (action, resource) in [
            ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/shop-cluster/web"),
            ("ssm:PutParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/fargate-stack/locks/shop/1"),
            ("iam:PassRole", "arn:aws:iam::123456789012:role/FargateShopTaskRole"),
        ] {
            assert_eq!(judge(&policy, action, Some(resource)), Verdict::Allowed, "{action} on {resource}");
        }
    }

    #[test]
    fn passing_a_role_is_bound_to_the_service_that_gets_it() {
        for role in [Role::Apply, Role::RunTask] {
            let policy = of(role, &everything());
            let passes = policy.statements.iter().filter(|one| one.actions.contains("iam:PassRole"));
            let mut count = 0;
            for pass in passes {
                assert!(pass.conditions["StringEquals"].contains_key("iam:PassedToService"));
                assert!(!pass.resources.iter().any(|arn| arn.contains('*')));
                count += 1;
            }
            assert_eq!(count, if role == Role::Apply { 2 } else { 1 });
        }
    }

    #[test]
    fn what_has_no_name_of_its_own_is_bound_to_the_tag() {
        let policy = of(Role::Apply, &everything());
        let writes_on_any = policy.statements.iter().filter(|one| {
            one.effect == "Allow"
                && one.conditions.is_empty()
                && one.resources.iter().any(|arn| arn == "*" || arn.ends_with("/*") && !arn.contains("shop"))
        });
        let found: BTreeSet<&str> = writes_on_any
            .flat_map(|one| &one.actions)
            .map(String::as_str)
            .filter(|action| {
                !["Describe", "Get", "List", "BatchGet"]
                    .iter()
                    .any(|verb| action.contains(&format!(":{verb}")))
            })
            .collect();
        // A new group names its VPC, listeners of others take this stack's certificates, and deregistering knows no resource at all.
        let known = [
            "ec2:CreateSecurityGroup",
            "ecs:DeregisterTaskDefinition",
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:SetRulePriorities",
        ];
        assert_eq!(found, known.into());
    }
}
