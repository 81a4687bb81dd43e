//! Merges by hand: one pull request, or a batch of the merge queue in one push.

use serde_json::{Value, json};

use super::control::{Control, refused};
use super::state::{Pull, Repo, sha_of};
use super::{Answered, GitHub};
use crate::http::Response;

impl GitHub {
    /// Merges: `merge` and `squash` leave one commit on the base branch, `rebase` one for each commit of the pull
    /// request and at least two, of which only the last is `merge_commit_sha`. `lag` makes that many look-ups of
    /// pull requests by commit find nothing at first.
    pub(super) fn merge(&mut self, control: &Control, number: u64) -> Answered {
        let sha = control.text("sha").ok_or_else(|| refused(400, "`sha` is missing"))?;
        let method = method(control)?;
        let repo = self.named(&control.repo);
        let pull = repo.pulls.get(&number).cloned().ok_or_else(|| refused(404, "no such pull request"))?;
        if pull.closed {
            return Err(refused(409, "the pull request is closed"));
        }
        let before = repo.tip(&pull.base_ref);
        let landed = repo.land(&pull, method, sha, &before);
        repo.branches.insert(pull.base_ref.clone(), sha.into());
        let base = pull.base_ref.clone();
        repo.merged(pull, sha, &landed, control);
        let body = json!({
            "merged": true,
            "sha": sha,
            "method": method,
            "before": before,
            "after": sha,
            "ref": format!("refs/heads/{base}"),
            "commits": landed,
        });
        Ok(Response::json(200, &body))
    }

    /// Takes pull requests through the merge queue: each gets a group on top of the one before, with a branch of its own,
    /// and all of them land on the base in one push. With `land: false` only the groups are made; the same call without
    /// it lands the same commits.
    pub(super) fn queue(&mut self, control: &Control) -> Answered {
        let numbers: Vec<u64> = control
            .body
            .get("numbers")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_u64).collect())
            .filter(|all: &Vec<u64>| !all.is_empty())
            .ok_or_else(|| refused(400, "`numbers` must be a list of pull requests"))?;
        let method = method(control)?;
        let base = control.text("base").unwrap_or("main");
        let land = control.body.get("land").and_then(Value::as_bool).unwrap_or(true);
        let repo = self.named(&control.repo);
        for number in &numbers {
            let pull =
                repo.pulls.get(number).ok_or_else(|| refused(404, &format!("no pull request {number}")))?;
            if pull.closed || pull.base_ref != base {
                let why = format!("pull request {number} is closed, or does not go to `{base}`");
                return Err(refused(409, &why));
            }
        }
        let before = repo.tip(base);
        let (mut tip, mut groups, mut all) = (before.clone(), Vec::new(), Vec::new());
        for number in &numbers {
            let Some(pull) = repo.pulls.get(number).cloned() else { continue };
            let sha = sha_of(&["queue", &tip, &pull.head_sha, method]);
            let landed = repo.land(&pull, method, &sha, &tip);
            let branch = format!("gh-readonly-queue/{base}/pr-{number}-{tip}");
            if land {
                repo.branches.remove(&branch);
                repo.merged(pull, &sha, &landed, control);
            } else {
                repo.branches.insert(branch.clone(), sha.clone());
            }
            groups.push(json!({
                "number": number,
                "head_ref": format!("refs/heads/{branch}"),
                "head_sha": sha,
                "base_ref": format!("refs/heads/{base}"),
                "base_sha": tip,
                "commits": landed,
            }));
            all.extend(landed);
            tip = sha;
        }
        if land {
            repo.branches.insert(base.into(), tip.clone());
        }
        let body = json!({
            "before": before,
            "after": tip,
            "ref": format!("refs/heads/{base}"),
            "method": method,
            "landed": land,
            "shas": groups.iter().map(|group| group.get("head_sha")).collect::<Vec<_>>(),
            "commits": all,
            "groups": groups,
        });
        Ok(Response::json(200, &body))
    }

    /// Declares a commit that no pull request brought, and moves `branch` to it when given. With `parents` that leave the
    /// old tip out this is a forced push.
    pub(super) fn declare(&mut self, control: &Control) -> Response {
        let Some(sha) = control.text("sha") else {
            return refused(400, "`sha` is missing");
        };
        let repo = self.named(&control.repo);
        let branch = control.text("branch");
        let before = repo.tip(branch.unwrap_or("main"));
        let parents = match control.body.get("parents").and_then(Value::as_array) {
            Some(given) => given.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => vec![before.clone()],
        };
        repo.commit(sha, control.text("message").unwrap_or("A commit"), parents);
        if let Some(branch) = branch {
            repo.branches.insert(branch.into(), sha.into());
        }
        let forced = !repo.ancestors(sha).contains(&before);
        Response::json(201, &json!({"sha": sha, "before": before, "forced": forced}))
    }
}

impl Repo {
    /// Records the commits that a merge makes on top of `before`; all that the base branch gets, oldest first.
    fn land(&mut self, pull: &Pull, method: &str, sha: &str, before: &str) -> Vec<String> {
        let number = pull.number;
        match method {
            "merge" => {
                let message =
                    format!("Merge pull request #{number} from {}\n\n{}", pull.head_ref, pull.title);
                self.commit(sha, &message, vec![before.into(), pull.head_sha.clone()]);
                // A merge brings the commits of the branch too.
                pull.commits.iter().cloned().chain([sha.to_owned()]).collect()
            }
            "squash" => {
                self.commit(sha, &format!("{} (#{number})", pull.title), vec![before.into()]);
                vec![sha.to_owned()]
            }
            _ => {
                let copies = pull.commits.len().max(2) - 1;
                let mut landed: Vec<String> =
                    (0..copies).map(|index| sha_of(&["rebased", sha, &index.to_string()])).collect();
                landed.push(sha.to_owned());
                let mut parent = before.to_owned();
                for (commit, index) in landed.iter().zip(1..) {
                    self.commit(commit, &format!("{} ({index})", pull.title), vec![parent.clone()]);
                    parent.clone_from(commit);
                }
                landed
            }
        }
    }

    /// Closes a pull request as merged.
    fn merged(&mut self, mut pull: Pull, sha: &str, landed: &[String], control: &Control) {
        pull.closed = true;
        pull.merged_at = Some(control.now);
        pull.updated_at = control.now;
        pull.merge_commit_sha = Some(sha.into());
        landed.clone_into(&mut pull.landed);
        pull.lag = control.body.get("lag").and_then(Value::as_u64).unwrap_or(0);
        self.pulls.insert(pull.number, pull);
    }
}

fn method(control: &Control) -> Result<&str, Response> {
    match control.text("method").unwrap_or("merge") {
        known @ ("merge" | "squash" | "rebase") => Ok(known),
        other => Err(refused(400, &format!("`method` must be merge, squash or rebase, not `{other}`"))),
    }
}
