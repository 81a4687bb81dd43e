//! Plan and apply over JSON: knows neither AWS nor any kind.

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
pub use effects::{Difference, Effect, Field, differences, effects, fingerprint};
pub use executor::execute;
pub use planner::{PlanError, Request, plan};
pub use scope::Scope;
pub use steps::{StepGraph, doing, steps};

#[cfg(test)]
mod tests;
