//! What a hosted zone holds about a record: the record itself, its marker, and whose it is.

use std::time::Duration;

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
    let record = list(aws, zone, name, FEW, |found| found == name).await?.into_iter().find(leads);
    let at = marker::name(name, stack, zone);
    let marker = list(aws, zone, &at, FEW, |found| found == at).await?.into_iter().find_map(marked);
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

/// The record sets from a name on, in Route 53's order, as long as `keep` says so of their (plain) names.
async fn list(
    aws: &Aws,
    zone: &Zone,
    start: &str,
    page: i32,
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<ResourceRecordSet>, CallError> {
    let mut found = Vec::new();
    let mut from = (Some(start.to_owned()), None, None);
    loop {
        let sent = retrying(BUSY, || {
            let (name, kind, identifier) = from.clone();
            let request = aws.dns.list_resource_record_sets().hosted_zone_id(&zone.id).max_items(page);
            let request = request.set_start_record_name(name).set_start_record_type(kind);
            let request = request.set_start_record_identifier(identifier);
            call("route53:ListResourceRecordSets", request.send())
        });
        let Some(answer) = absent(sent.await, &[GONE])? else { return Ok(found) };
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
