//! `validate`: checks the stack file, without AWS.

use serde_json::json;

use crate::cli::Format;
use crate::error::{Error, ExitStatus};
use crate::render::escape;

use super::App;

/// Checks and says so.
pub fn run(app: &App) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let (stack, tasks) = (&loaded.config.app.name, loaded.config.tasks.len());
    let file = loaded.path.display().to_string();
    app.print(&match app.format() {
        Format::Json => escape::json(&json!({"valid": true, "file": file, "stack": stack, "tasks": tasks})),
        Format::Text | Format::Markdown => {
            let tasks = if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") };
            escape::terminal(&format!("{file} is valid: stack {stack}, {tasks}"))
        }
    })?;
    Ok(ExitStatus::Done)
}
