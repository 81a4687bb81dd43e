//! Looks up in moto what the models ask about other services.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ecs::{Needs, Outside, Role, Subnet};
use crate::http::decode;
use crate::internal::{Internal, InternalError};
use crate::xml;

/// Fetches what exists of the needed resources.
pub async fn fetch(internal: Internal<'_>, needs: &Needs) -> Result<Outside, InternalError> {
    let mut outside = Outside::default();
    for subnet in described(internal, "DescribeSubnets", "subnet-id", "subnetSet", &needs.subnets).await? {
        let text = |name: &str| xml::first(&subnet, name).unwrap_or_default();
        let found = Subnet { vpc_id: text("vpcId"), az: text("availabilityZone") };
        outside.subnets.insert(text("subnetId"), found);
    }
    let groups = &needs.security_groups;
    for group in
        described(internal, "DescribeSecurityGroups", "group-id", "securityGroupInfo", groups).await?
    {
        outside.security_groups.extend(xml::first(&group, "groupId"));
    }
    for name in &needs.roles {
        let Some(text) = present(internal.query("iam", "GetRole", &[("RoleName", name)]).await)? else {
            continue;
        };
        let document = xml::first(&text, "AssumeRolePolicyDocument").unwrap_or_default();
        let role =
            Role { arn: xml::first(&text, "Arn").unwrap_or_default(), trusts: trusts(&decode(&document)) };
        outside.roles.insert(name.clone(), role);
    }
    Ok(outside)
}

/// The items of an EC2 description, found by a filter so that absent ones are left out.
pub async fn described(
    internal: Internal<'_>,
    action: &str,
    filter: &str,
    set: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<String>, InternalError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = (1..=ids.len()).map(|n| format!("Filter.1.Value.{n}")).collect();
    let mut fields = vec![("Filter.1.Name", filter)];
    fields.extend(names.iter().map(String::as_str).zip(ids.iter().map(String::as_str)));
    let text = internal.query("ec2", action, &fields).await?;
    let inner = xml::all(&text, set).first().copied().unwrap_or_default();
    Ok(xml::all(inner, "item").into_iter().map(str::to_owned).collect())
}

/// The answer, or nothing when the resource does not exist.
fn present(answer: Result<String, InternalError>) -> Result<Option<String>, InternalError> {
    match answer {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.code == "NoSuchEntity" => Ok(None),
        Err(error) => Err(error),
    }
}

/// The service principals of a trust policy.
fn trusts(document: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut found = BTreeSet::new();
    for service in statements.iter().filter_map(|statement| statement.pointer("/Principal/Service")) {
        match service {
            Value::Array(all) => found.extend(all.iter().filter_map(Value::as_str).map(str::to_owned)),
            one => found.extend(one.as_str().map(str::to_owned)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_read_from_one_statement_or_several() {
        let one = r#"{"Statement":{"Principal":{"Service":"ecs-tasks.amazonaws.com"}}}"#;
        assert_eq!(trusts(one), BTreeSet::from(["ecs-tasks.amazonaws.com".to_owned()]));
        let many = r#"{"Statement":[{"Principal":{"Service":["a","b"]}},{"Principal":"*"},{"Principal":{"Service":"c"}}]}"#;
        assert_eq!(trusts(many).len(), 3);
    }
}
