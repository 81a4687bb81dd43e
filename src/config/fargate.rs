//! What Fargate can run: the pairs of CPU and memory of the ECS API (`RegisterTaskDefinition`), and the named sizes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::TaskType;

/// The memory values (MiB) that go with one CPU value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memories {
    /// Exactly these.
    List(&'static [u32]),
    /// From the first to the last in equal steps.
    Steps {
        /// The smallest value.
        first: u32,
        /// The largest value.
        last: u32,
        /// The distance of two neighbours.
        by: u32,
    },
}

impl Memories {
    /// Whether `mib` is one of the values.
    pub fn contains(&self, mib: u32) -> bool {
        match *self {
            Self::List(values) => values.contains(&mib),
            Self::Steps { first, last, by } => {
                (first..=last).contains(&mib) && (mib - first).is_multiple_of(by)
            }
        }
    }

    /// Every value, smallest first.
    pub fn all(&self) -> impl Iterator<Item = u32> + use<> {
        let (list, steps): (&'static [u32], _) = match *self {
            Self::List(values) => (values, None),
            Self::Steps { first, last, by } => (&[], Some((first..=last).step_by(by as usize))),
        };
        list.iter().copied().chain(steps.into_iter().flatten())
    }

    /// The values in words, for a message.
    pub fn describe(&self) -> String {
        match *self {
            Self::List(values) => values.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            Self::Steps { first, last, by } => format!("{first} to {last} in steps of {by}"),
        }
    }
}

/// Linux tasks on platform version 1.4.0. The last line is newer than the text of the API reference, which ends at 16 vCPU.
const TABLE: &[(u32, Memories)] = &[
    (256, Memories::List(&[512, 1024, 2048])),
    (512, Memories::Steps { first: 1024, last: 4096, by: 1024 }),
    (1024, Memories::Steps { first: 2048, last: 8192, by: 1024 }),
    (2048, Memories::Steps { first: 4096, last: 16384, by: 1024 }),
    (4096, Memories::Steps { first: 8192, last: 30720, by: 1024 }),
    (8192, Memories::Steps { first: 16384, last: 61440, by: 4096 }),
    (16384, Memories::Steps { first: 32768, last: 122_880, by: 8192 }),
    (32768, Memories::List(&[61440, 122_880, 249_856])),
];

/// The CPU values (units) that Fargate has, smallest first.
pub fn valid_cpus() -> impl Iterator<Item = u32> {
    TABLE.iter().map(|(cpu, _)| *cpu)
}

/// The memory values that go with `cpu` units, or `None` when Fargate has no such CPU value.
pub fn valid_memory(cpu: u32) -> Option<Memories> {
    TABLE.iter().find(|(units, _)| *units == cpu).map(|(_, memories)| *memories)
}

/// CPU and memory of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// CPU units; 1024 are one vCPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
}

/// A named pair of CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// 256 CPU units (¼ vCPU), 512 MiB.
    Tiny,
    /// 512 CPU units (½ vCPU), 1024 MiB.
    Small,
    /// 1024 CPU units (1 vCPU), 2048 MiB.
    Medium,
    /// 2048 CPU units (2 vCPU), 4096 MiB.
    Large,
    /// 4096 CPU units (4 vCPU), 8192 MiB.
    Xlarge,
    /// 8192 CPU units (8 vCPU), 16384 MiB.
    #[serde(rename = "2xlarge")]
    Xlarge2,
}

impl Size {
    /// The size of a task that names none: small is enough for a job on request, everything else gets one vCPU.
    pub fn default_of(kind: TaskType, scheduled: bool) -> Self {
        if kind == TaskType::Task && !scheduled { Self::Tiny } else { Self::Medium }
    }

    /// The CPU and memory behind the name.
    pub fn capacity(self) -> Capacity {
        let (cpu, memory) = match self {
            Self::Tiny => (256, 512),
            Self::Small => (512, 1024),
            Self::Medium => (1024, 2048),
            Self::Large => (2048, 4096),
            Self::Xlarge => (4096, 8192),
            Self::Xlarge2 => (8192, 16384),
        };
        Capacity { cpu, memory }
    }
}
