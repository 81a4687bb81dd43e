//! Plan and apply over JSON: knows neither AWS nor any kind.

mod canonical;
mod diff;
mod driver;
mod effects;
mod executor;
mod graph;
mod observe;
mod planner;
mod references;
mod scope;
mod steps;

pub use driver::{BoxFuture, Driver, Registry};
pub use effects::{Effect, Field, Place, effects, fingerprint, fingerprint_of, seal, wanted};
pub use executor::execute;
pub use planner::{PlanError, Request, plan};
pub use scope::Scope;
pub use steps::{StepGraph, doing, steps};

#[cfg(test)]
mod tests;
