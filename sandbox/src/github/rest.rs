//! The REST calls.

use serde_json::{Value, json};

use super::route::{Name, Op};
use super::state::{Pull, Repo};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, not_accessible, not_found, problem};
use crate::http::{Request, Response};

/// Most commits of a comparison that is not paged.
const MOST_COMPARED: usize = 250;

impl GitHub {
    pub(super) fn rest(&mut self, ask: &Ask) -> Response {
        let answered = match ask.call.op {
            Op::User if ask.token.is_installation() => Err(not_accessible()),
            Op::User => Ok(Response::json(200, &view::user(&ask.token.login))),
            Op::RateLimit => Ok(rate_limit(ask.now)),
            Op::Repo => Ok(Response::json(200, &view::repo(self.named(&ask.call.repo), &ask.links))),
            Op::Pulls => Ok(self.pulls(ask)),
            Op::Pull => self.pull(ask),
            Op::Reviews => self.reviews(ask),
            Op::Commit => self.commit(ask),
            Op::CommitPulls => self.commit_pulls(ask),
            Op::CommitChecks => self.commit_checks(ask),
            Op::CommitStatuses => self.commit_statuses(ask),
            Op::CombinedStatus => self.combined_status(ask),
            Op::Compare => self.compare(ask),
            Op::Contents => self.contents(ask),
            Op::Permission => self.permission(ask),
            Op::CreateCheck => self.create_check(ask),
            Op::UpdateCheck => self.update_check(ask),
            Op::Check => self.check(ask),
            Op::Annotations => self.annotations(ask),
            Op::CreateStatus => self.create_status(ask),
            Op::Deployments => Ok(self.deployments(ask)),
            Op::CreateDeployment => self.create_deployment(ask),
            Op::Deployment => self.deployment(ask),
            Op::DeploymentStatuses => self.deployment_statuses(ask),
            Op::CreateDeploymentStatus => self.create_deployment_status(ask),
            Op::Environments => Ok(self.environments(ask)),
            Op::Environment => self.environment(ask),
            Op::BranchPolicies => self.branch_policies(ask),
            Op::Approvals => Ok(self.approvals(ask)),
            Op::Run => self.run(ask),
            Op::Dispatch => self.dispatch(ask),
            Op::BranchRules => Ok(self.branch_rules(ask)),
            Op::Issues => Ok(self.issues(ask)),
            Op::CreateIssue => self.create_issue(ask),
            Op::Issue => self.issue(ask),
            Op::UpdateIssue => self.update_issue(ask),
            Op::Labels => self.labels(ask),
            Op::AddLabels => self.add_labels(ask),
            Op::RemoveLabel => self.remove_label(ask),
            Op::Comments => self.comments(ask),
            Op::CreateComment => self.create_comment(ask),
            Op::Comment => self.comment(ask),
            Op::UpdateComment => self.update_comment(ask),
            Op::DeleteComment => self.delete_comment(ask),
        };
        answered.unwrap_or_else(|refused| refused)
    }

    fn pulls(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let items = listed_pulls(repo, ask.request).map(|pull| view::pull(repo, pull, &ask.links, false));
        ask.page(items.collect())
    }

    fn pull(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let pull = repo.pulls.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(Response::json(200, &view::pull(repo, pull, &ask.links, true)))
    }

    fn commit(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let reference = ask.call.value("ref");
        let found = repo.resolve(reference).and_then(|sha| repo.commits.get_key_value(&sha));
        let (sha, commit) = found.ok_or_else(|| no_commit(reference))?;
        Ok(Response::json(200, &view::commit(repo, sha, commit, &ask.links)))
    }

    fn commit_pulls(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let reference = ask.call.value("commit_sha");
        let sha = repo.resolve(reference).ok_or_else(|| no_commit(reference))?;
        let found = pulls_of(repo, &sha);
        let found = found.iter().filter_map(|number| repo.pulls.get(number));
        let shown = found.map(|pull| view::pull(repo, pull, &ask.links, false)).collect();
        Ok(ask.page(shown))
    }

