//! The vocabulary of plan and apply. Depends on nothing else of this crate.

mod account;
mod address;
mod call_error;
mod change;
mod commit;
mod daily;
mod finding;
mod history;
mod input;
mod plan;
mod report;
mod resource;
mod rollout;
mod rules;
mod stop;

pub use account::{accounts, accounts_of, short_account};
pub use address::{Address, AddressError};
pub use call_error::CallError;
pub use change::{Action, AttrChange, Change, Reason};
pub use commit::{COMMIT_DIGITS, COMMIT_PREFIX, commit_of, is_commit};
pub use daily::{
    BalancerStatus, ContainerRun, Deed, DeploymentStatus, Firing, ImageStatus, NewerImage, Scalable,
    ScheduleStatus, ServiceEvent, ServiceStatus, Status, Suspended, TargetStatus, TaskRun, WebStatus,
    ZoneOfVpc, ZoneRow, ZoneStatus,
};
pub use finding::{Able, Finding, Level, Readiness};
pub use history::{Family, Fate, History, Listed, Release, ReleaseState, Revision};
pub use input::{Input, Ref};
pub use plan::{Demand, Endpoint, Image, ImageOrigin, Plan, Summary};
pub use report::{ApplyReport, Event, Outcome, Step, StepError, Verb};
pub use resource::{Locator, Observed, Outputs, Owner, Resource};
pub use rollout::{
    Cause, ContainerLog, Progress, RolloutEvent, RolloutOutcome, RolloutReport, ServiceRollout,
};
pub use rules::{Prune, Replace, Rules};
pub use stop::{stoppable, stopped};
