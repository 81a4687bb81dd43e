//! What `init` was told, checked: nothing of it may mean something else in a workflow.

use super::outline::{Kind, Outline, TaskOutline};

/// Roles by ARN. Without one, a variable of the repository names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Plans and looks for drift.
    pub plan: Option<String>,
    /// Applies.
    pub apply: Option<String>,
    /// Runs tasks.
    pub task: Option<String>,
    /// Pushes images.
    pub image: Option<String>,
}

/// What is to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The application; also the name of its task.
    pub name: String,
    /// How it runs.
    pub kind: Kind,
    /// The domain of a web service.
    pub domain: Option<String>,
    /// The schedule of a scheduled task.
    pub schedule: Option<String>,
    /// The image as the stack file names it.
    pub image: String,
    /// The port of a web service's container.
    pub port: Option<u16>,
    /// The region.
    pub region: String,
    /// The account.
    pub account: Option<String>,
    /// The stack file, from the root of the repository.
    pub config: String,
    /// The branch that is applied.
    pub branch: String,
    /// The environment of the apply.
    pub environment: String,
    /// The roles.
    pub roles: Roles,
    /// The action (`owner/name@ref`).
    pub action: String,
    /// The repository of ECR that a workflow pushes an image to, built from the Dockerfile.
    pub build: Option<String>,
}

/// The stack file that says what runs.
pub const STACK_FILE: &str = "fargate-stack.yml";
/// What comes after the name of the environment for the one that runs of tasks use.
pub const TASKS_SUFFIX: &str = "-tasks";

impl Answers {
    /// What is wrong with an answer: the option that gives it, and why. What the stack file says is checked by its own reader.
    pub fn wrong(&self) -> Vec<(&'static str, String)> {
        let mut wrong = vec![];
        if self.kind.is_web() && self.domain.is_none() {
            wrong.push(("domain", format!("a service of the type `{}` needs a domain", self.kind.word())));
        }
        if !self.kind.is_web() && self.domain.is_some() {
            let why = "is for the types `http` and `https` only; no other type is behind a load balancer";
            wrong.push(("domain", why.to_owned()));
        }
        if self.kind == Kind::Scheduled && self.schedule.is_none() {
            wrong.push(("schedule", "a scheduled task needs a schedule, such as `rate(1 day)`".to_owned()));
        }
        if self.kind != Kind::Scheduled && self.schedule.is_some() {
            wrong.push(("schedule", "is for the type `scheduled` only".to_owned()));
        }
        wrong.extend(self.wrong_in_workflows());
        wrong
    }

    /// The same for what only workflows hold.
    pub fn wrong_in_workflows(&self) -> Vec<(&'static str, String)> {
        let mut wrong = vec![];
        if !is_branch(&self.branch) {
            wrong.push(("branch", format!("`{}` is no name of a branch", self.branch)));
        }
        if !is_environment(&self.environment) {
            let why = "is no name of an environment: use letters, digits, `-`, `_` and `.`, at most 200";
            wrong.push(("environment", format!("`{}` {why}", self.environment)));
        }
        if !is_action(&self.action) {
            wrong.push(("action", format!("`{}` is not `OWNER/NAME@REF`", self.action)));
        }
        let Roles { plan, apply, task, image } = &self.roles;
        for (option, role) in
            [("role-plan", plan), ("role-apply", apply), ("role-task", task), ("role-image", image)]
        {
            if let Some(role) = role.as_ref().filter(|role| !is_role(role)) {
                wrong.push((option, format!("`{role}` is not the ARN of a role")));
            }
        }
        let path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if !self.config.chars().all(path) || self.config.starts_with('/') || self.config.contains("..") {
            let why = "is no path below the root of the repository of letters, digits, `.`, `_`, `-` and `/`";
            wrong.push(("config", format!("`{}` {why}", self.config)));
        }
        let region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.region.is_empty() || !self.region.chars().all(region) {
            wrong.push(("region", format!("`{}` is not an AWS region", self.region)));
        }
        wrong
    }

