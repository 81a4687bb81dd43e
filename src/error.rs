//! The error that ends a command, and the status that the process ends with.
//!
//! Printed as `error: what` / `caused by: why` / `request id …` / blank / `hint: what to do`, each once.

use std::fmt;
use std::fmt::Write as _;

use crate::model::{ApplyReport, CallError, StepError};
use crate::render::{escape, hints, redact};

/// What the process ends with. A pipeline may rely on the numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Done, or nothing to do.
    Done,
    /// It failed and, if something was to be changed, nothing was.
    #[default]
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// Refused: not approved, differs from what was approved, or locked.
    Refused,
    /// Applied, but the release did not become stable.
    RolloutFailed,
    /// Applied in part.
    Partial,
    /// There are changes; only with `--detailed-exitcode`.
    ChangesPending,
    /// Stopped by a signal.
    Interrupted,
    /// `run-task` only: the exit code of the task's container, or 125 when the task could not be run, as `docker run` does.
    Task(u8),
}

impl ExitStatus {
    /// Every status with a number of its own.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::RolloutFailed,
        Self::Partial,
        Self::ChangesPending,
        Self::Interrupted,
    ];

    /// What the number tells, for the reference.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Failed => "failed",
            Self::Usage => "the command line or the stack file is wrong, or does not fit the account",
            Self::Refused => "refused: not confirmed, not approved, or not what was approved",
            Self::RolloutFailed => "applied, but the rollout failed",
            Self::Partial => "applied in part",
            Self::ChangesPending => "there are changes (only with `--detailed-exitcode`)",
            Self::Interrupted => "interrupted by a signal",
            Self::Task(_) => "the exit code of the task's container",
        }
    }

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::RolloutFailed => 4,
            Self::Partial => 5,
            Self::ChangesPending => 6,
            Self::Interrupted => 130,
            Self::Task(code) => code,
        }
    }

    /// The output `failure-reason` where nothing more precise is known; empty when nothing failed.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Done | Self::ChangesPending => "",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::RolloutFailed => "rollout-failed",
            Self::Partial => "partial",
            Self::Interrupted => "cancelled",
            Self::Task(_) => "task-failed",
        }
    }

    /// The status of an apply.
    pub fn of(report: &ApplyReport) -> Self {
        if report.is_complete() {
            Self::Done
        } else if report.interrupted {
            Self::Interrupted
        } else if report.any_done() {
            Self::Partial
        } else {
            Self::Failed
        }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// What went wrong, why, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
    detail: String,
    causes: Vec<String>,
    request_id: Option<String>,
    hints: Vec<String>,
    exit: ExitStatus,
    reason: Option<&'static str>,
}

