//! YAML → [`Config`]: what the user wrote, checked, with no default that needs AWS.
//!
//! One file goes through these steps, each in its own module: [`yaml`] reads the text into JSON (duplicate keys, tags and alias
//! bombs end here), [`judge`] judges keys and types by the schema that [`schema`](mod@schema) makes of the types of [`types`],
//! [`check`] judges meaning (names, sizes, schedules), [`normal`] brings every way of writing a thing into one, and serde makes
//! the types. All steps collect findings by path, so one run names every error of a file; [`source`] turns paths into lines and
//! columns of a [`Diagnostic`].

#![allow(
    clippy::doc_markdown,
    reason = "doc comments are the descriptions of the schema, where services are named as AWS names them"
)]

mod check;
mod check_run;
mod check_task;
mod check_web;
mod compat;
mod diagnostic;
mod fargate;
mod image;
mod judge;
mod load;
mod names;
mod normal;
mod point;
mod run;
mod schedule;
mod schema;
mod secret;
mod source;
#[cfg(test)]
mod tests;
mod types;
mod update;
mod web_names;
mod words;
mod yaml;

pub use diagnostic::Diagnostic;
pub use fargate::{Capacity, Memories, Size, valid_cpus, valid_memory};
pub use image::ImageRef;
pub use load::{ConfigError, Loaded, MAX_BYTES, load, load_within, parse};
pub use names::{TAGS_MAX, normal_name};
pub use point::point;
pub use run::{CommandRule, RunPermission, RunRule};
pub use schedule::{Schedule, Unit};
pub use schema::schema;
pub use secret::SecretRef;
pub use types::{
    Alb, AlbSecurityGroup, AlbType, App, Cluster, Config, CpuArchitecture, Deployment, HealthCheck, LogGroup,
    ReleaseRule, Role, Route53, SecurityGroup, SecurityGroups, Subnets, Task, TaskType,
};
pub use update::{UpdateError, update};
pub use words::split as split_words;
