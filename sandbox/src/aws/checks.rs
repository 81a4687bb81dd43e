//! Refusals that moto forgets: bad input that AWS turns down.

use serde_json::Value;

use super::error::Refusal;
use super::schedule;

/// Retention times of a log group, in days.
const RETENTION: &[u64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// Why AWS would refuse this call; `None` when nothing is known against it.
pub fn refusal(service: &str, operation: &str, input: &Value) -> Option<Refusal> {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    match (service, operation) {
        ("events", "PutRule") => rule(input),
        ("events", "PutTargets") => targets(input),
        ("iam", "CreateRole") => role_name(text("RoleName").unwrap_or_default())
            .or_else(|| trust(text("AssumeRolePolicyDocument")?)),
        ("iam", "UpdateAssumeRolePolicy") => trust(text("PolicyDocument")?),
        ("logs", "PutRetentionPolicy") => retention(input.get("retentionInDays")?),
        ("ec2", "CreateSecurityGroup") => security_group(text("GroupName")?, text("GroupDescription")?),
        _ => None,
    }
}

fn rule(input: &Value) -> Option<Refusal> {
    let invalid = |message: String| Some(Refusal::new("ValidationException", message));
    let name = input.get("Name").and_then(Value::as_str).unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
        return invalid(format!(
            "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        ));
    }
    let expression = input.get("ScheduleExpression").and_then(Value::as_str)?;
    if schedule::valid(expression) {
        None
    } else {
        invalid("Parameter ScheduleExpression is not valid.".into())
    }
}

fn targets(input: &Value) -> Option<Refusal> {
    let invalid = |message: String| Some(Refusal::new("ValidationException", message));
    for target in input.get("Targets").and_then(Value::as_array)? {
        let text = |key: &str| target.get(key).and_then(Value::as_str);
        let id = text("Id").unwrap_or_default();
        if text("Input").is_some_and(|given| serde_json::from_str::<Value>(given).is_err()) {
            return invalid(format!("JSON syntax error in input for target {id}."));
        }
        if let Some(ecs) = target.get("EcsParameters") {
            if text("RoleArn").is_none() {
                return invalid(format!("RoleArn is required for target {id}."));
            }
            let definition = ecs.get("TaskDefinitionArn").and_then(Value::as_str).unwrap_or_default();
            if !definition.starts_with("arn:") {
                return invalid(format!("Parameter TaskDefinitionArn of target {id} is not valid."));
            }
        }
    }
    None
}

fn role_name(name: &str) -> Option<Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(legal) {
        return None;
    }
    let rule = if name.len() > 64 {
        "Member must have length less than or equal to 64"
    } else {
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    };
    let message = format!(
        "1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: {rule}"
    );
    Some(Refusal::new("ValidationError", message))
}

/// A trust policy: JSON, with statements that say who may assume and how.
fn trust(document: &str) -> Option<Refusal> {
    let malformed = |message: &str| Some(Refusal::new("MalformedPolicyDocument", message));
    let Ok(Value::Object(policy)) = serde_json::from_str::<Value>(document) else {
        return malformed("This policy contains invalid Json");
    };
    let statements: Vec<&Value> = match policy.get("Statement") {
        Some(Value::Array(all)) if !all.is_empty() => all.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return malformed("Syntax errors in policy."),
    };
    if policy
        .get("Version")
        .is_some_and(|version| !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17")))
    {
        return malformed("The policy version is not valid.");
    }
    for statement in statements {
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return malformed("Syntax errors in policy.");
        }
        if statement.get("Resource").is_some() {
            return malformed("Has prohibited field Resource");
        }
        let has_principal = match statement.get("Principal").or_else(|| statement.get("NotPrincipal")) {
            Some(Value::String(all)) => all == "*",
            Some(Value::Object(kinds)) => {
                let known = |kind: &String| {
                    matches!(kind.as_str(), "Service" | "AWS" | "Federated" | "CanonicalUser")
                };
                !kinds.is_empty() && kinds.keys().all(known)
            }
            _ => false,
        };
        if !has_principal {
            return malformed("Missing required field Principal");
        }
        let actions: Vec<&str> = match statement.get("Action").or_else(|| statement.get("NotAction")) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if actions.is_empty() {
            return malformed("Missing required field Action");
        }
        if actions.iter().any(|action| !action.starts_with("sts:") && *action != "*") {
            return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
        }
    }
    None
}

fn retention(days: &Value) -> Option<Refusal> {
    if days.as_u64().is_some_and(|days| RETENTION.contains(&days)) {
        return None;
    }
    let message = format!(
        "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy \
         enum value set: {RETENTION:?}"
    );
    Some(Refusal::new("InvalidParameterException", message))
}

fn security_group(name: &str, description: &str) -> Option<Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    for (what, value) in [("group name", name), ("group description", description)] {
        if value.is_empty() || value.len() > 255 || !value.chars().all(legal) {
            let message = format!(
                "Invalid security {what}. Valid values are strings less than 256 characters from the following set: \
                 a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
            );
            return Some(Refusal::new("InvalidParameterValue", message));
        }
    }
    let reserved = name.starts_with("sg-");
    reserved.then(|| Refusal::new("InvalidParameterValue", "Group names may not be in the format sg-*."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(service: &str, operation: &str, input: &Value) -> Option<String> {
        refusal(service, operation, input).map(|refusal| refusal.code)
    }

    #[test]
    fn a_trust_policy_must_say_who_may_assume() {
        let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        assert_eq!(
            code("iam", "CreateRole", &json!({"RoleName": "a", "AssumeRolePolicyDocument": good})),
            None
        );
        for bad in [
            "not json",
            "[]",
            "{}",
            r#"{"Statement":[]}"#,
            r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":{"Servce":"x"},"Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}"#,
            r#"{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#,
        ] {
            let found = code("iam", "CreateRole", &json!({"RoleName": "a", "AssumeRolePolicyDocument": bad}));
            assert_eq!(found.as_deref(), Some("MalformedPolicyDocument"), "{bad}");
        }
    }

    #[test]
    fn retention_is_one_of_the_listed_days() {
        assert_eq!(code("logs", "PutRetentionPolicy", &json!({"retentionInDays": 14})), None);
        let found = code("logs", "PutRetentionPolicy", &json!({"retentionInDays": 8}));
        assert_eq!(found.as_deref(), Some("InvalidParameterException"));
    }

    #[test]
    fn a_rule_has_a_valid_schedule_and_name() {
        let rule = |name: &str, schedule: &str| {
            code("events", "PutRule", &json!({"Name": name, "ScheduleExpression": schedule}))
        };
        assert_eq!(rule("a", "rate(1 day)"), None);
        assert_eq!(rule("a", "rate(1 days)").as_deref(), Some("ValidationException"));
        assert_eq!(rule("a b", "rate(1 day)").as_deref(), Some("ValidationException"));
    }

    #[test]
    fn an_ecs_target_needs_a_role_and_a_definition() {
        let put = |target: Value| code("events", "PutTargets", &json!({"Rule": "a", "Targets": [target]}));
        let definition = "arn:aws:ecs:us-east-1:123456789012:task-definition/a:1";
        assert_eq!(
            put(json!({"Id": "1", "RoleArn": "arn:x", "EcsParameters": {"TaskDefinitionArn": definition}})),
            None
        );
        assert!(put(json!({"Id": "1", "EcsParameters": {"TaskDefinitionArn": definition}})).is_some());
        assert!(put(json!({"Id": "1", "RoleArn": "arn:x", "EcsParameters": {}})).is_some());
        assert!(put(json!({"Id": "1", "Input": "{"})).is_some());
    }

    #[test]
    fn names_of_roles_and_groups_are_limited() {
        let trust = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
        let role = |name: &str| {
            code("iam", "CreateRole", &json!({"RoleName": name, "AssumeRolePolicyDocument": trust}))
        };
        assert_eq!(role(&"a".repeat(64)), None);
        assert_eq!(role(&"a".repeat(65)).as_deref(), Some("ValidationError"));
        assert_eq!(role("a/b").as_deref(), Some("ValidationError"));
        let group = |text: &str| {
            code("ec2", "CreateSecurityGroup", &json!({"GroupName": "a", "GroupDescription": text}))
        };
        assert_eq!(group("tasks of a (stack)"), None);
        assert_eq!(group("tasks of ä").as_deref(), Some("InvalidParameterValue"));
    }
}
