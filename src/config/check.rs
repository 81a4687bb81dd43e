//! What the schema cannot judge about the top level of a file: names against the limits of AWS, ids, tags, retention.

use std::collections::BTreeSet;

use serde_json::Value;

use super::check_task;
use super::check_web;
use super::judge::{Finding, cut, found};
use super::names::{self, Rule};
use super::normal;
use super::source::{Path, Seg, Source, join, keys, spell};

/// How many days CloudWatch Logs can keep events (`PutRetentionPolicy`).
const RETENTION_DAYS: &[u64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// Everything that is wrong with what the document means. Values of a wrong type are passed over: the schema names them.
pub fn check(source: &Source<'_>, document: &Value) -> Vec<Finding> {
    let mut checker = Checker { source, document, findings: Vec::new() };
    checker.app();
    checker.place();
    checker.roles();
    checker.named(&["cluster", "name"], &names::ECS);
    checker.log_group();
    checker.security_group_name(&["security_groups", "fargate", "group_name"]);
    let stack_tags = checker.tags(&keys(&["tags"]), document.get("tags"), &BTreeSet::new());
    check_task::check(&mut checker, &stack_tags);
    check_web::check(&mut checker);
    checker.findings
}

/// The document, and what was found so far.
pub struct Checker<'a> {
    /// The text behind the document.
    pub source: &'a Source<'a>,
    /// The document.
    pub document: &'a Value,
    /// What was found so far.
    pub findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    /// Adds a finding about a value.
    pub fn wrong(&mut self, path: Path, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.findings.push(Finding::value(path, message, hint));
    }

    /// The text at some keys.
    pub fn text(&self, at: &[&str]) -> Option<&'a str> {
        at.iter().try_fold(self.document, |value, key| value.get(key))?.as_str()
    }

    /// Checks a name by the rule for its kind.
    pub fn name(&mut self, path: Path, name: &str, rule: &Rule) {
        if let Some(why) = rule.against(name) {
            let what = spell(&path);
            let hint = why.contains("which").then(|| rule.characters());
            self.wrong(path, format!("`{what}` {why}"), hint);
        }
    }

    fn named(&mut self, at: &[&str], rule: &Rule) {
        if let Some(name) = self.text(at) {
            self.name(keys(at), name, rule);
        }
    }

    fn app(&mut self) {
        let Some(name) = self.text(&["app", "name"]) else {
            return;
        };
        let path = keys(&["app", "name"]);
        let before = self.findings.len();
        self.name(path.clone(), name, &names::APP);
        if self.findings.len() > before {
            return;
        }
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            return self.wrong(path, "`app.name` has no letter and no digit", None);
        }
        if name.to_ascii_lowercase().starts_with("sg-")
            && self.text(&["security_groups", "fargate", "group_name"]).is_none()
        {
            let message = format!(
                "`app.name` makes the security group `{name}-sg`, and EC2 takes no name that begins with `sg-`"
            );
            self.wrong(path.clone(), message, "set `security_groups.fargate.group_name`".to_owned());
        }
        let normal = names::normal_name(name);
        for (key, made) in [
            ("role", format!("Fargate{normal}Role")),
            ("task_role", format!("Fargate{normal}TaskRole")),
            ("events_role", format!("Events{normal}Role")),
        ] {
            let own = self.text(&[key, "name"]).or_else(|| self.text(&[key]));
            // The events role exists only when something is scheduled.
            if own.is_some() || (key == "events_role" && !self.scheduled()) {
                continue;
            }
            if made.chars().count() > names::ROLE.max {
                let message = format!(
                    "`app.name` makes the role `{made}` of {} characters, but IAM takes at most {}",
                    made.chars().count(),
                    names::ROLE.max
                );
                self.wrong(path.clone(), message, format!("use a shorter name, or set `{key}.name`"));
            }
        }
    }

    fn scheduled(&self) -> bool {
        let tasks = self.document.get("tasks").and_then(Value::as_object);
        tasks.into_iter().flatten().any(|(_, task)| task.get("schedule").is_some())
    }

    /// Account, region, profile, VPC and subnets.
    fn place(&mut self) {
        let path = keys(&["account"]);
        if let Some(account) =
            self.document.get("account").and_then(|value| normal::text(self.source, &path, value))
            && (account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let hint =
                "an account id has 12 digits; write it in quotes, so that leading zeros stay".to_owned();
            self.wrong(path, format!("`account` must be 12 digits, found `{}`", cut(&account)), hint);
        }
        if let Some(region) = self.text(&["region"])
            && !names::is_region(region)
        {
            let zone =
                region.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|rest| names::is_region(rest));
            let hint = match zone {
                Some(zone) => format!("this is an Availability Zone; its region is `{zone}`"),
                None => "for example `us-east-1`".to_owned(),
            };
            self.wrong(
                keys(&["region"]),
                format!("`region` must be an AWS region, found {}", found(&region.into())),
                hint,
            );
        }
        for key in ["profile", "app.version"] {
            let at: Vec<&str> = key.split('.').collect();
            if let Some(text) = self.text(&at)
                && (text.is_empty() || text.contains(char::is_control))
            {
                self.wrong(keys(&at), format!("`{key}` is empty or has control characters"), None);
            }
        }
        if let Some(vpc) = self.text(&["vpc_id"])
            && !names::is_id(vpc, "vpc")
        {
            let hint = "for example `vpc-0123456789abcdef0`".to_owned();
            self.wrong(
                keys(&["vpc_id"]),
                format!("`vpc_id` must be the id of a VPC, found {}", found(&vpc.into())),
                hint,
            );
        }
        let mut seen = BTreeSet::new();
        for kind in ["public", "private", "isolated"] {
            let path = keys(&["subnets", kind]);
            let list =
                self.document.get("subnets").and_then(|subnets| subnets.get(kind)).and_then(Value::as_array);
            for (index, subnet) in list.into_iter().flatten().enumerate() {
                let Some(subnet) = subnet.as_str() else { continue };
                if !names::is_id(subnet, "subnet") {
                    let message = format!(
                        "`subnets.{kind}[{index}]` must be the id of a subnet, found {}",
                        found(&subnet.into())
                    );
                    self.wrong(
                        join(&path, index),
                        message,
                        "for example `subnet-0123456789abcdef0`".to_owned(),
                    );
                } else if !seen.insert(subnet) {
                    let message = format!("the subnet `{subnet}` stands here for the second time");
                    self.wrong(
                        join(&path, index),
                        message,
                        "a subnet belongs into one list, once".to_owned(),
                    );
                }
            }
        }
    }

    fn roles(&mut self) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for key in ["role", "task_role", "events_role"] {
            self.named(&[key], &names::ROLE);
            self.named(&[key, "name"], &names::ROLE);
            self.named(&[key, "policy_name"], &names::POLICY);
            if let Some(name) = self.text(&[key, "name"])
                && !seen.insert(name)
            {
                let hint = "each role is for something else; give each its own name".to_owned();
                self.wrong(
                    keys(&[key, "name"]),
                    format!("the role `{name}` stands here for the second time"),
                    hint,
                );
            }
        }
    }

    fn log_group(&mut self) {
        self.named(&["log_group", "name"], &names::LOG_GROUP);
        if self.text(&["log_group", "name"]).is_some_and(|name| name.starts_with("aws/")) {
            let path = keys(&["log_group", "name"]);
            self.wrong(path, "`log_group.name` begins with `aws/`, which AWS keeps for itself", None);
        }
        let days = self.document.get("log_group").and_then(|group| group.get("retention_days"));
        if let Some(days) = days.filter(|days| days.is_number())
            && !days.as_u64().is_some_and(|days| RETENTION_DAYS.contains(&days))
        {
            let message = format!(
                "`log_group.retention_days` cannot be {days}: CloudWatch Logs does not know this value"
            );
            let values = RETENTION_DAYS.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            self.wrong(keys(&["log_group", "retention_days"]), message, format!("valid values are {values}"));
        }
    }

    /// Checks the name of a security group.
    pub fn security_group_name(&mut self, at: &[&str]) {
        self.named(at, &names::SECURITY_GROUP);
        if self.text(at).is_some_and(|name| name.to_ascii_lowercase().starts_with("sg-")) {
            let message = format!("`{}` begins with `sg-`, and EC2 takes no such name", at.join("."));
            self.wrong(keys(at), message, None);
        }
    }

    /// Checks a mapping of tags and returns its keys together with `inherited`.
    pub fn tags(
        &mut self,
        path: &[Seg],
        tags: Option<&'a Value>,
        inherited: &BTreeSet<&'a str>,
    ) -> BTreeSet<&'a str> {
        let mut all = inherited.clone();
        for (key, value) in tags.and_then(Value::as_object).into_iter().flatten() {
            all.insert(key.as_str());
            let path = join(path, key.as_str());
            if let Some(value) = normal::text(self.source, &path, value)
                && let Some(why) = names::tag(key, &value)
            {
                self.findings.push(Finding::key(path, format!("the tag `{}` {why}", cut(key)), None));
            }
        }
        if all.len() > names::TAGS_MAX && all.len() > inherited.len() {
            let message = format!("{} tags are more than {} on one resource", all.len(), names::TAGS_MAX);
            let hint = "AWS takes 50, and some of them are kept to show whose a resource is".to_owned();
            self.findings.push(Finding::key(path.to_vec(), message, hint));
        }
        all
    }
}
