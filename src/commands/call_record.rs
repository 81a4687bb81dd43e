//! `--record-calls`: a line of JSON for each AWS call of a run: its IAM action, and nothing of what was sent.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Writes the calls that `aws::call` logs into a file.
pub struct CallRecord(Mutex<File>);

impl CallRecord {
    /// Appends to the file, and makes it when there is none.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }
}

/// The field that holds the IAM action.
#[derive(Default)]
struct Action(Option<String>);

impl Visit for Action {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "op" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

impl<S: Subscriber> Layer<S> for CallRecord {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut action = Action::default();
        event.record(&mut action);
        if let Some(action) = action.0 {
            let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A record that cannot be written must not stop a run; the missing line shows.
            let _ = writeln!(file, "{}", json!({"action": action}));
        }
    }
}