    fn compare(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let (base, head) = ask.call.value("basehead").split_once("...").unwrap_or_default();
        let (Some(from), Some(to)) = (repo.resolve(base), repo.resolve(head)) else {
            return Err(not_found());
        };
        let paged = ask.query("page").is_some() || ask.query("per_page").is_some();
        let mut body = compared(repo, &from, &to, &ask.links, if paged { usize::MAX } else { MOST_COMPARED });
        let mut response = Response::json(200, &body);
        if paged && let Some(all) = body.get_mut("commits") {
            let page = ask.page(all.as_array().cloned().unwrap_or_default());
            *all = serde_json::from_slice(&page.body).unwrap_or_default();
            response = Response::json(200, &body);
            response.headers.extend(page.headers.into_iter().filter(|(name, _)| name == "link"));
        }
        Ok(response)
    }

    pub(super) fn named(&mut self, name: &Name) -> &mut Repo {
        self.repo(&name.owner, &name.name)
    }
}

/// Bases for links, taken from the host that the client spoke to.
pub(super) fn links(request: &Request) -> Links {
    let host = request.headers.get("host").map_or("api.github.localhost", String::as_str);
    let enterprise = if request.path.starts_with("/api/") { "/api/v3" } else { "" };
    Links { api: format!("http://{host}{enterprise}"), html: format!("http://{host}") }
}

/// Whole seconds at which the rate limit starts anew: the next full hour.
pub(super) fn reset_at(now: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time after the epoch")]
    let whole = now.max(0.0) as u64;
    (whole / 3600 + 1) * 3600
}

fn rate_limit(now: f64) -> Response {
    let one = json!({"limit": 1000, "used": 1, "remaining": 999, "reset": reset_at(now)});
    let body = json!({"resources": {"core": one, "graphql": one, "search": one}, "rate": one});
    Response::json(200, &body)
}

pub(super) fn no_commit(reference: &str) -> Response {
    problem(
        422,
        &format!("No commit found for SHA: {reference}"),
        "https://docs.github.com/rest/commits/commits",
    )
}

/// Pull requests filtered by `state`, `head` (`user:branch`) and `base`, newest first.
fn listed_pulls<'a>(repo: &'a Repo, request: &Request) -> impl Iterator<Item = &'a Pull> {
    let state = request.query.get("state").map_or("open", String::as_str).to_owned();
    let head = request.query.get("head").cloned();
    let base = request.query.get("base").cloned();
    repo.pulls.values().rev().filter(move |pull| {
        let owner = pull.head_repo.as_deref().and_then(|name| name.split('/').next()).unwrap_or_default();
        let state_fits = match state.as_str() {
            "all" => true,
            "closed" => pull.closed,
            _ => !pull.closed,
        };
        state_fits
            && head.as_deref().is_none_or(|head| head == format!("{owner}:{}", pull.head_ref))
            && base.as_deref().is_none_or(|base| base == pull.base_ref)
    })
}

/// Numbers of the pull requests that brought a commit, or that hold it and are open.
pub(super) fn pulls_of(repo: &mut Repo, sha: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for (number, pull) in &mut repo.pulls {
        let brought = pull.landed.iter().any(|landed| landed == sha);
        let holds = pull.commits.iter().any(|commit| commit == sha);
        if (brought || holds) && pull.lag > 0 {
            pull.lag -= 1;
        } else if brought || holds && (!pull.closed || pull.merged_at.is_some()) {
            found.push(*number);
        }
    }
    found
}

/// How two commits differ; of the commits the `most` newest are shown.
fn compared(repo: &Repo, from: &str, to: &str, links: &Links, most: usize) -> Value {
    let (ahead, behind) = (repo.ahead(to, from), repo.ahead(from, to));
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let shared = repo.ancestors(from);
    let merge_base = repo.ancestors(to).into_iter().filter(|sha| shared.contains(sha)).max_by_key(|sha| {
        // The nearest common ancestor is the one that has most ancestors itself.
        repo.ancestors(sha).len()
    });
    let shown = |sha: &String| repo.commits.get(sha).map(|commit| view::commit(repo, sha, commit, links));
    json!({
        "status": status,
        "ahead_by": ahead.len(),
        "behind_by": behind.len(),
        "total_commits": ahead.len(),
        "base_commit": shown(&from.to_owned()),
        "merge_base_commit": merge_base.as_ref().and_then(shown),
        "commits": ahead.iter().skip(ahead.len().saturating_sub(most)).filter_map(shown).collect::<Vec<_>>(),
        "files": [],
    })
}
