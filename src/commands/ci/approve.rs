//! Whether what would be done was approved: gathers what GitHub holds, and lets `approval` judge.

use crate::approval::{self, CommentSeen, Mode, Record, ReviewSeen, State, Verdict};
use crate::cli::Selection;
use crate::error::Error;
use crate::github::comment::{Found, written_at};
use crate::github::pulls::{Brought, PullRequest};
use crate::github::reviews::{Permission, ReviewState};
use crate::github::{GitHub, marker};
use crate::render::comment::normal_form;
use crate::render::{Budget, Refusal};

use super::super::{App, failure};
use super::job::Job;
use super::pull::Plans;

/// A plan comment that can be believed.
pub struct Shown {
    /// The pull request.
    pub number: u64,
    /// The comment.
    pub comment: u64,
    /// Its whole text.
    pub body: String,
    /// What it is about.
    pub record: Record,
}

/// What may be carried out.
pub struct Approved {
    /// The comments that showed it.
    pub shown: Vec<Shown>,
    /// Who approved it, as a clause; empty when the merge alone did.
    pub by: String,
    /// The rest of what was approved is done already.
    pub resumed: bool,
}

/// What may not.
pub struct Refused {
    /// For people.
    pub refusal: Refusal,
    /// The output `failure-reason`.
    pub reason: &'static str,
    /// The comments that showed something else.
    pub shown: Vec<Shown>,
}

/// How a comment begins whose text is a plan.
const PLAN_TITLE: &str = "### Fargate plan";
/// From this age on a plan is told to be old, in seconds: 14 days.
const OLD: u64 = 14 * 86_400;

const AGAIN: &str =
    "open a pull request that changes the stack file; its plan is then made from what is true now";

fn refused(plans: &Plans, reason: &'static str, why: String, next: &str) -> Refused {
    let stacks: Vec<&str> = plans.planned().map(|stack| stack.plan.stack.as_str()).collect();
    let stack = if let [only] = stacks.as_slice() { (*only).to_owned() } else { String::new() };
    let refusal = Refusal { stack, why, differences: Vec::new(), next: next.to_owned() };
    Refused { refusal, reason, shown: Vec::new() }
}

/// Judges the plans by the pull requests that brought them; `None` when they came by hand.
pub async fn approved(
    app: &App,
    job: &Job<'_>,
    brought: Option<&Brought>,
    plans: &Plans,
    selection: &Selection,
) -> Result<Result<Approved, Refused>, Error> {
    let mode = job.inputs.approval;
    if mode == Mode::None {
        let by = "nobody was asked (`approval: none`)".to_owned();
        return Ok(Ok(Approved { shown: Vec::new(), by, resumed: false }));
    }
    let judged = match brought {
        Some(brought) => by_pulls(app, job, brought, plans, selection).await?,
        None => Err(refused(
            plans,
            "no-plan",
            "it was started by hand, so no pull request shows this plan".to_owned(),
            "let a person approve it with `approval: environment`",
        )),
    };
    match judged {
        Err(refused) if mode == Mode::Environment => by_environment(job, plans, refused).await,
        judged => Ok(judged),
    }
}

/// A person let this run go on for its environment, and the workflow passed on the digest of the plan that the person saw.
async fn by_environment(
    job: &Job<'_>,
    plans: &Plans,
    otherwise: Refused,
) -> Result<Result<Approved, Refused>, Error> {
    let (Some(digest), Some(environment)) = (&job.inputs.plan_digest, &job.inputs.environment) else {
        let next = "pass `plan-digest` of a job that showed this plan, and `environment`, to a second job that waits for its environment";
        return Ok(Err(Refused {
            refusal: Refusal { next: next.to_owned(), ..otherwise.refusal },
            ..otherwise
        }));
    };
    let now = plans.digest();
    if *digest != now {
        let why = format!("the plan that was approved has the digest `{digest}`, the one made now `{now}`");
        return Ok(Err(refused(plans, "plan-differs", why, "run the workflow again")));
    }
    let answers = job.github()?.run_approvals(job.run).await;
    let answers = answers.map_err(|error| failure::github("read who approved this run", &error))?;
    let yes = answers
        .iter()
        .find(|answer| answer.approved && answer.environments.iter().any(|name| name == environment));
    Ok(match yes {
        Some(answer) => {
            let user = answer.user.as_deref().unwrap_or("an account that no longer exists");
            let by = format!("`{user}` for the environment `{environment}`");
            Ok(Approved { shown: otherwise.shown, by, resumed: false })
        }
        None => Err(refused(
            plans,
            "not-approved",
            format!("nobody approved this run for the environment `{environment}`"),
            "set required reviewers for the environment, and name it in the job",
        )),
    })
}

