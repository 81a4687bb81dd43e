//! What a deployment is going to do, and how long it takes.

/// The course of one deployment, decided when it starts. Times in seconds of the sandbox clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rollout {
    /// From the creation of a task (PROVISIONING) to PENDING.
    pub pending_after_s: f64,
    /// How its tasks end up.
    pub outcome: Outcome,
    /// From the last change of the task set to the steady state.
    pub settle_s: f64,
    /// From the order to stop a task to STOPPED.
    pub stop_s: f64,
}

/// How the tasks of a deployment end up.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Every task is RUNNING this long after its creation, and stays so.
    Healthy {
        /// Seconds from creation to RUNNING.
        after_s: f64,
    },
}

impl Default for Rollout {
    /// Running after two seconds, complete after three.
    fn default() -> Self {
        Self { pending_after_s: 0.5, outcome: Outcome::Healthy { after_s: 2.0 }, settle_s: 1.0, stop_s: 1.0 }
    }
}

impl Rollout {
    /// When a task that is created at `created` is RUNNING.
    pub fn running_at(&self, created: f64) -> f64 {
        match self.outcome {
            Outcome::Healthy { after_s } => created + after_s,
        }
    }
}
