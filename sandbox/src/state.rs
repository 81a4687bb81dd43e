//! Everything that the two listeners share.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::Ready;
use crate::acm::Acm;
use crate::aws::caller::account_of;
use crate::aws::ecr::Pending;
use crate::clock::Clock;
use crate::dns::Dns;
use crate::ecs::Ecs;
use crate::elb::Elb;
use crate::fault::Faults;
use crate::github::GitHub;
use crate::internal::Internal;
use crate::moto::Moto;
use crate::policy::CallerPolicy;
use crate::quotas::Quotas;
use crate::record::Recorder;
use crate::registry::Registry;
use crate::seed::Seed;
use crate::seed::images::Archived;
use crate::ssm::Ssm;

/// For whom a temporary access key was given out.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Account id.
    pub account: String,
    /// ARN of the assumed role.
    pub role: String,
    /// `RoleSessionName`.
    pub session: String,
}

/// Account id and region.
pub type Place = (String, String);

/// The state of one sandbox. Locks are held for moments, never while waiting.
#[derive(Debug)]
pub struct State {
    /// What was announced.
    pub ready: Ready,
    /// Every service but ECS.
    pub moto: Moto,
    /// The clock.
    pub clock: Mutex<Clock>,
    /// The recorder.
    pub recorder: Mutex<Recorder>,
    /// Faults and latencies.
    pub faults: Mutex<Faults>,
    /// The ECS models, one an account and region.
    pub ecs: Mutex<BTreeMap<Place, Ecs>>,
    /// The models of Elastic Load Balancing, one an account and region.
    pub elb: Mutex<BTreeMap<Place, Elb>>,
    /// The models of Certificate Manager, one an account and region.
    pub acm: Mutex<BTreeMap<Place, Acm>>,
    /// The models of Parameter Store, one an account and region.
    pub ssm: Mutex<BTreeMap<Place, Ssm>>,
    /// The models of Route 53, one an account.
    pub dns: Mutex<BTreeMap<String, Dns>>,
    /// The GitHub stub.
    pub github: Mutex<GitHub>,
    /// What the caller of an account may do, by account.
    pub callers: Mutex<BTreeMap<String, CallerPolicy>>,
    /// Service quotas.
    pub quotas: Mutex<Quotas>,
    /// The temporary access keys that were given out.
    pub keys: Mutex<BTreeMap<String, Issued>>,
    /// What was seeded where: which seed, and what it made.
    pub seeds: Mutex<BTreeMap<Place, (Seed, Value)>>,
    /// Image configurations by digest.
    pub blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Held while the log lines of tasks are on their way.
    pub log_delivery: tokio::sync::Mutex<()>,
    /// Pushes to ECR that are on their way.
    pub pushes: Mutex<Vec<Pending>>,
    /// Archived images of ECR, and since when.
    pub archived: Mutex<BTreeMap<Archived, f64>>,
    /// The registries outside ECR.
    pub registry: Mutex<Registry>,
    /// The seed of the default account.
    pub seed: Seed,
}

/// Locks; a panic of another holder does not spread.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// A new sandbox on a fresh moto.
    pub fn new(ready: Ready, moto: Moto, seed: Seed) -> Self {
        Self {
            ready,
            moto,
            clock: Mutex::default(),
            recorder: Mutex::default(),
            faults: Mutex::default(),
            ecs: Mutex::default(),
            elb: Mutex::default(),
            acm: Mutex::default(),
            ssm: Mutex::default(),
            dns: Mutex::default(),
            github: Mutex::new(GitHub::new()),
            callers: Mutex::default(),
            quotas: Mutex::default(),
            keys: Mutex::default(),
            seeds: Mutex::default(),
            blobs: Mutex::default(),
            log_delivery: tokio::sync::Mutex::default(),
            pushes: Mutex::default(),
            archived: Mutex::default(),
            registry: Mutex::default(),
            seed,
        }
    }

    /// Now by the sandbox's clock, in seconds since the epoch.
    pub fn now(&self) -> f64 {
        lock(&self.clock).now()
    }

    /// The account of an access key.
    pub fn account(&self, access_key: &str) -> String {
        let issued = lock(&self.keys).get(access_key).map(|issued| issued.account.clone());
        issued.unwrap_or_else(|| account_of(access_key).to_owned())
    }

    /// Role and session of an access key.
    pub fn role(&self, access_key: &str) -> Option<(String, String)> {
        lock(&self.keys).get(access_key).map(|issued| (issued.role.clone(), issued.session.clone()))
    }

    /// Calls of our own in an account and region.
    pub fn internal<'a>(&'a self, account: &'a str, region: &'a str) -> Internal<'a> {
        Internal { moto: &self.moto, account, region }
    }

    /// Uses the ECS model of an account and region; it is made on first use.
    pub fn with_ecs<T>(&self, account: &str, region: &str, use_it: impl FnOnce(&mut Ecs) -> T) -> T {
        let mut all = lock(&self.ecs);
        let place = (account.to_owned(), region.to_owned());
        use_it(all.entry(place).or_insert_with(|| Ecs::new(account, region)))
    }

    /// Uses the model of Elastic Load Balancing of an account and region; it is made on first use.
    pub fn with_elb<T>(&self, account: &str, region: &str, use_it: impl FnOnce(&mut Elb) -> T) -> T {
        let mut all = lock(&self.elb);
        let place = (account.to_owned(), region.to_owned());
        use_it(all.entry(place).or_insert_with(|| Elb::new(account, region)))
    }

    /// Uses the model of Certificate Manager of an account and region; it is made on first use.
    pub fn with_acm<T>(&self, account: &str, region: &str, use_it: impl FnOnce(&mut Acm) -> T) -> T {
        let mut all = lock(&self.acm);
        let place = (account.to_owned(), region.to_owned());
        use_it(all.entry(place).or_insert_with(|| Acm::new(account, region)))
    }

    /// Uses the model of Parameter Store of an account and region; it is made on first use.
    pub fn with_ssm<T>(&self, account: &str, region: &str, use_it: impl FnOnce(&mut Ssm) -> T) -> T {
        let mut all = lock(&self.ssm);
        let place = (account.to_owned(), region.to_owned());
        use_it(all.entry(place).or_insert_with(|| Ssm::new(account, region)))
    }

    /// Uses the model of Route 53 of an account; it is made on first use.
    pub fn with_dns<T>(&self, account: &str, use_it: impl FnOnce(&mut Dns) -> T) -> T {
        use_it(lock(&self.dns).entry(account.to_owned()).or_insert_with(|| Dns::new(account)))
    }

    /// Issues the certificates whose records are published, in whichever account.
    pub fn settle_certificates(&self) {
        let published = lock(&self.dns).values().flat_map(Dns::published).collect();
        let now = self.now();
        for acm in lock(&self.acm).values_mut() {
            acm.settle(&published, now);
        }
    }
}
