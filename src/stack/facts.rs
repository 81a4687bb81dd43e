//! What the account has: read by `lookup`, used by `Stack`.

use std::collections::{BTreeMap, BTreeSet};

use super::web::{Certificate, OwnCertificate, Scheme, SharedBalancer, Zone};
use crate::model::Image;

/// The image of one task as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskImage {
    /// For the plan: reference, tag, digest, origin. `image.image` is what the task definition will hold.
    pub image: Image,
    /// The reference as the configuration writes it.
    pub source: String,
    /// The ECR repository's ARN, when the image is in an ECR (of any account): what the execution role may pull.
    pub repository_arn: Option<String>,
    /// The commit that the image was built from, when the tag looks like one (7 to 40 hex digits).
    pub commit: Option<String>,
}

/// Where a task runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// Subnet ids, at most 16, spread over Availability Zones.
    pub subnets: Vec<String>,
    /// The task needs a public address to reach anything there.
    pub assign_public_ip: bool,
}

/// Which run of a workflow makes what is made: kept in tags of what it registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The address of the pull request that it comes from.
    pub pull_request: Option<String>,
    /// The address of the run.
    pub run: Option<String>,
}

/// What the web services of a stack have or will have in the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebFacts {
    /// The load balancers that are used.
    pub balancers: BTreeMap<Scheme, BalancerFact>,
    /// Task key → the physical name of its target group: of the one that exists and fits, or a free one.
    pub target_groups: BTreeMap<String, String>,
    /// Task key → its rule.
    pub rules: BTreeMap<String, Existing>,
    /// Task key → its rule that redirects port 80, where a listener of somebody else needs one.
    pub redirects: BTreeMap<String, Existing>,
    /// Domain of an `https` service → its certificate.
    pub certificates: BTreeMap<String, CertificateFact>,
    /// Domain and scheme → the zone of its record; absent where no record is to be made.
    pub zones: BTreeMap<(String, Scheme), Zone>,
    /// Zones that no record is wanted in any more, and that may hold some of this stack's still.
    pub traces: BTreeSet<Zone>,
    /// The IPv4 blocks of the VPC.
    pub vpc_ranges: Vec<String>,
}

/// A load balancer as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BalancerFact {
    /// This stack's own, or one to be made.
    Own {
        /// Its physical name.
        name: String,
        /// Its ARN, when it exists.
        arn: Option<String>,
        /// One subnet an Availability Zone, at least two.
        subnets: Vec<String>,
        /// Port → what listens there.
        listeners: BTreeMap<u16, ListenerFact>,
    },
    /// Somebody else's.
    Shared {
        /// The load balancer.
        balancer: SharedBalancer,
        /// Port → what listens there.
        listeners: BTreeMap<u16, ListenerFact>,
    },
}

impl BalancerFact {
    /// Port → what listens there.
    pub fn listeners(&self) -> &BTreeMap<u16, ListenerFact> {
        match self {
            Self::Own { listeners, .. } | Self::Shared { listeners, .. } => listeners,
        }
    }
}

/// A listener as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListenerFact {
    /// Its ARN.
    pub arn: String,
    /// It is this stack's (by its tags), or will be (on a load balancer of this stack).
    pub is_ours: bool,
    /// Its default action redirects to HTTPS.
    pub redirects: bool,
    /// The ARNs of its certificates that others attached. Those that this stack attached (by the evidence in the tags of its rules)
    /// are not among them.
    pub certificates: Vec<String>,
}

impl ListenerFact {
    /// Whether somebody else attached the certificate.
    pub(super) fn has(&self, certificate: &Certificate) -> bool {
        matches!(certificate, Certificate::Found(arn) if self.certificates.contains(arn))
    }
}

/// A rule that exists, or the place of one to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Existing {
    /// Its priority.
    pub priority: i32,
    /// Its ARN, when it exists.
    pub arn: Option<String>,
}

/// A certificate as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFact {
    /// An issued one of somebody else's that covers the domain, by ARN.
    Found(String),
    /// This stack's own, or one to be requested.
    Own(OwnCertificate),
}

/// Everything read from the account before resources are.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `sts:GetCallerIdentity`.
    pub account: String,
    /// The region of the clients.
    pub region: String,
    /// From the caller's ARN.
    pub partition: String,
    /// The VPC.
    pub vpc_id: String,
    /// Task key → where it runs.
    pub placements: BTreeMap<String, Placement>,
    /// Task key → image.
    pub images: BTreeMap<String, TaskImage>,
    /// Secret path as configured → full ARN.
    pub secrets: BTreeMap<String, String>,
    /// What the web services have; empty when there are none.
    pub web: WebFacts,
    /// Which run asks; not read from the account.
    pub provenance: Provenance,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// Resolved values that `--update` writes back: route in the YAML → value.
    pub resolved: Vec<(Vec<String>, serde_json::Value)>,
}
