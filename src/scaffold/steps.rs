//! What is left to do once the files are written.

use std::fmt::Write as _;

use super::answers::Answers;

/// The actions of the role that pushes images.
const PUSHES: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];

/// The next steps as numbered lines. `repository` is the one on GitHub, if it is known; `tasks` says that a workflow runs tasks.
pub fn next(answers: &Answers, repository: Option<&str>, tasks: bool) -> String {
    let Answers { region, branch, environment, .. } = answers;
    let repo = repository.unwrap_or("OWNER/REPO");
    let with = if answers.config == super::answers::STACK_FILE {
        "fargate-stack".to_owned()
    } else {
        format!("fargate-stack --config {}", answers.config)
    };
    let mut steps: Vec<String> = vec![];
    if let Some(name) = &answers.build {
        steps.push(format!(
            "make the repository for images, if it is not there:\n\
             aws ecr create-repository --repository-name {name} --image-tag-mutability IMMUTABLE --region {region}"
        ));
    }
    steps.push(
        "let AWS trust GitHub's tokens, once for each account:\n\
         aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com \
         --client-id-list sts.amazonaws.com"
            .to_owned(),
    );
    let mut roles = String::from("make the roles from the policy and the trust that these print:");
    let _ = write!(roles, "\n{with} iam print --role plan --repo {repo} --branch {branch}");
    let _ = write!(
        roles,
        "\n{with} iam print --role apply --repo {repo} --branch {branch} --environment {environment}"
    );
    if tasks {
        let _ = write!(
            roles,
            "\n{with} iam print --role run-task --repo {repo} --branch {branch} --environment {}",
            answers.task_environment()
        );
    }
    steps.push(roles);
    if let Some(name) = &answers.build {
        steps.push(format!(
            "make the role that pushes images: its trust is that of the role for applies, but with the subject \
             `repo:{repo}:ref:refs/heads/{branch}`; it may do\n\
             ecr:GetAuthorizationToken on everything, and on the repository {name}\n{}",
            PUSHES.join(" ")
        ));
    }
    let roles = &answers.roles;
    let variables = [
        ("FARGATE_PLAN_ROLE", &roles.plan, true),
        ("FARGATE_APPLY_ROLE", &roles.apply, true),
        ("FARGATE_TASK_ROLE", &roles.task, tasks),
        ("FARGATE_IMAGE_ROLE", &roles.image, answers.build.is_some()),
    ];
    let unset: Vec<&str> =
        variables.iter().filter(|(_, role, used)| *used && role.is_none()).map(|(name, ..)| *name).collect();
    if !unset.is_empty() {
        let lines: Vec<String> =
            unset.iter().map(|name| format!("gh variable set {name} --repo {repo} --body ARN")).collect();
        steps.push(format!("name the roles in variables of the repository:\n{}", lines.join("\n")));
    }
    let tasks = if tasks { format!(" and `{}`", answers.task_environment()) } else { String::new() };
    steps.push(format!(
        "in the settings of the repository, protect the branch `{branch}` (pull request and review required), and limit the \
         environment `{environment}`{tasks} to it, with reviewers as you need them"
    ));
    steps.push(format!("look at what would be made, and open a pull request with the files:\n{with} plan"));
    let mut text = String::from("Next:\n");
    for (number, step) in steps.iter().enumerate() {
        let mut lines = step.lines();
        let _ = writeln!(text, "{:>3}. {}", number + 1, lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "       {line}");
        }
    }
    text
}