async fn by_pulls(
    app: &App,
    job: &Job<'_>,
    brought: &Brought,
    plans: &Plans,
    selection: &Selection,
) -> Result<Result<Approved, Refused>, Error> {
    let github = job.github()?;
    if brought.pulls.is_empty() {
        let commits: Vec<String> = brought.without.iter().take(3).map(|sha| super::short(sha)).collect();
        let why = format!(
            "no merged pull request brought {}, so nobody was shown this plan",
            if commits.is_empty() { "this push".to_owned() } else { commits.join(", ") }
        );
        let next = "open a pull request with the change, or run `fargate-stack apply` yourself";
        return Ok(Err(refused(plans, "no-plan", why, next)));
    }
    let (mut shown, mut missing, mut reviewers) = (Vec::new(), Vec::new(), Vec::new());
    for pull in &brought.pulls {
        let own = github.own_comments(pull.number, &job.scope).await;
        let own = own.map_err(|error| failure::github("read the plan comment", &error))?;
        let Some(found) = own.kept else {
            missing.push(format!("#{}", pull.number));
            continue;
        };
        let record = match believed(job, github, pull, &found).await? {
            Ok(record) => record,
            Err(distrust) => {
                return Ok(Err(refused(plans, distrust.reason(), distrust.to_string(), AGAIN)));
            }
        };
        if job.inputs.approval == Mode::DigestAndReview {
            match reviewed(github, pull, &found).await? {
                Ok(user) => reviewers.push(format!("`{user}` (#{})", pull.number)),
                Err(distrust) => {
                    let next = "let somebody review the pull request's plan before it is merged";
                    return Ok(Err(refused(plans, distrust.reason(), distrust.to_string(), next)));
                }
            }
        }
        let age = app.env.seconds().saturating_sub(record.planned_at);
        if record.planned_at > 0 && age > OLD {
            app.console.note(&format!("the plan of #{} is {} days old", pull.number, age / 86_400));
        }
        shown.push(Shown { number: pull.number, comment: found.id, body: found.body, record });
    }
    if shown.is_empty() {
        let why = format!("{} {} no plan comment of `{}`", one_or_more(&missing), has(&missing), job.scope);
        return Ok(Err(refused(plans, "no-plan", why, AGAIN)));
    }
    let records: Vec<&Record> = shown.iter().map(|one| &one.record).collect();
    let numbers: Vec<String> = shown.iter().map(|one| format!("#{}", one.number)).collect();
    match approval::verdict(&records, &plans.for_approval()) {
        Verdict::Same => {
            if let [only] = shown.as_slice()
                && let Some(line) = reads_otherwise(job, only, plans, selection)
            {
                let why =
                    format!("the plan comment of {} does not say what would be done", only_number(only));
                let mut told = refused(plans, "comment-altered", why, AGAIN);
                told.refusal.differences.push(line);
                return Ok(Err(Refused { shown, ..told }));
            }
            app.console.note(&format!(
                "the plan is the one that {} {}",
                one_or_more(&numbers),
                shows(&numbers)
            ));
            Ok(Ok(Approved { shown, by: reviewers.join(", "), resumed: false }))
        }
        Verdict::Rest { done, left } => {
            app.console.note(&format!(
                "{left} of the changes that {} {} are left, {done} are done already",
                one_or_more(&numbers),
                shows(&numbers)
            ));
            Ok(Ok(Approved { shown, by: reviewers.join(", "), resumed: true }))
        }
        Verdict::Differs(differences) => {
            let why =
                format!("what would be done now is not what {} {}", one_or_more(&numbers), shows(&numbers));
            let mut told = refused(plans, "plan-differs", why, AGAIN);
            told.refusal.differences = differences.into_iter().map(for_people).collect();
            Ok(Err(Refused { shown, ..told }))
        }
    }
}

fn for_people(difference: approval::Difference) -> crate::render::Difference {
    crate::render::Difference {
        stack: difference.stack,
        address: difference.address,
        path: difference.path.unwrap_or_default(),
        approved: Some(difference.approved),
        now: Some(difference.now),
        class: difference.class.words().to_owned(),
    }
}

fn only_number(shown: &Shown) -> String {
    format!("pull request #{}", shown.number)
}

fn one_or_more(numbers: &[String]) -> String {
    let noun = if numbers.len() == 1 { "pull request" } else { "pull requests" };
    format!("{noun} {}", numbers.join(", "))
}

fn has(numbers: &[String]) -> &'static str {
    if numbers.len() == 1 { "has" } else { "have" }
}

fn shows(numbers: &[String]) -> &'static str {
    if numbers.len() == 1 { "shows" } else { "show" }
}

