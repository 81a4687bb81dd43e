//! What a hosted zone holds about a record: the record itself, its marker, and whose it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};

use crate::aws::{Aws, Retry, absent, call, retrying};
use crate::kinds::common::built;
use crate::model::{CallError, Owner};
use crate::stack::marker::{self, Marker, plain};
use crate::stack::web::Zone;

/// What Route 53 answers for a zone that does not exist.
pub(super) const GONE: &str = "NoSuchHostedZone";

/// What passes by itself. Route 53 takes five requests a second from an account.
const BUSY: Retry = Retry {
    on: &[("PriorRequestNotComplete", ""), ("Throttling", ""), ("ThrottlingException", "")],
    limit: Duration::from_mins(2),
};

/// A page of a list that is read to its end, and one of a list of which the first few are asked for (both `MaxItems`).
const PAGE: i32 = 300;
const FEW: i32 = 10;

/// What there is about a record. At least one of the two is there.
#[derive(Debug)]
pub(super) struct Found {
    /// The record of type A or CNAME, whatever made it.
    pub record: Option<ResourceRecordSet>,
    /// The marker under the stack's name.
    pub marker: Option<(ResourceRecordSet, Marker)>,
    /// Whose the record is.
    pub owner: Owner,
}

/// Looks at a record and its marker; a zone that is not there holds neither.
pub(super) async fn look(
    aws: &Aws,
    zone: &Zone,
    name: &str,
    stack: &str,
) -> Result<Option<Found>, CallError> {
    let leads = |set: &ResourceRecordSet| matches!(set.r#type(), RrType::A | RrType::Cname);
    let at = marker::name(name, stack, zone);
    // Boxed, because both together are large.
    let (record, marker) = tokio::join!(Box::pin(named(aws, zone, name)), Box::pin(named(aws, zone, &at)));
    let (record, marker) = (record?.into_iter().find(leads), marker?.into_iter().find_map(marked));
    let owner = match &marker {
        Some((_, marker)) => owner(aws, marker, stack),
        None if record.is_none() => return Ok(None),
        None => other(aws, zone, name, stack).await?,
    };
    Ok(Some(Found { record, marker, owner }))
}

/// The records of a stack in a zone, by their markers; none when the zone is not there any more.
pub(super) async fn ours(aws: &Aws, zone: &Zone, stack: &str) -> Result<Vec<(String, Marker)>, CallError> {
    let markers = markers(aws, zone, &marker::below(stack, zone)).await?;
    Ok(markers.into_iter().filter(|(_, marker)| owner(aws, marker, stack) == Owner::Ours).collect())
}

/// Makes one change batch of these sets: all or nothing.
pub(super) async fn change(
    aws: &Aws,
    zone: &Zone,
    action: ChangeAction,
    sets: Vec<ResourceRecordSet>,
) -> Result<(), CallError> {
    const OP: &str = "route53:ChangeResourceRecordSets";
    let changes = sets
        .into_iter()
        .map(|set| built(OP, Change::builder().action(action.clone()).resource_record_set(set).build()));
    let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
    let batch = built(OP, ChangeBatch::builder().set_changes(Some(changes)).build())?;
    retrying(BUSY, || {
        let request = aws.dns.change_resource_record_sets().hosted_zone_id(&zone.id);
        call("route53:ChangeResourceRecordSets", request.change_batch(batch.clone()).send())
    })
    .await?;
    Ok(())
}

fn owner(aws: &Aws, marker: &Marker, stack: &str) -> Owner {
    if marker.stack != stack {
        Owner::Stack(marker.stack.clone())
    } else if marker.scope == marker::scope(&aws.account, &aws.region) {
        Owner::Ours
    } else {
        Owner::Stack(format!("{stack}, in another account or region"))
    }
}

/// The owner of a record without a marker of this stack.
async fn other(aws: &Aws, zone: &Zone, name: &str, stack: &str) -> Result<Owner, CallError> {
    let markers = markers(aws, zone, &marker::root(zone)).await?;
    let theirs = markers.iter().find(|(record, _)| record == name);
    Ok(theirs.map_or(Owner::Nobody, |(_, marker)| owner(aws, marker, stack)))
}

/// Record and marker of every marker below a name.
async fn markers(aws: &Aws, zone: &Zone, below: &str) -> Result<Vec<(String, Marker)>, CallError> {
    let suffix = format!(".{below}");
    let sets = list(aws, zone, below, PAGE, |found| found == below || found.ends_with(&suffix)).await?;
    let marked = sets.into_iter().filter_map(marked);
    Ok(marked.filter_map(|(set, marker)| Some((marker::record(&plain(set.name()), zone)?, marker))).collect())
}

fn marked(set: ResourceRecordSet) -> Option<(ResourceRecordSet, Marker)> {
    let texts = set.resource_records().iter().filter(|_| *set.r#type() == RrType::Txt);
    let marker = texts.map(ResourceRecord::value).find_map(Marker::parse)?;
    Some((set, marker))
}

/// The record sets of a name. Names that are asked for together share their calls, for Route 53 takes five a second.
async fn named(aws: &Aws, zone: &Zone, name: &str) -> Result<Vec<ResourceRecordSet>, CallError> {
    let records = &aws.together.records;
    let found = records.get(zone.id.clone(), name.to_owned(), &[], |names| several(aws, zone, names)).await?;
    match found {
        Some(sets) => Ok(sets),
        // That a name is not there is only told by a list that begins with it.
        None => list(aws, zone, name, FEW, |found| found == name).await,
    }
}

/// The record sets of several names, each whole, as far as they are found: page by page, beyond what no name is in.
async fn several(
    aws: &Aws,
    zone: &Zone,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<ResourceRecordSet>>, CallError> {
    let mut found = BTreeMap::new();
    if let (Some(only), 1) = (names.first(), names.len()) {
        let sets = list(aws, zone, only, FEW, |found| found == only).await?;
        return Ok(BTreeMap::from([(only.clone(), sets)]));
    }
    let mut open: BTreeSet<(String, &String)> = names.iter().map(|name| (order(name), name)).collect();
    while let Some((_, start)) = open.pop_first() {
        let page = page(aws, zone, PAGE, &(Some(start.clone()), None, None)).await;
        let Some(page) = absent(page, &[GONE])? else { break };
        // The page ends before this name, or in the middle of it.
        let end = page.next_record_name().filter(|_| page.is_truncated()).map(plain);
        let mut whole: BTreeMap<String, Vec<ResourceRecordSet>> = BTreeMap::new();
        for set in page.resource_record_sets() {
            let name = plain(set.name());
            if names.contains(&name) && end.as_ref() != Some(&name) {
                whole.entry(name).or_default().push(set.clone());
            }
        }
        for (name, sets) in whole {
            found.entry(name).or_insert(sets);
        }
        let Some(end) = end.map(|name| order(&name)) else { break };
        open.retain(|(place, _)| *place >= end);
    }
    Ok(found)
}

/// What a name is sorted by: its labels from the right, with the dot at the end (`ListResourceRecordSets`).
fn order(name: &str) -> String {
    name.rsplit('.').flat_map(|label| [label, "."]).collect()
}

/// Where a page of a list begins: name, type, identifier of the set.
type From = (Option<String>, Option<RrType>, Option<String>);

async fn page(
    aws: &Aws,
    zone: &Zone,
    length: i32,
    from: &From,
) -> Result<ListResourceRecordSetsOutput, CallError> {
    retrying(BUSY, || {
        let (name, kind, identifier) = from.clone();
        let request = aws.dns.list_resource_record_sets().hosted_zone_id(&zone.id).max_items(length);
        let request = request.set_start_record_name(name).set_start_record_type(kind);
        let request = request.set_start_record_identifier(identifier);
        call("route53:ListResourceRecordSets", request.send())
    })
    .await
}

/// The record sets from a name on, in Route 53's order, as long as `keep` says so of their (plain) names.
async fn list(
    aws: &Aws,
    zone: &Zone,
    start: &str,
    length: i32,
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<ResourceRecordSet>, CallError> {
    let mut found = Vec::new();
    let mut from = (Some(start.to_owned()), None, None);
    loop {
        let answer = page(aws, zone, length, &from).await;
        let Some(answer) = absent(answer, &[GONE])? else { return Ok(found) };
        for set in answer.resource_record_sets() {
            if !keep(&plain(set.name())) {
                return Ok(found);
            }
            found.push(set.clone());
        }
        if !answer.is_truncated() {
            return Ok(found);
        }
        from = (
            answer.next_record_name().map(str::to_owned),
            answer.next_record_type().cloned(),
            answer.next_record_identifier().map(str::to_owned),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_route_53() {
        let mut names =
            ["b.example.com", "example.com", "a-b.example.com", "x.a.example.com", "a.example.com"];
        names.sort_by_key(|name| order(name));
        // The dot at the end puts `a-b` before `a`.
        let sorted = ["example.com", "a-b.example.com", "a.example.com", "x.a.example.com", "b.example.com"];
        assert_eq!(names, sorted);
    }
}
