//! View models + templates → text. No input, no output, no AWS: a pure function of plan, report and links.
//!
//! `view` and `apply_view` decide the words and hide what must not be shown; `text`, `markdown` and `json` are the three
//! documents; `escape` is applied by the templates to everything that is not marked as harmless, so forgetting is safe.

mod apply_body;
pub mod apply_view;
pub mod comment;
pub mod daily;
mod diagram;
mod effect_view;
pub mod escape;
pub mod hints;
mod history;
mod json;
mod links;
mod markdown;
mod markdown_lines;
mod page;
pub mod readiness;
pub mod redact;
mod refusal;
mod rollout;
pub mod rollout_view;
mod telling;
mod templates;
mod text;
pub mod value;
pub mod view;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use apply_view::{ApplyView, Ending};
pub use history::{
    history_json, history_markdown, history_text, revisions_json, revisions_markdown, revisions_text,
};
pub use json::{apply_json, plan_json};
pub use links::{Budget, Link, Links};
pub use markdown::{STATUS_PREFIX, apply_markdown, plan_markdown, refusal_markdown};
pub use page::{Page, Section, page_markdown, page_text, plain};
pub use refusal::{Difference, Refusal};
pub use rollout::{cause_text, rollout_json, rollout_markdown, rollout_text};
pub use text::{Style, apply_text, plan_text, refusal_text};
pub use view::{Context, PlanView};
