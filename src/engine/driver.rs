//! What the engine asks of a kind, with the types erased.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{CallError, Locator, Observed, Outputs, Rules};

/// A boxed future, so that a driver fits behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One kind, erased. Made by `kinds::bind`.
pub trait Driver: Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;
    /// The kind's rules.
    fn rules(&self) -> &'static Rules;
    /// Attributes in the kind's normal form (a typed round trip): sets sorted, defaults filled.
    fn canonical(&self, attrs: Value) -> Result<Value, CallError>;
    /// The existing resource, or `None`.
    fn read<'a>(&'a self, at: &'a Locator) -> BoxFuture<'a, Result<Option<Observed>, CallError>>;
    /// Makes it, or takes what an earlier, interrupted attempt of this stack made.
    fn create<'a>(&'a self, at: &'a Locator, want: Value) -> BoxFuture<'a, Result<Outputs, CallError>>;
    /// Changes it in place (for an adoption: tags it as well).
    fn update<'a>(
        &'a self,
        at: &'a Locator,
        seen: &'a Observed,
        want: Value,
    ) -> BoxFuture<'a, Result<Outputs, CallError>>;
    /// Deletes it and waits until it is gone.
    fn delete<'a>(&'a self, at: &'a Locator, seen: &'a Observed) -> BoxFuture<'a, Result<(), CallError>>;
}

/// The drivers by kind.
#[derive(Clone, Default)]
pub struct Registry {
    drivers: BTreeMap<&'static str, Arc<dyn Driver>>,
}

impl Registry {
    /// A registry of these drivers.
    pub fn new(drivers: impl IntoIterator<Item = Arc<dyn Driver>>) -> Self {
        Self { drivers: drivers.into_iter().map(|driver| (driver.kind(), driver)).collect() }
    }

    /// The driver of a kind.
    pub fn get(&self, kind: &str) -> Option<&Arc<dyn Driver>> {
        self.drivers.get(kind)
    }

    /// All drivers, by kind.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Driver>> {
        self.drivers.values()
    }
}
