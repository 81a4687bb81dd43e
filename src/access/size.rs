//! How long policies may be, and how a longer one is split.

use std::collections::BTreeSet;

use crate::stack::{Policy, Statement};

/// Characters of all inline policies of a role together, white space left out (IAM quota "Role policy size").
pub const INLINE_MAX: usize = 10_240;
/// Characters of a managed policy, white space left out (IAM quota "Managed policy length").
pub const MANAGED_MAX: usize = 6_144;
/// Managed policies that a role can have without a raised quota.
pub const MANAGED_PER_ROLE: usize = 10;
/// Characters of a trust policy without a raised quota (IAM quota "Role trust policy length").
pub const TRUST_MAX: usize = 2_048;

/// Characters that count. Our own text has no white space between its parts.
pub fn characters(policy: &Policy) -> usize {
    policy.text().chars().filter(|c| !c.is_whitespace()).count()
}

/// The documents that the policy is attached as: itself where it fits inline, else managed policies that say the same together.
pub fn documents(policy: &Policy) -> Vec<Policy> {
    if characters(policy) <= INLINE_MAX { vec![policy.clone()] } else { managed(policy) }
}

/// Managed policies that say the same together: whole statements as long as they fit, a longer one by halves of its resources.
fn managed(policy: &Policy) -> Vec<Policy> {
    let mut documents: Vec<Policy> = Vec::new();
    let mut open: Vec<Statement> = policy.statements.iter().rev().cloned().collect();
    while let Some(statement) = open.pop() {
        let alone = Policy::new([statement.clone()]);
        if characters(&alone) > MANAGED_MAX && statement.resources.len() > 1 {
            let [first, second] = halves(&statement);
            open.extend([second, first]);
            continue;
        }
        let joined = documents
            .last()
            .map(|last| Policy::new(last.statements.iter().cloned().chain([statement.clone()])));
        match (joined.filter(|joined| characters(joined) <= MANAGED_MAX), documents.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => documents.push(alone),
        }
    }
    documents
}

/// Two statements with half of the resources each. Ids must differ within a document.
fn halves(statement: &Statement) -> [Statement; 2] {
    let half = statement.resources.len() / 2;
    let part = |mark: &str, resources: BTreeSet<String>| Statement {
        sid: statement.sid.as_ref().map(|sid| format!("{sid}{mark}")),
        resources,
        ..statement.clone()
    };
    let first = statement.resources.iter().take(half).cloned().collect();
    let second = statement.resources.iter().skip(half).cloned().collect();
    [part("A", first), part("B", second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(resources: usize) -> Policy {
        let arns = (0..resources)
            .map(|n| format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/task-{n:04}:*"));
        Policy::new([
            Statement { sid: Some("Families".into()), ..Statement::allow(["ecs:RunTask"], arns) },
            Statement { sid: Some("Other".into()), ..Statement::allow(["ecs:ListTasks"], ["*"]) },
        ])
    }

    #[test]
    fn what_fits_stays_one_inline_policy() {
        assert_eq!(documents(&long(10)), [long(10)]);
    }

    #[test]
    fn what_does_not_fit_is_several_policies_that_say_the_same() {
        let whole = long(900);
        let documents = documents(&whole);
        assert!(documents.len() > 1);
        let mut seen = BTreeSet::new();
        for document in &documents {
            assert!(characters(document) <= MANAGED_MAX, "{}", characters(document));
            let sids: Vec<_> = document.statements.iter().map(|statement| &statement.sid).collect();
            assert_eq!(sids.len(), sids.iter().collect::<BTreeSet<_>>().len(), "ids must be unique");
            for statement in &document.statements {
                for action in &statement.actions {
                    seen.extend(
                        statement.resources.iter().map(|resource| (action.clone(), resource.clone())),
                    );
                }
            }
        }
        let wanted: BTreeSet<_> = whole
            .statements
            .iter()
            .flat_map(|one| {
                one.actions
                    .iter()
                    .flat_map(|action| one.resources.iter().map(move |at| (action.clone(), at.clone())))
            })
            .collect();
        assert_eq!(seen, wanted);
    }
}
