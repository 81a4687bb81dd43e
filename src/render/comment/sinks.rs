//! The same plans for other places than the comment: a check run, a deployment, annotations, the issue of a drift.

use serde::Serialize;

use super::{PlansPage, StackPart, plans_markdown};
use crate::model::Summary;
use crate::render::escape;
use crate::render::links::{Budget, Links};
use crate::render::markdown_lines::{Detail, diff_lines};
use crate::render::redact::{accounts, credentials, short_account};
use crate::render::templates::Templates;
use crate::render::value::clip;
use crate::render::view::{PlanView, deed};

/// Characters of the description of a deployment, which is GitHub's limit, and of our titles.
pub(super) const DEPLOYMENT_CHARS: usize = 140;
/// Characters of an annotation's text, and of the reason why a stack has no plan in the issue of a drift.
const NOTICE_CHARS: usize = 1_000;
/// Digits of a commit.
const COMMIT_CHARS: usize = 7;

/// How bad a notice is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something goes, or is not as somebody may expect.
    Warning,
}

/// A line beside the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How bad it is.
    pub severity: Severity,
    /// What it says: one line, harmless in a log.
    pub text: String,
    /// The stack file that it is about; empty when it is about none.
    pub file: String,
}

/// What a page says, for annotations: stacks without a plan, then what goes, then warnings. No more than GitHub shows of each severity,
/// which is 10 a step; the last one counts the rest.
pub fn notices(page: &PlansPage<'_>, most: usize) -> Vec<Notice> {
    let notice = |severity, part: &StackPart<'_>, text: &str, account: &str| Notice {
        severity,
        text: clip(&escape::terminal(&accounts(&credentials(text), account)), NOTICE_CHARS),
        file: part.file.to_owned(),
    };
    let named = |part: &StackPart<'_>, text: &str| format!("{}: {text}", part.stack);
    let (mut errors, mut goes, mut warnings) = (vec![], vec![], vec![]);
    for part in page.stacks {
        match part.outcome {
            Err(why) => errors.push(notice(Severity::Error, part, &named(part, why), "")),
            Ok(view) => {
                let going = view.effects.iter().filter(|change| change.destructive);
                goes.extend(going.map(|change| {
                    let text = named(part, &format!("{} {}: {}", change.verb, change.address, change.reason));
                    notice(Severity::Warning, part, &text, &view.account)
                }));
                let told = view.warnings.iter().map(|text| named(part, text));
                warnings.extend(told.map(|text| notice(Severity::Warning, part, &text, &view.account)));
            }
        }
    }
    goes.append(&mut warnings);
    [errors, goes].into_iter().flat_map(|of_one| at_most(of_one, most)).collect()
}

fn at_most(mut notices: Vec<Notice>, most: usize) -> Vec<Notice> {
    if notices.len() > most {
        let rest = notices.split_off(most.saturating_sub(1));
        if let Some(first) = rest.first() {
            let text = format!("and {} more", rest.len());
            notices.push(Notice { severity: first.severity, text, file: String::new() });
        }
    }
    notices
}

/// The title of the check run of a plan, one line of at most 140 characters: `2 of 3 stacks: create 1 and delete 1`.
pub fn check_title(page: &PlansPage<'_>) -> String {
    let views: Vec<&PlanView> = page.stacks.iter().filter_map(|part| part.outcome.ok()).collect();
    let (failed, all) = (page.stacks.len() - views.len(), page.stacks.len());
    let changed = views.iter().filter(|view| !view.effects.is_empty()).count();
    let mut sum = Summary::default();
    for one in views.iter().map(|view| view.effect_summary) {
        sum.create += one.create;
        sum.adopt += one.adopt;
        sum.update += one.update;
        sum.replace += one.replace;
        sum.delete += one.delete;
    }
    let what = if changed == 0 { "no changes".to_owned() } else { deed(sum) };
    let text = match page.stacks {
        [only] if failed > 0 => format!("{} cannot be planned", only.stack),
        [only] => format!("{}: {what}", only.stack),
        _ if changed == 0 && failed == 0 => format!("{all} stacks: no changes"),
        _ if failed > 0 => format!("{failed} of {all} stacks cannot be planned; {changed} change: {what}"),
        _ => format!("{changed} of {all} stacks: {what}"),
    };
    line(&text, DEPLOYMENT_CHARS)
}

/// The summary of the check run of a plan, at most 65,535 bytes.
pub fn check_summary(page: &PlansPage<'_>, reserved: usize) -> String {
    plans_markdown(page, Budget::check(reserved), None).text
}

/// The description of a deployment that begins, at most 140 characters.
pub fn deployment_description(page: &PlansPage<'_>) -> String {
    let digest: String = page.digest.chars().take(12).collect();
    line(&format!("plan {digest}: {}", check_title(page)), DEPLOYMENT_CHARS)
}

/// Why a plan is outdated, as a clause; empty when it is not. `base` is the base branch when it has moved on.
pub fn outdated_clause(planned_head: &str, head: &str, base: Option<&str>) -> String {
    let short = |sha: &str| sha.chars().take(COMMIT_CHARS).collect::<String>();
    if planned_head != head {
        return format!("planned for `{}`, head is `{}`", short(planned_head), short(head));
    }
    match base {
        Some(branch) => format!("`{branch}` has moved on since this was planned"),
        None => String::new(),
    }
}

/// One line of plain text.
pub(super) fn line(text: &str, chars: usize) -> String {
    let text = escape::terminal(text);
    if text.chars().count() <= chars {
        return text;
    }
    text.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}

#[derive(Serialize)]
struct Drift<'a> {
    stack: &'a str,
    file: &'a str,
    failed: Vec<String>,
    place: String,
    deed: String,
    summary: Summary,
    diff: Vec<String>,
    left_out: &'static str,
    links: &'a Links,
}

/// The title of the issue that tells of a drift of one stack.
pub fn drift_title(stack: &str) -> String {
    line(&format!("Drift: AWS is not as the stack file of {stack} says"), 200)
}

/// The body of the issue that tells of a drift of one stack. Only its line of state changes from run to run while the drift stays.
pub fn drift_markdown(part: &StackPart<'_>, links: &Links, budget: Budget) -> String {
    let view = part.outcome.ok();
    let templates = Templates::markdown(view.map(|view| view.account.as_str()).unwrap_or_default());
    let failed = part.outcome.err().unwrap_or_default();
    let document = |detail: Detail| {
        let drift = Drift {
            stack: part.stack,
            file: part.file,
            failed: failed.lines().take(20).map(|text| clip(&credentials(text), NOTICE_CHARS)).collect(),
            place: view
                .map(|view| format!("{} · {}", short_account(&view.account), view.region))
                .unwrap_or_default(),
            deed: view.map(|view| deed(view.effect_summary)).unwrap_or_default(),
            summary: view.map(|view| view.effect_summary).unwrap_or_default(),
            diff: view.map(|view| diff_lines(&view.effects, detail)).unwrap_or_default(),
            left_out: match detail {
                Detail::All | Detail::NoContext => "",
                Detail::Counts => "attributes are told only of what is replaced",
                Detail::Lines => "attributes are left out",
                Detail::Table => "only counts are told",
            },
            links,
        };
        templates.render("drift.md.j2", drift)
    };
    let ladder = [Detail::All, Detail::NoContext, Detail::Counts, Detail::Lines];
    let fits = ladder.into_iter().map(document).find(|text| budget.holds(text));
    fits.unwrap_or_else(|| document(Detail::Table))
}
