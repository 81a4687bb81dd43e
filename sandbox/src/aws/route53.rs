//! Route 53: reads the XML of a request, asks the model, writes the answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::Refusal;
use super::operation::Call;
use super::outside::described;
use crate::dns::{NAMESPACE, NewZone, Page, RecordSet, names};
use crate::ecs::json::text;
use crate::http::Response;
use crate::state::{State, lock};
use crate::xml;

/// Elements of a record set that belong to a routing policy.
const POLICY: [&str; 5] = ["Weight", "Region", "Failover", "MultiValueAnswer", "HealthCheckId"];

/// Answers one call.
pub async fn call(state: &State, account: &str, call: &Call) -> Result<Response, Refusal> {
    let now = state.now();
    let body = text(&call.parameters, "body").unwrap_or_default();
    let given = |key: &str| text(&call.parameters, key).filter(|value| !value.is_empty());
    let path = given("path").unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    let id = segments.get(1).copied().unwrap_or_default();
    let mut location = None;
    let result = match call.operation.as_str() {
        "CreateHostedZone" => {
            let new = new_zone(body);
            let vpcs = known_vpc(state, account, new.vpc.as_ref()).await?;
            let made = state.with_dns(account, |dns| dns.create_zone(new, &vpcs, now))?;
            location = made.pointer("/HostedZone/Id").and_then(Value::as_str).map(str::to_owned);
            made
        }
        "GetHostedZone" => state.with_dns(account, |dns| dns.get_zone(id))?,
        "DeleteHostedZone" => state.with_dns(account, |dns| dns.delete_zone(id, now))?,
        "ListHostedZones" => {
            let private = given("hostedzonetype") == Some("PrivateHostedZone");
            state.with_dns(account, |dns| dns.list_zones(given("marker"), given("maxitems"), private))?
        }
        "ListHostedZonesByName" => state.with_dns(account, |dns| {
            dns.list_zones_by_name(given("dnsname"), given("hostedzoneid"), given("maxitems"))
        })?,
        "ListHostedZonesByVPC" => {
            state.with_dns(account, |dns| dns.list_zones_by_vpc(given("vpcid").unwrap_or_default()))
        }
        "ListResourceRecordSets" => {
            let owned = |key: &str| given(key).map(str::to_owned);
            let page = Page {
                name: owned("name"),
                kind: owned("type"),
                set: owned("identifier"),
                size: owned("maxitems"),
            };
            state.with_dns(account, |dns| dns.list_records(id, &page))?
        }
        "ChangeResourceRecordSets" => {
            let changes: Vec<(String, RecordSet)> =
                xml::all(body, "Change").into_iter().map(change).collect();
            let balancers = lock(&state.elb).values().flat_map(crate::elb::Elb::names).collect();
            let made = state.with_dns(account, |dns| dns.change_records(id, &changes, &balancers, now))?;
            state.settle_certificates();
            made
        }
        "GetChange" => state.with_dns(account, |dns| dns.change(id, now))?,
        "ListTagsForResource" => {
            let id = segments.get(2).copied().unwrap_or_default();
            json!({ "ResourceTagSet": state.with_dns(account, |dns| dns.tags(id))? })
        }
        "ListTagsForResources" => {
            let ids = xml::all(body, "ResourceId");
            let sets: Result<Vec<Value>, Refusal> =
                state.with_dns(account, |dns| ids.iter().map(|id| dns.tags(id)).collect());
            json!({ "ResourceTagSets": sets? })
        }
        "ChangeTagsForResource" => {
            let id = segments.get(2).copied().unwrap_or_default();
            let field = |tag: &&str, name: &str| xml::first(tag, name).unwrap_or_default();
            let add =
                xml::all(body, "Tag").iter().map(|tag| (field(tag, "Key"), field(tag, "Value"))).collect();
            let remove = xml::all(body, "RemoveTagKeys").into_iter().flat_map(|keys| xml::all(keys, "Key"));
            let remove: Vec<String> = remove.map(str::to_owned).collect();
            state.with_dns(account, |dns| dns.change_tags(id, add, &remove))?;
            json!({})
        }
        other => {
            return Err(Refusal {
                status: 501,
                code: "NotEmulated".into(),
                message: format!("not emulated: route53:{other}"),
            });
        }
    };
    Ok(answer(&call.operation, &result, location))
}

fn answer(operation: &str, result: &Value, location: Option<String>) -> Response {
    let root = xml::element(&format!("{operation}Response"), result, item);
    let rooted = root.replacen('>', &format!(" xmlns=\"{NAMESPACE}\">"), 1);
    let status = if location.is_some() { 201 } else { 200 };
    let body = format!("<?xml version=\"1.0\"?>\n{rooted}");
    let mut response = Response::text(status, "text/xml", body);
    response.headers.extend(
        location.map(|id| ("location".to_owned(), format!("{NAMESPACE}{}", id.trim_start_matches('/')))),
    );
    response
}

