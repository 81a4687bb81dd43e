//! Behavioural model of Route 53: the hosted zones of one account. Route 53 is global: an account has the same zones in
//! every region.

mod changes;
pub mod names;
mod records;
#[cfg(test)]
mod tests;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::ecs::ids::sha256_hex;

pub use records::{Key, Page, RecordSet};
pub use zones::{NewZone, Zone};

/// The namespace of requests and answers.
pub const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// How long a change is `PENDING`, in seconds (AWS: up to 60).
const SYNC_S: f64 = 0.3;

/// What a call refuses, or its answer.
pub type Answer<T = Value> = Result<T, Refusal>;

/// Load balancers that alias records may name: DNS name in lower case → hosted zone.
pub type Balancers = BTreeMap<String, String>;

/// All hosted zones of one account.
#[derive(Debug)]
pub struct Dns {
    account: String,
    used: u64,
    zones: BTreeMap<String, Zone>,
    /// When each change was made.
    changes: BTreeMap<String, f64>,
}

impl Dns {
    /// An account without any zone.
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned(), used: 0, zones: BTreeMap::new(), changes: BTreeMap::new() }
    }

    /// Name and value of every CNAME in a public zone.
    pub fn published(&self) -> BTreeSet<(String, String)> {
        let public = self.zones.values().filter(|zone| !zone.is_private());
        public.flat_map(Zone::cnames).collect()
    }

    /// Id and tags of every zone.
    pub fn tagged(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.zones.iter().map(|(id, zone)| (id.clone(), zone.tags.clone())).collect()
    }

    /// The state of a change.
    pub fn change(&self, id: &str, now: f64) -> Answer {
        let id = id.trim_start_matches("/change/");
        let Some(at) = self.changes.get(id) else {
            let message = format!("Could not find resource with ID: {id}");
            return Err(Refusal { status: 404, code: "NoSuchChange".into(), message });
        };
        Ok(json!({ "ChangeInfo": shown_change(id, *at, now) }))
    }

    /// Writes down a change that was just made.
    fn made_change(&mut self, now: f64) -> Value {
        let id = self.id('C');
        let shown = shown_change(&id, now, now);
        self.changes.insert(id, now);
        shown
    }

    /// An id like `Z0123456789ABCDEFGHIJ`.
    fn id(&mut self, first: char) -> String {
        self.used += 1;
        let digits = sha256_hex(&format!("route53 {} {}", self.account, self.used)).to_ascii_uppercase();
        format!("{first}0{}", digits.get(..19).unwrap_or_default())
    }

    fn zone(&self, id: &str) -> Answer<&Zone> {
        let id = id.trim_start_matches("/hostedzone/");
        self.zones.get(id).ok_or_else(|| Refusal {
            status: 404,
            code: "NoSuchHostedZone".into(),
            message: format!("No hosted zone found with ID: {id}"),
        })
    }
}

fn shown_change(id: &str, at: f64, now: f64) -> Value {
    json!({
        "Id": format!("/change/{id}"),
        "Status": if now < at + SYNC_S { "PENDING" } else { "INSYNC" },
        "SubmittedAt": crate::clock::written(at),
    })
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInput", message)
}
