//! Rules of listeners.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::listeners::child;
use super::{Answer, Elb, Refusal, conditions, invalid, need, number, page, tags};
use crate::ecs::json::{list, text, texts};

/// Rules of a load balancer without the default ones ("Quotas for your Application Load Balancers").
const MOST_RULES: usize = 100;

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// ARN of its listener.
    pub listener: String,
    /// `None` for the default rule, which comes last.
    priority: Option<i64>,
    conditions: Vec<Value>,
    /// What it does; those of the default rule are the listener's own.
    pub actions: Vec<Value>,
}

impl Rule {
    /// The rule that takes what no other rule takes.
    pub fn default_of(listener: &str) -> Self {
        Self { listener: listener.to_owned(), priority: None, conditions: Vec::new(), actions: Vec::new() }
    }
}

impl Elb {
    pub(super) fn create_rule(&mut self, input: &Value) -> Answer {
        let listener = need(input, "ListenerArn")?.to_owned();
        let balancer = self.listener(&listener)?.balancer.clone();
        let Some(priority) = number(input, "Priority", 1, 50_000)? else {
            need(input, "Priority")?;
            return Err(invalid("A priority must be specified"));
        };
        let conditions = conditions::checked(list(input, "Conditions"))?;
        let actions = self.checked_actions(list(input, "Actions"), &balancer)?;
        if self.rules.values().any(|one| one.listener == listener && one.priority == Some(priority)) {
            return Err(in_use(priority));
        }
        let own =
            |rule: &Rule| self.listeners.get(&rule.listener).is_some_and(|one| one.balancer == balancer);
        if self.rules.values().filter(|rule| rule.priority.is_some() && own(rule)).count() >= MOST_RULES {
            return Err(Refusal::new(
                "TooManyRules",
                format!("The maximum number of rules on load balancer '{balancer}' has been reached"),
            ));
        }
        let new_tags = tags::given(input)?;
        let arn = child(&listener, "listener-rule", &self.id());
        let rule = Rule { listener, priority: Some(priority), conditions, actions };
        self.tags.insert(arn.clone(), new_tags);
        self.rules.insert(arn.clone(), rule);
        Ok(json!({ "Rules": [self.show_rule(&arn)] }))
    }

    pub(super) fn describe_rules(&self, input: &Value) -> Answer {
        let (arns, listener) = (texts(input, "RuleArns"), text(input, "ListenerArn"));
        if arns.is_empty() == listener.is_none() {
            return Err(invalid("You must specify either listener rule ARNs or a listener ARN"));
        }
        if let Some(arn) = listener {
            self.listener(arn)?;
        }
        for arn in &arns {
            self.rule(arn)?;
        }
        let mut found: Vec<_> = self
            .rules
            .iter()
            .filter(|(arn, one)| arns.contains(&arn.as_str()) || listener == Some(one.listener.as_str()))
            .collect();
        found.sort_by_key(|(arn, one)| (one.priority.unwrap_or(i64::MAX), (*arn).clone()));
        page("Rules", found.iter().map(|(arn, _)| self.show_rule(arn)).collect(), input)
    }

    pub(super) fn modify_rule(&mut self, input: &Value) -> Answer {
        let arn = need(input, "RuleArn")?;
        let rule = self.rule(arn)?;
        if rule.priority.is_none() {
            return Err(not_permitted(&format!("Default rule '{arn}' cannot be modified")));
        }
        let balancer = self.listener(&rule.listener)?.balancer.clone();
        let mut rule = rule.clone();
        if !list(input, "Conditions").is_empty() {
            rule.conditions = conditions::checked(list(input, "Conditions"))?;
        }
        if !list(input, "Actions").is_empty() {
            rule.actions = self.checked_actions(list(input, "Actions"), &balancer)?;
        }
        self.rules.insert(arn.to_owned(), rule);
        Ok(json!({ "Rules": [self.show_rule(arn)] }))
    }

    pub(super) fn delete_rule(&mut self, input: &Value) -> Answer {
        let arn = need(input, "RuleArn")?;
        if self.rule(arn)?.priority.is_none() {
            return Err(not_permitted(&format!("Default rule '{arn}' cannot be deleted")));
        }
        self.rules.remove(arn);
        self.tags.remove(arn);
        Ok(json!({}))
    }

    /// Gives rules other priorities, all at once: only the outcome must be free of collisions.
    pub(super) fn set_priorities(&mut self, input: &Value) -> Answer {
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for pair in list(input, "RulePriorities") {
            let arn = need(pair, "RuleArn")?;
            let Some(priority) = number(pair, "Priority", 1, 50_000)? else {
                return Err(invalid("A priority must be specified for each rule"));
            };
            if self.rule(arn)?.priority.is_none() {
                return Err(not_permitted("The priority of the default rule cannot be changed"));
            }
            if wanted.insert(arn.to_owned(), priority).is_some() {
                return Err(invalid(format!("Rule '{arn}' was specified more than once")));
            }
        }
        if wanted.is_empty() {
            return Err(invalid("You must specify at least one rule priority"));
        }
        let mut taken = std::collections::BTreeSet::new();
        for (arn, rule) in &self.rules {
            let after = wanted.get(arn).copied().or(rule.priority);
            if let Some(priority) = after.filter(|priority| !taken.insert((&rule.listener, *priority))) {
                return Err(in_use(priority));
            }
        }
        for (arn, priority) in &wanted {
            if let Some(rule) = self.rules.get_mut(arn) {
                rule.priority = Some(*priority);
            }
        }
        let shown: Vec<Value> = wanted.keys().map(|arn| self.show_rule(arn)).collect();
        Ok(json!({ "Rules": shown }))
    }

    fn rule(&self, arn: &str) -> Answer<&Rule> {
        self.rules
            .get(arn)
            .ok_or_else(|| Refusal::new("RuleNotFound", format!("One or more rules not found: '{arn}'")))
    }

    fn show_rule(&self, arn: &str) -> Value {
        let Some(rule) = self.rules.get(arn) else {
            return Value::Null;
        };
        let actions = match rule.priority {
            Some(_) => &rule.actions,
            None => self.listeners.get(&rule.listener).map_or(&rule.actions, |listener| &listener.actions),
        };
        json!({
            "RuleArn": arn,
            "Priority": rule.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()),
            "Conditions": rule.conditions,
            "Actions": actions,
            "IsDefault": if rule.priority.is_none() { "true" } else { "false" },
        })
    }
}

fn in_use(priority: i64) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

fn not_permitted(message: &str) -> Refusal {
    Refusal::new("OperationNotPermitted", message)
}
