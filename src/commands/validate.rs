//! `validate`: checks the stack file, without AWS.

use serde_json::json;

use crate::cli::Format;
use crate::error::{Error, ExitStatus};

use super::App;

/// Checks and says so.
pub fn run(app: &App) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let (stack, tasks) = (&loaded.config.app.name, loaded.config.tasks.len());
    let file = loaded.path.display().to_string();
    app.print(&match app.format() {
        Format::Json => format!("{:#}", json!({"valid": true, "file": file, "stack": stack, "tasks": tasks})),
        Format::Text | Format::Markdown => format!("{file} is valid: stack {stack}, {tasks} task(s)"),
    })?;
    Ok(ExitStatus::Done)
}
