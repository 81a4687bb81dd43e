//! Where generations are kept: in Systems Manager's parameters; in tests elsewhere, with a clock that can be moved.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::types::{Parameter, ParameterTier, ParameterType};
use tokio::time::Instant;

use super::record::Record;
use super::{PATH, TERMS};
use crate::aws::{self, Aws, call};
use crate::model::CallError;

/// Generations of locks, and the clocks that leases are measured with.
pub(super) trait Store {
    /// Every generation that there is.
    async fn list(&self, stack: &str) -> Result<BTreeMap<u64, Record>, CallError>;
    /// Makes one; `false` when it exists. Atomic.
    async fn add(&self, stack: &str, generation: u64, record: &Record) -> Result<bool, CallError>;
    /// Writes one that exists.
    async fn overwrite(&self, stack: &str, generation: u64, record: &Record) -> Result<(), CallError>;
    /// Deletes some.
    async fn delete(&self, stack: &str, generations: &[u64]) -> Result<(), CallError>;
    /// The wall clock, in seconds since the epoch.
    fn now(&self) -> u64;
    /// A clock that nobody sets, from an arbitrary start.
    fn running(&self) -> Duration;
    /// Waits.
    async fn pause(&self, length: Duration);
    /// Tells somebody.
    fn tell(&self, line: &str);
}

const LIST: &str = "ssm:GetParametersByPath";
const PUT: &str = "ssm:PutParameter";
const DELETE: &str = "ssm:DeleteParameters";

impl Store for Aws {
    async fn list(&self, stack: &str) -> Result<BTreeMap<u64, Record>, CallError> {
        let mut found = BTreeMap::new();
        let mut token = None;
        loop {
            let ask = self.parameters.get_parameters_by_path().path(format!("{PATH}/{stack}"));
            let page = call(LIST, ask.set_next_token(token).send()).await?;
            found.extend(page.parameters().iter().filter_map(generation));
            // A page may be empty and not be the last.
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn add(&self, stack: &str, generation: u64, record: &Record) -> Result<bool, CallError> {
        match put(self, stack, generation, record, false).await {
            Ok(()) => Ok(true),
            Err(error) if error.code == "ParameterAlreadyExists" => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn overwrite(&self, stack: &str, generation: u64, record: &Record) -> Result<(), CallError> {
        put(self, stack, generation, record, true).await
    }

    async fn delete(&self, stack: &str, generations: &[u64]) -> Result<(), CallError> {
        let names = generations.iter().map(|generation| name(stack, *generation)).collect();
        call(DELETE, self.parameters.delete_parameters().set_names(Some(names)).send()).await.map(drop)
    }

    fn now(&self) -> u64 {
        // A clock before 1970 is nobody's.
        Duration::try_from_secs_f64(aws::now()).unwrap_or_default().as_secs()
    }

    fn running(&self) -> Duration {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        START.elapsed()
    }

    async fn pause(&self, length: Duration) {
        aws::pause(length).await;
    }

    fn tell(&self, line: &str) {
        self.tell.say(line);
    }
}

fn name(stack: &str, generation: u64) -> String {
    format!("{PATH}/{stack}/{generation}")
}

/// A parameter that is a generation; others may lie below the path, too.
fn generation(parameter: &Parameter) -> Option<(u64, Record)> {
    let number = parameter.name()?.rsplit('/').next()?;
    let generation: u64 = number.parse().ok().filter(|generation: &u64| generation.to_string() == number)?;
    let written = parameter.last_modified_date().and_then(|at| u64::try_from(at.secs()).ok());
    let value = parameter.value().unwrap_or_default();
    Some((generation, Record::read(generation, value, written.unwrap_or_default(), TERMS.lease.as_secs())))
}

async fn put(
    aws: &Aws,
    stack: &str,
    generation: u64,
    record: &Record,
    overwrite: bool,
) -> Result<(), CallError> {
    let put = aws
        .parameters
        .put_parameter()
        .name(name(stack, generation))
        .value(record.write())
        .r#type(ParameterType::String)
        .tier(ParameterTier::Standard)
        .overwrite(overwrite);
    call(PUT, put.send()).await.map(drop)
}
