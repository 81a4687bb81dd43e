//! What `iam print` gives: the documents of a role, the commands that make it, and what to know about them.

use serde_json::{Value, json};

use super::trust::{Jobs, trust};
use super::{Place, Role, policy, role_name, size};
use crate::config::Config;
use crate::stack::Policy;

/// The documents of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Which.
    pub role: Role,
    /// What the commands call it.
    pub name: String,
    /// What it may do, whole.
    pub policy: Policy,
    /// The same as it is attached: one inline policy, or several managed ones.
    pub parts: Vec<Policy>,
    /// Who may take it on.
    pub trust: Policy,
    /// What to know.
    pub notes: Vec<String>,
    account: String,
    partition: String,
}

/// The documents of a role of this stack.
pub fn documents(role: Role, config: &Config, place: &Place, jobs: &Jobs, tasks: &[String]) -> Documents {
    let policy = policy(role, config, place, tasks);
    let trust = trust(role, jobs, place);
    let parts = size::documents(&policy);
    let notes = notes(role, config, place, jobs, &parts, &trust);
    Documents {
        role,
        name: role_name(&config.app.name, role),
        policy,
        parts,
        trust,
        notes,
        account: place.scope.account.clone(),
        partition: place.scope.partition.clone(),
    }
}

impl Documents {
    /// The file that a document goes into, with the document.
    pub fn files(&self) -> Vec<(String, &Policy)> {
        let many = self.parts.len() > 1;
        let part = |(at, part)| {
            let number = if many { format!("-{}", at + 1) } else { String::new() };
            (format!("{}-policy{number}.json", self.name), part)
        };
        let mut files = vec![(format!("{}-trust.json", self.name), &self.trust)];
        files.extend(self.parts.iter().enumerate().map(part));
        files
    }

    /// The commands of the AWS CLI that make the role from these files.
    pub fn commands(&self) -> Vec<String> {
        let name = &self.name;
        let mut files = self.files().into_iter().map(|(file, _)| file);
        let trust = files.next().unwrap_or_default();
        let mut commands = vec![format!(
            "aws iam create-role --role-name {name} --assume-role-policy-document file://{trust}"
        )];
        let policies: Vec<String> = files.collect();
        for file in &policies {
            let policy = file.trim_end_matches(".json");
            if policies.len() == 1 {
                commands.push(format!(
                    "aws iam put-role-policy --role-name {name} --policy-name {policy} --policy-document file://{file}"
                ));
            } else {
                let arn = format!("arn:{}:iam::{}:policy/{policy}", self.partition, self.account);
                commands.push(format!(
                    "aws iam create-policy --policy-name {policy} --policy-document file://{file}"
                ));
                commands.push(format!("aws iam attach-role-policy --role-name {name} --policy-arn '{arn}'"));
            }
        }
        commands
    }

    /// Everything as JSON.
    pub fn json(&self) -> Value {
        let part = |part: &Policy| json!({"document": part, "characters": size::characters(part)});
        json!({
            "role": self.role.word(),
            "name": self.name,
            "attach_as": if self.parts.len() == 1 { "inline" } else { "managed" },
            "policies": self.parts.iter().map(part).collect::<Vec<_>>(),
            "trust": {"document": self.trust, "characters": size::characters(&self.trust)},
            "commands": self.commands(),
            "notes": self.notes,
        })
    }
}

fn notes(
    role: Role,
    config: &Config,
    place: &Place,
    jobs: &Jobs,
    parts: &[Policy],
    trust: &Policy,
) -> Vec<String> {
    let mut notes = Vec::new();
    if place.is_open() {
        notes.push(
            "the account is not known: put its 12 digits in for <ACCOUNT>, or set `account:` in the stack file".to_owned(),
        );
    }
    if parts.len() > 1 {
        notes.push(format!(
            "the policy has more than the {} characters that a role can have inline, so it is {} managed policies",
            size::INLINE_MAX,
            parts.len()
        ));
    }
    if parts.len() > size::MANAGED_PER_ROLE {
        notes.push(format!(
            "a role has at most {} managed policies unless the quota is raised",
            size::MANAGED_PER_ROLE
        ));
    }
    if size::characters(trust) > size::TRUST_MAX {
        notes.push(format!(
            "a trust policy has at most {} characters unless the quota is raised",
            size::TRUST_MAX
        ));
    }
    match role {
        Role::Plan => notes.push(
            "whoever can push a branch can take this role on: it reads, but the plain environment of task definitions is among what it reads"
                .to_owned(),
        ),
        Role::Apply => {
            notes.push(
                "when a kind of resource leaves the stack file, print the role anew after the apply that deletes it, not before"
                    .to_owned(),
            );
            notes.push(
                "what exists without the stack's tags cannot be adopted with this role: let the first `apply` be done with wider rights"
                    .to_owned(),
            );
        }
        Role::RunTask => {}
    }
    if jobs.ids.is_none() && jobs.has_claims() {
        notes.push(
            "where the subject of tokens holds ids (the default of repositories made or renamed since 2026-07-15), give `--owner-id` and `--repository-id`"
                .to_owned(),
        );
    }
    if !jobs.has_claims() && role != Role::Plan {
        notes.push(format!(
            "AWS knows the claim `ref` of tokens of github.com only: limit the environment `{}` to the branch `{}` in its settings",
            jobs.environment(role).unwrap_or_default(),
            jobs.branch
        ));
    }
    let dns = &config.route53;
    if let (true, Some(profile), None) = (role != Role::RunTask, &dns.profile, &dns.role_arn) {
        notes.push(format!(
            "records are made with the profile `{profile}`, whose permissions are not part of this role; in a workflow use `route53.role_arn`"
        ));
    }
    if let (true, Some(arn)) = (role != Role::RunTask, &dns.role_arn) {
        notes.push(format!(
            "`{arn}` makes the records: it needs `route53:ListHostedZones`, `GetHostedZone`, `ListResourceRecordSets`, `ChangeResourceRecordSets`, and must trust this role"
        ));
    }
    notes
}