impl Error {
    /// An error in our own words, in lower case, wrong values in back-ticks.
    pub fn new(exit: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            detail: String::new(),
            causes: Vec::new(),
            request_id: None,
            hints: Vec::new(),
            exit,
            reason: None,
        }
    }

    /// An error that only a mistake of this program explains.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Failed, message)
            .hint("this is a bug: please report it with the command and this text")
    }

    /// Why the last told thing happened. Line breaks inside become visible, for causes come from elsewhere.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(redact::credentials(&cause.into()));
        self
    }

    /// The cause and all that it was caused by, without repeating what was said.
    #[must_use]
    pub fn caused_by_error(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = redact::credentials(&error.to_string());
            if !self.causes.iter().any(|cause| cause.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// What can be done about it. A hint that was given already is not repeated.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Several lines below the message, for example the marked places in a configuration file.
    #[must_use]
    pub fn detail(mut self, lines: impl Into<String>) -> Self {
        self.detail = lines.into();
        self
    }

    /// The same error with another status.
    #[must_use]
    pub fn exit_with(mut self, exit: ExitStatus) -> Self {
        self.exit = exit;
        self
    }

    /// The same error with a reason that a workflow can tell from others: the output `failure-reason`.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The output `failure-reason`: its own, or the one that all errors of its status have.
    pub fn reason(&self) -> &'static str {
        self.reason.unwrap_or_else(|| self.exit.reason())
    }

    /// An error about an AWS call, in our own words, with its cause and hints.
    pub fn of_call(message: impl Into<String>, call: &CallError) -> Self {
        let mut error = Self::new(ExitStatus::Failed, message).caused_by(call.to_string());
        error.request_id.clone_from(&call.request_id);
        hints::of(call).into_iter().fold(error, Self::hint)
    }

    /// The status that the process ends with.
    pub fn exit(&self) -> ExitStatus {
        self.exit
    }

    /// What went wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What can be done about it.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The whole, ended by a line break.
    pub fn text(&self, color: bool) -> String {
        let paint = |code: &str, word: &str| {
            if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
        };
        let mut out = format!("{} {}\n", paint("1;31", "error:"), escape::terminal(&self.message));
        // Writing to a `String` cannot fail.
        if !self.detail.is_empty() {
            let _ = writeln!(out, "\n{}", escape::terminal_lines(&self.detail));
        }
        for cause in &self.causes {
            let _ = writeln!(out, "  {} {}", paint("2", "caused by:"), escape::terminal(cause));
        }
        if let Some(id) = &self.request_id {
            let _ = writeln!(out, "  {} {}", paint("2", "request id"), escape::terminal(id));
        }
        if !self.hints.is_empty() {
            out.push('\n');
        }
        for hint in &self.hints {
            let _ = writeln!(out, "{} {}", paint("36", "hint:"), escape::terminal(hint));
        }
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<CallError> for Error {
    fn from(call: CallError) -> Self {
        let service = call.op.split(':').next().unwrap_or_default();
        let message = if call.unanswered {
            format!("no answer from {service}")
        } else {
            format!("a call of {service} failed")
        };
        Self::of_call(message, &call)
    }
}

impl From<StepError> for Error {
    fn from(step: StepError) -> Self {
        Self::of_call(step.to_string(), &step.source)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Address, Outcome, Step, Verb};

    fn call(code: &str, message: &str) -> CallError {
        CallError {
            op: "ecs:CreateService".to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some("7c1d2e3f".to_owned()),
            unanswered: false,
        }
    }

    fn step(source: CallError) -> StepError {
        StepError { address: Address::new("service", "web"), doing: "create", source }
    }

    #[test]
    fn an_error_says_what_why_and_what_to_do_each_once() {
        let error =
            Error::from(step(call("InvalidParameterException", "Creation of service was not idempotent.")))
                .hint("look at the service in the console")
                .hint("look at the service in the console");
        insta::assert_snapshot!(error.text(false), @r"
        error: could not create service.web
          caused by: ecs:CreateService refused: InvalidParameterException: Creation of service was not idempotent.
          request id 7c1d2e3f

        hint: look at the service in the console
        ");
    }

    #[test]
    fn a_refused_permission_is_named() {
        let error = Error::from(step(call(
            "AccessDeniedException",
            "User: x is not authorized to perform: ecs:CreateService with an explicit deny in a policy",
        )));
        insta::assert_snapshot!(error.text(false), @r"
        error: could not create service.web
          caused by: ecs:CreateService refused: AccessDeniedException: User: x is not authorized to perform: ecs:CreateService with an explicit deny in a policy
          request id 7c1d2e3f

        hint: the credentials in use lack the permission `ecs:CreateService`
        hint: a policy denies it explicitly, perhaps a service control policy or a permissions boundary
        ");
    }

    #[test]
    fn expired_credentials_unknown_credentials_throttling_and_silence_have_hints() {
        let hint = |error: CallError| Error::from(error).hints().first().cloned().unwrap();
        assert!(hint(call("ExpiredTokenException", "x")).contains("have expired"));
        assert!(hint(call("UnrecognizedClientException", "x")).contains("does not accept these credentials"));
        assert!(hint(call("ThrottlingException", "x")).contains("wait a minute"));
        let silent = CallError { unanswered: true, ..call("", "connection refused") };
        let error = Error::from(silent);
        assert_eq!(error.message(), "no answer from ecs");
        assert!(error.hints().first().unwrap().contains("may have taken effect"));
        assert_eq!(Error::from(call("InvalidParameterException", "x")).hints(), <&[String]>::default());
    }

    #[test]
    fn a_foreign_message_can_neither_colour_the_screen_nor_add_a_line() {
        let text = Error::from(call("Bad", "\u{1b}[2Jgone\nhint: run `curl evil`")).text(false);
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\\u{1b}[2Jgone\\nhint: run"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("hint:")).count(), 0);
    }

    #[test]
    fn the_places_in_a_file_keep_their_lines() {
        let error = Error::new(ExitStatus::Usage, "2 errors in `fargate-stack.yml`")
            .detail("a.yml:1:2\n  x: y\n     ^");
        assert_eq!(
            error.text(false),
            "error: 2 errors in `fargate-stack.yml`\n\na.yml:1:2\n  x: y\n     ^\n"
        );
        assert_eq!(error.exit().code(), 2);
    }

    #[test]
    fn a_chain_of_causes_repeats_nothing() {
        let source = step(call("Bad", "no"));
        let error = Error::new(ExitStatus::Failed, "could not plan").caused_by_error(&source);
        assert_eq!(error.causes(), ["could not create service.web", "ecs:CreateService refused: Bad: no"]);
    }

    #[test]
    fn an_apply_ends_with_the_status_of_its_worst_step() {
        let at = |name: &str| Step { address: Address::new("service", name), verb: Verb::Make };
        let report = |outcomes: Vec<(Step, Outcome)>, interrupted| ApplyReport {
            outcomes: outcomes.into_iter().collect(),
            took: BTreeMap::new(),
            interrupted,
        };
        let done = || Outcome::Done(BTreeMap::new());
        let failed = || Outcome::Failed(step(call("Bad", "no")));
        assert_eq!(ExitStatus::of(&report(vec![], false)), ExitStatus::Done);
        assert_eq!(ExitStatus::of(&report(vec![(at("a"), done())], true)), ExitStatus::Done);
        assert_eq!(
            ExitStatus::of(&report(vec![(at("a"), done()), (at("b"), failed())], false)),
            ExitStatus::Partial
        );
        assert_eq!(ExitStatus::of(&report(vec![(at("b"), failed())], false)), ExitStatus::Failed);
        assert_eq!(
            ExitStatus::of(&report(vec![(at("b"), Outcome::NotStarted)], true)),
            ExitStatus::Interrupted
        );
        assert_eq!(ExitStatus::Interrupted.code(), 130);
    }
}