/// The element of an item, by that of its list.
fn item(list: &str) -> &str {
    match list {
        "HostedZoneSummaries" => "HostedZoneSummary",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn new_zone(body: &str) -> NewZone {
    let vpc = xml::all(body, "VPC").first().map(|vpc| {
        let field = |name: &str| xml::first(vpc, name).unwrap_or_default();
        (field("VPCRegion"), field("VPCId"))
    });
    NewZone {
        name: xml::first(body, "Name").unwrap_or_default(),
        reference: xml::first(body, "CallerReference").unwrap_or_default(),
        comment: xml::first(body, "Comment").filter(|comment| !comment.is_empty()),
        vpc,
    }
}

/// The VPC of a new zone, if it exists.
async fn known_vpc(
    state: &State,
    account: &str,
    vpc: Option<&(String, String)>,
) -> Result<BTreeSet<String>, Refusal> {
    let Some((region, id)) = vpc else {
        return Ok(BTreeSet::new());
    };
    let wanted = BTreeSet::from([id.clone()]);
    let found = described(state.internal(account, region), "DescribeVpcs", "vpc-id", "vpcSet", &wanted).await;
    let found = found.map_err(|error| Refusal {
        status: 500,
        code: "InternalFailure".into(),
        message: error.to_string(),
    })?;
    Ok(found.iter().filter_map(|one| xml::first(one, "vpcId")).collect())
}

/// One `Change` of a batch.
fn change(element: &str) -> (String, RecordSet) {
    let action = xml::first(element, "Action").unwrap_or_default();
    let set = xml::all(element, "ResourceRecordSet").first().copied().unwrap_or_default();
    let alias = xml::all(set, "AliasTarget").first().copied();
    // The members of the alias are not those of the record set.
    let own = alias.map_or_else(|| set.to_owned(), |alias| set.replace(alias, ""));
    let field = |name: &str| xml::first(&own, name);
    let records = xml::all(&own, "ResourceRecord");
    let policy: Vec<(String, String)> =
        POLICY.iter().filter_map(|name| Some(((*name).to_owned(), field(name)?))).collect();
    let set = RecordSet {
        name: names::stored(&field("Name").unwrap_or_default()),
        kind: field("Type").unwrap_or_default(),
        set: field("SetIdentifier"),
        policy,
        ttl: field("TTL"),
        values: records.into_iter().filter_map(|record| xml::first(record, "Value")).collect(),
        alias: alias.map(|alias| {
            let field = |name: &str| xml::first(alias, name).unwrap_or_default();
            (
                field("HostedZoneId"),
                names::stored(&field("DNSName")),
                field("EvaluateTargetHealth").to_ascii_lowercase(),
            )
        }),
    };
    (action, set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_with_its_values_or_its_alias() {
        let plain = "<Action>UPSERT</Action><ResourceRecordSet><Name>A.example.com</Name><Type>TXT</Type><TTL>60</TTL>\
                     <ResourceRecords><ResourceRecord><Value>&quot;a&quot;</Value></ResourceRecord></ResourceRecords>\
                     </ResourceRecordSet>";
        let (action, set) = change(plain);
        assert_eq!(
            (action.as_str(), set),
            ("UPSERT", RecordSet::of("a.example.com.", "TXT", "60", &["\"a\""]))
        );
        let alias = "<Action>CREATE</Action><ResourceRecordSet><Name>a.example.com</Name><Type>A</Type><AliasTarget>\
                     <HostedZoneId>Z1</HostedZoneId><DNSName>LB.example.org</DNSName>\
                     <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>";
        let (_, set) = change(alias);
        assert_eq!((set.ttl, set.values.len()), (None, 0));
        assert_eq!(set.alias, Some(("Z1".into(), "lb.example.org.".into(), "false".into())));
    }

    #[test]
    fn an_answer_has_the_namespace_and_names_items_by_their_lists() {
        let result = json!({"HostedZones": [{"Id": "Z1"}], "VPCs": [{"VPCId": "vpc-1"}]});
        let text = String::from_utf8(answer("ListHostedZones", &result, None).body).unwrap_or_default();
        assert!(
            text.contains(
                "<ListHostedZonesResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
            )
        );
        assert!(text.contains("<HostedZone><Id>Z1</Id></HostedZone>"), "{text}");
        assert!(text.contains("<VPC><VPCId>vpc-1</VPCId></VPC>"), "{text}");
    }
}
