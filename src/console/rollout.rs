//! What a rollout tells while it runs: a live line for each service on a screen, else a line for each change, in a workflow within a
//! group.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Console;
use crate::model::{Progress, RolloutEvent, RolloutOutcome, ServiceRollout};
use crate::render::apply_view::duration;
use crate::render::{escape, redact};

/// Characters of a line that AWS, or an image, may fill with its words.
const LONGEST: usize = 300;

impl Console {
    /// Starts to tell of rollouts: in a workflow, a group that can be folded.
    pub fn rollout_begin(&self, title: &str) {
        self.title(title);
    }

    /// Ends it. What still ran is no longer shown.
    pub fn rollout_end(&self) {
        let lines = std::mem::take(&mut self.state().rollouts);
        for (_, line) in lines {
            line.finish_and_clear();
        }
        self.end_group();
    }

    /// Something happened to a rollout.
    pub fn rollout(&self, event: &RolloutEvent) {
        match event {
            RolloutEvent::Progress { service, progress } => self.rolls(service, progress),
            RolloutEvent::TaskFailed { service, what } => {
                let sign = self.sign("33", "!", "task failed:");
                self.err_lines(&format!("  {sign} {}: {}", escape::terminal(service), foreign(what)));
            }
            RolloutEvent::Ended(rollout) => self.rolled(rollout),
        }
    }

    fn rolls(&self, service: &str, progress: &Progress) {
        let text = format!("{}: {}", escape::terminal(service), numbers(progress));
        if !self.surroundings.spins() {
            self.err_lines(&format!("  {text}, {}", seconds(progress.seconds)));
            return;
        }
        let known = self.state().rollouts.get(service).cloned();
        let line = known.unwrap_or_else(|| {
            let line = self.screen.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}") {
                line.set_style(if self.surroundings.unicode { style } else { style.tick_chars("-\\|/ ") });
            }
            line.enable_steady_tick(Duration::from_millis(120));
            let line = line.with_elapsed(Duration::from_secs_f64(progress.seconds.clamp(0.0, 1e6)));
            self.state().rollouts.insert(service.to_owned(), line.clone());
            line
        });
        line.set_message(text);
    }

    fn rolled(&self, rollout: &ServiceRollout) {
        let line = self.state().rollouts.remove(&rollout.service);
        if let Some(line) = line {
            line.finish_and_clear();
        }
        let sign = match rollout.outcome {
            RolloutOutcome::Succeeded => self.sign("32", "✓", "done:"),
            RolloutOutcome::Failed | RolloutOutcome::RolledBack | RolloutOutcome::Stopped => {
                self.sign("31", "✗", "failed:")
            }
            _ => self.sign("33", "!", "not finished:"),
        };
        let reason = rollout.status_reason.as_deref().map(|reason| format!(" ({})", foreign(reason)));
        self.err_lines(&format!(
            "  {sign} {}: {} after {}{}",
            escape::terminal(&rollout.service),
            rollout.outcome.word().replace('-', " "),
            seconds(rollout.seconds),
            reason.unwrap_or_default(),
        ));
    }
}

/// `starting tasks, 1 of 2 running, 1 pending, 1 healthy, 3 failed`; what is 0 is left out.
fn numbers(progress: &Progress) -> String {
    let Progress { phase, desired, running, pending, healthy, failed, .. } = progress;
    let mut text = format!("{}, {running} of {desired} running", escape::terminal(phase));
    // Writing to a `String` cannot fail.
    if *pending > 0 {
        let _ = write!(text, ", {pending} pending");
    }
    if let Some(healthy) = healthy {
        let _ = write!(text, ", {healthy} healthy");
    }
    if *failed > 0 {
        let _ = write!(text, ", {failed} failed");
    }
    text
}

fn seconds(seconds: f64) -> String {
    duration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)))
}

/// Foreign words in one line that is not endless.
fn foreign(text: &str) -> String {
    let text = redact::credentials(text);
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", escape::terminal(&short))
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