    /// The stack file.
    pub fn outline(&self) -> Outline {
        let task = TaskOutline {
            name: self.name.clone(),
            kind: self.kind,
            image: self.image.clone(),
            schedule: self.schedule.clone(),
            port: self.port.filter(|port| self.kind.is_web() && *port != 80),
            ..TaskOutline::default()
        };
        Outline {
            app: self.name.clone(),
            account: self.account.clone(),
            region: Some(self.region.clone()),
            domain: self.domain.clone(),
            tasks: vec![task],
            ..Outline::default()
        }
    }

    /// The environment that runs of tasks use: whoever approves applies need not approve each of them.
    pub fn task_environment(&self) -> String {
        format!("{}{TASKS_SUFFIX}", self.environment)
    }
}

/// What Git takes for a branch, without the characters that mean something in a workflow or a pattern.
fn is_branch(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let ends = |c: char| matches!(c, '/' | '.' | '-');
    !text.is_empty()
        && text.len() <= 200
        && text.chars().all(fits)
        && !text.starts_with(ends)
        && !text.ends_with(ends)
        && !text.contains("..")
}

fn is_environment(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 200 && text.chars().all(fits)
}

fn is_action(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let word = |text: &str| !text.is_empty() && text.chars().all(fits);
    text.split_once('@').is_some_and(|(name, at)| word(name) && word(at) && name.contains('/'))
}

/// `arn:<partition>:iam::<account>:role/<path and name>`.
fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, name] = parts.as_slice() else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c);
    partition.starts_with("aws")
        && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.strip_prefix("role/").is_some_and(|name| !name.is_empty() && name.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Answers {
        Answers {
            name: "shop".to_owned(),
            image: "shop:latest".to_owned(),
            region: "eu-west-1".to_owned(),
            config: STACK_FILE.to_owned(),
            branch: "main".to_owned(),
            environment: "production".to_owned(),
            action: "org/fargate-stack-action@v1".to_owned(),
            ..Answers::default()
        }
    }

    fn options(answers: &Answers) -> Vec<&'static str> {
        answers.wrong().into_iter().map(|(option, _)| option).collect()
    }

    #[test]
    fn a_type_has_what_it_needs_and_nothing_that_others_need() {
        let domain = Some("a.example.com".to_owned());
        let schedule = Some("rate(1 day)".to_owned());
        for (kind, domain, schedule, wanted) in [
            (Kind::Daemon, None, None, vec![]),
            (Kind::Https, domain.clone(), None, vec![]),
            (Kind::Http, None, None, vec!["domain"]),
            (Kind::Task, domain.clone(), None, vec!["domain"]),
            (Kind::Scheduled, None, None, vec!["schedule"]),
            (Kind::Scheduled, None, schedule.clone(), vec![]),
            (Kind::Task, None, schedule.clone(), vec!["schedule"]),
        ] {
            assert_eq!(options(&Answers { kind, domain, schedule, ..fine() }), wanted, "{kind:?}");
        }
    }

    #[test]
    fn nothing_that_means_something_reaches_a_workflow() {
        for text in ["${{ secrets.X }}", "a\nb: c", "a\"b", "", "a b", "$(id)", "a;b", "x#y"] {
            let branch = Answers { branch: text.to_owned(), ..fine() };
            let environment = Answers { environment: text.to_owned(), ..fine() };
            let action = Answers { action: format!("{text}@v1"), ..fine() };
            let region = Answers { region: text.to_owned(), ..fine() };
            let role = Answers {
                roles: Roles {
                    plan: Some(format!("arn:aws:iam::123456789012:role/{text}")),
                    ..Roles::default()
                },
                ..fine()
            };
            for (answers, option) in [
                (branch, "branch"),
                (environment, "environment"),
                (action, "action"),
                (region, "region"),
                (role, "role-plan"),
            ] {
                assert_eq!(options(&answers), [option], "{text:?}");
            }
            if !text.is_empty() {
                assert_eq!(options(&Answers { config: text.to_owned(), ..fine() }), ["config"], "{text:?}");
            }
        }
        for config in ["/etc/x.yml", "../x.yml", "a/../../x.yml"] {
            assert_eq!(options(&Answers { config: config.to_owned(), ..fine() }), ["config"]);
        }
        let role = "arn:aws-us-gov:iam::123456789012:role/ci/plan".to_owned();
        assert!(
            options(&Answers { roles: Roles { plan: Some(role), ..Roles::default() }, ..fine() }).is_empty()
        );
    }
}
