//! Sessions in running containers: whether one can be opened, and the command of the AWS CLI that opens it.

use aws_sdk_ecs::types::{ManagedAgent, ManagedAgentName, Task};

use crate::aws::{Aws, call};
use crate::model::CallError;

/// The IAM actions of this file. The session itself is opened by the AWS CLI, which needs `ecs:ExecuteCommand`.
pub const READS: &[&str] = &["ecs:DescribeTasks"];

/// What a session needs to know of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Door {
    /// It was started with `enableExecuteCommand`.
    pub enabled: bool,
    /// Its containers, each with the last status of its agent, if it has one.
    pub containers: Vec<(String, Option<String>)>,
}

/// Asks ECS about one task; `None` when ECS does not know it.
pub async fn door(aws: &Aws, cluster: &str, task: &str) -> Result<Option<Door>, CallError> {
    let request = aws.ecs.describe_tasks().cluster(cluster).tasks(task);
    let answer = call("ecs:DescribeTasks", request.send()).await?;
    Ok(answer.tasks().first().map(read))
}

fn read(task: &Task) -> Door {
    let is_agent = |agent: &&ManagedAgent| agent.name() == Some(&ManagedAgentName::ExecuteCommandAgent);
    let containers = task.containers().iter().map(|container| {
        let agent = container.managed_agents().iter().find(is_agent);
        let status = agent.and_then(ManagedAgent::last_status).map(str::to_owned);
        (container.name().unwrap_or_default().to_owned(), status)
    });
    Door { enabled: task.enable_execute_command(), containers: containers.collect() }
}

/// Where a session is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session<'a> {
    /// The region.
    pub region: &'a str,
    /// The profile that was asked for.
    pub profile: Option<&'a str>,
    /// The cluster.
    pub cluster: &'a str,
    /// The id of the task.
    pub task: &'a str,
    /// The container.
    pub container: &'a str,
    /// What is run there.
    pub command: &'a [String],
}

impl Session<'_> {
    /// The words after `aws`.
    pub fn words(&self) -> Vec<String> {
        // ECS takes one text and splits it as a shell does.
        let command = self.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let mut words: Vec<String> =
            ["ecs", "execute-command", "--region", self.region].map(str::to_owned).into();
        if let Some(profile) = self.profile {
            words.extend(["--profile".to_owned(), profile.to_owned()]);
        }
        let pairs = [("--cluster", self.cluster), ("--task", self.task), ("--container", self.container)];
        words.extend(pairs.into_iter().flat_map(|(option, value)| [option.to_owned(), value.to_owned()]));
        words.extend(["--interactive".to_owned(), "--command".to_owned(), command]);
        words
    }

    /// The whole command for a POSIX shell.
    pub fn line(&self) -> String {
        let words = self.words();
        std::iter::once("aws")
            .chain(words.iter().map(String::as_str))
            .map(quoted)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_safe_to_paste() {
        let command = ["sh".to_owned(), "-c".to_owned(), "echo \"it's $HOME\"; ls".to_owned()];
        let session = Session {
            region: "eu-west-1",
            profile: Some("my profile"),
            cluster: "app-cluster",
            task: "0123abcd",
            container: "web",
            command: &command,
        };
        insta::assert_snapshot!(session.line(), @r#"aws ecs execute-command --region eu-west-1 --profile 'my profile' --cluster app-cluster --task 0123abcd --container web --interactive --command 'sh -c '\''echo "it'\''\'\'''\''s $HOME"; ls'\'''"#);
        assert_eq!(session.words().last().unwrap(), r#"sh -c 'echo "it'\''s $HOME"; ls'"#);
        assert_eq!(quoted(""), "''");
    }
}
