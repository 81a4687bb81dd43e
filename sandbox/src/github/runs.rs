//! Workflow runs: what they are, who let them go on, how one is started; and files of the repository.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::sha_of;
use super::{Answered, Ask, GitHub, not_found, problem};
use crate::http::Response;

/// Most inputs of a dispatch.
const MOST_INPUTS: usize = 25;

impl GitHub {
    /// A run that control has told of.
    pub(super) fn run(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let run = repo.runs.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(Response::json(200, run))
    }

    /// Who let a run go on; nobody had to where control has told of nobody.
    pub(super) fn approvals(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let found = repo.approvals.get(&ask.call.number()).cloned().unwrap_or_default();
        Response::json(200, &Value::Array(found))
    }

    /// Notes that a workflow was dispatched; nothing runs.
    pub(super) fn dispatch(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let documentation = "https://docs.github.com/rest/actions/workflows";
        let repo = self.named(&ask.call.repo);
        let reference = body.get("ref").and_then(Value::as_str).unwrap_or_default();
        let bare = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        if !repo.branches.contains_key(bare) {
            return Err(problem(422, &format!("No ref found for: {reference}"), documentation));
        }
        let inputs = body.get("inputs").cloned().unwrap_or_else(|| json!({}));
        if inputs.as_object().is_none_or(|inputs| inputs.len() > MOST_INPUTS) {
            let message = format!("Invalid request.\n\nNo more than {MOST_INPUTS} properties are allowed.");
            return Err(problem(422, &message, documentation));
        }
        let dispatched = json!({
            "workflow": ask.call.value("workflow_file"),
            "ref": reference,
            "inputs": inputs,
            "user": ask.token.login,
        });
        repo.dispatches.push(dispatched);
        Ok(Response { status: 204, ..Response::default() })
    }

    /// A file: as it is at the wanted reference, or as it is everywhere.
    pub(super) fn contents(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let path = ask.call.value("path");
        let reference = ask.query("ref").unwrap_or(repo.default_branch.as_str());
        let sha = repo.resolve(reference).ok_or_else(|| {
            problem(
                404,
                &format!("No commit found for the ref {reference}"),
                "https://docs.github.com/v3/repos/contents/",
            )
        })?;
        let at = |reference: &str| repo.files.get(&(path.to_owned(), reference.to_owned()));
        let text = at(&sha).or_else(|| at(reference)).or_else(|| at("")).ok_or_else(not_found)?;
        let url = format!("{}/repos/{}/contents/{path}?ref={reference}", ask.links.api, repo.full_name());
        let body = json!({
            "type": "file",
            "encoding": "base64",
            "size": text.len(),
            "name": path.rsplit('/').next(),
            "path": path,
            "content": STANDARD.encode(text),
            "sha": sha_of(&["blob", text]),
            "url": url,
        });
        Ok(Response::json(200, &body))
    }
}
