//! What an apply tells while it runs: spinners on a screen, lines elsewhere, a group in a workflow.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Console;
use crate::model::{Event, Step};
use crate::render::apply_view::duration;
use crate::render::{escape, redact};

impl Console {
    /// Starts the progress of this many steps: in a workflow, a group that can be folded.
    pub fn begin(&self, title: &str, steps: usize) {
        {
            let mut state = self.state();
            state.total = Some(steps);
            state.ended = 0;
        }
        self.title(title);
    }

    /// Opens what is told from here on: in a workflow a group, elsewhere a line.
    pub(super) fn title(&self, title: &str) {
        let group = self.surroundings.github_actions;
        self.state().in_group = group;
        if group {
            self.err_raw(&format!("::group::{}", escape::workflow_data(&escape::terminal(title))));
        } else {
            self.err_lines(&escape::terminal(title));
        }
    }

    /// Ends the progress.
    pub fn end(&self) {
        let spinners = std::mem::take(&mut self.state().spinners);
        for (_, spinner) in spinners {
            spinner.finish_and_clear();
        }
        self.state().total = None;
        self.end_group();
    }

    /// Something happened to a step.
    pub fn progress(&self, event: &Event) {
        match event {
            Event::Started { step, doing } => self.started(step, doing),
            Event::Finished { step, doing, took } => self.finished(step, doing, *took),
            Event::Failed { step, error } => {
                let cause = escape::terminal(&redact::credentials(&error.source.to_string()));
                let line = format!("{} {error}: {cause}", self.sign("31", "✗", "failed:"));
                self.ended(step, &line);
            }
            Event::Skipped { step, because } => {
                let line = format!(
                    "{} {} waits for {}, which failed",
                    self.sign("2", "-", "skipped:"),
                    step.address,
                    because.address
                );
                self.ended(step, &line);
            }
            Event::Interrupted { running } => {
                let text =
                    format!("interrupted: nothing new is started, {running} running calls are finished");
                self.warn(&text);
            }
        }
    }

    fn started(&self, step: &Step, doing: &str) {
        let text = format!("{doing} {}", step.address);
        if !self.surroundings.spins() {
            self.err_lines(&format!("  {}", escape::terminal(&format!("{text} …"))));
            return;
        }
        let spinner = self.screen.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            spinner.set_style(if self.surroundings.unicode { style } else { style.tick_chars("-\\|/ ") });
        }
        spinner.set_message(escape::terminal(&text));
        spinner.enable_steady_tick(Duration::from_millis(120));
        self.state().spinners.insert(step.clone(), spinner);
    }

    fn finished(&self, step: &Step, doing: &str, took: Duration) {
        let line = format!("{} {doing} {} {}", self.sign("32", "✓", "done:"), step.address, duration(took));
        self.ended(step, &line);
    }

    /// Counts the step, removes its spinner and writes its line.
    fn ended(&self, step: &Step, line: &str) {
        let (spinner, ended, total) = {
            let mut state = self.state();
            state.ended += 1;
            (state.spinners.remove(step), state.ended, state.total)
        };
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        let count = total.map(|total| format!(" [{ended}/{total}]")).unwrap_or_default();
        self.err_lines(&format!("  {line}{count}"));
    }
}