/// The record of a comment, when comment, visible text, merged commit and check run agree.
async fn believed(
    job: &Job<'_>,
    github: &GitHub,
    pull: &PullRequest,
    found: &Found,
) -> Result<Result<Record, approval::Distrust>, Error> {
    let witness = if job.inputs.check_run {
        let runs = github.check_runs(&pull.head_sha, &job.check_name()).await;
        let runs = runs.map_err(|error| failure::github("read the check run of the plan", &error))?;
        runs.iter().find_map(|run| marker::read::<Record>(run.text.as_deref()?))
    } else {
        None
    };
    let record: Option<Record> = marker::read(&found.body);
    let state = record.as_ref().map(|record| record.state).unwrap_or_default();
    let unknown = || "an account that no longer exists".to_owned();
    Ok(approval::trusted(&CommentSeen {
        number: pull.number,
        edited_by_other: found.edited_by_other.then(|| found.editor.clone().unwrap_or_else(unknown)),
        minimized: found.minimized,
        record,
        text: text_digest(state, marker::unmarked(&found.body)),
        head: pull.head_sha.clone(),
        witness,
    }))
}

/// Who reviewed the plan.
async fn reviewed(
    github: &GitHub,
    pull: &PullRequest,
    found: &Found,
) -> Result<Result<String, approval::Distrust>, Error> {
    let reviews = github.reviews(pull.number).await;
    let reviews = reviews.map_err(|error| failure::github("read the reviews", &error))?;
    let mut seen = Vec::new();
    let mut known: std::collections::BTreeMap<String, Permission> = std::collections::BTreeMap::new();
    for review in reviews {
        let approves = match review.state {
            ReviewState::Approved => true,
            ReviewState::ChangesRequested => false,
            ReviewState::Commented | ReviewState::Dismissed => continue,
        };
        let (Some(user), Some(at)) = (review.user, review.submitted_at) else { continue };
        let permission = match known.get(&user) {
            Some(permission) => *permission,
            None => {
                let permission = github.permission(&user).await;
                permission.map_err(|error| failure::github("read what a reviewer may do", &error))?
            }
        };
        known.insert(user.clone(), permission);
        let may_write = permission >= Permission::Write;
        seen.push(ReviewSeen { user, approves, commit: review.commit_id, at, may_write });
    }
    let same = |left: &str, right: &str| {
        let form = |body: &str| normal_form(marker::unmarked(body));
        form(left).is_some() && form(left) == form(right)
    };
    let written = written_at(found, same).unwrap_or_default();
    Ok(approval::reviewed(pull.number, &seen, pull.user.as_deref(), &pull.head_sha, &written))
}

/// Where the visible plan is not what these plans look like: the text that a reader saw, and not only the record behind it. Where that
/// cannot be compared (another version wrote it, a stack could not be planned then, it tells of an apply already) the record decides.
fn reads_otherwise(
    job: &Job<'_>,
    shown: &Shown,
    plans: &Plans,
    selection: &Selection,
) -> Option<crate::render::Difference> {
    let record = &shown.record;
    let comparable = matches!(record.state, State::Planned | State::Outdated)
        && record.tool == env!("CARGO_PKG_VERSION")
        && plans
            .planned()
            .map(|stack| stack.plan.stack.as_str())
            .eq(record.stacks.keys().map(String::as_str));
    if !comparable {
        return None;
    }
    let links = job.recorded_links(record);
    let selection = Selection { show_value: record.show_values.clone(), ..selection.clone() };
    let again = plans.page(job, &selection, &links, Budget::summary(0), Some(record.rung));
    let again = normal_form(&again.text).unwrap_or_default();
    let seen = normal_form(marker::unmarked(&shown.body)).unwrap_or_default();
    if !again.is_empty() && seen == again {
        return None;
    }
    let mut lines = seen.lines().zip(again.lines());
    let other = lines.find(|(seen, again)| seen != again);
    let (approved, now) = other.unwrap_or_else(|| {
        let longer = if seen.len() > again.len() { &seen } else { &again };
        let more = longer.lines().nth(seen.lines().count().min(again.lines().count())).unwrap_or_default();
        if seen.len() > again.len() { (more, "") } else { ("", more) }
    });
    let side = |line: &str| Some(line.to_owned()).filter(|line| !line.is_empty());
    Some(crate::render::Difference {
        path: "a line of the comment".to_owned(),
        approved: side(approved),
        now: side(now),
        ..crate::render::Difference::default()
    })
}

/// What a record keeps of a visible text. A plan is kept by its normal form, a report as it stands.
pub fn text_digest(state: State, text: &str) -> Option<String> {
    let is_plan = matches!(state, State::Planned | State::Outdated | State::Applying | State::Refused);
    if is_plan || text.starts_with(PLAN_TITLE) {
        return normal_form(text).map(|form| approval::text_digest(&form));
    }
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    Some(approval::text_digest(&lines.join("\n")))
}
