//! What each kind of surroundings gets to see.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use super::*;
use crate::error::ExitStatus;
use crate::model::{Address, CallError, Event, StepError, Verb};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn console(surroundings: Surroundings, answer: &'static str) -> (Console, Shared, Shared) {
    let (out, err) = (Shared::default(), Shared::default());
    let input = Box::new(io::Cursor::new(answer.as_bytes()));
    let console = Console::with(surroundings, Box::new(out.clone()), Box::new(err.clone()), input);
    (console, out, err)
}

fn step(name: &str) -> Step {
    Step { address: Address::new("service", name), verb: Verb::Make }
}

fn failed(message: &str) -> Event {
    let source = CallError::local("ecs:CreateService", message);
    let error = StepError { address: Address::new("service", "api"), doing: "create", source };
    Event::Failed { step: step("api"), error }
}

fn play(console: &Console) {
    console.begin("apply of shop", 3);
    console.progress(&Event::Started { step: step("web"), doing: "create" });
    console.progress(&Event::Finished {
        step: step("web"),
        doing: "create",
        took: Duration::from_millis(1234),
    });
    console.progress(&failed("no\n##[error]x"));
    console.progress(&Event::Skipped { step: step("job"), because: step("api") });
    console.end();
}

#[test]
fn a_plain_stream_gets_one_line_an_event_without_colour() {
    let (console, out, err) = console(Surroundings::default(), "");
    play(&console);
    assert_eq!(out.text(), "");
    insta::assert_snapshot!(err.text(), @r"
    apply of shop
      create service.web …
      done: create service.web 1.3 s [1/3]
      failed: could not create service.api: ecs:CreateService failed: no\n##[error]x [2/3]
      skipped: service.job waits for service.api, which failed [3/3]
    ");
}

#[test]
fn a_workflow_gets_a_closed_group_in_which_the_runner_finds_no_other_command() {
    let surroundings = Surroundings { github_actions: true, no_color: true, ..Surroundings::default() };
    let (console, out, err) = console(surroundings, "");
    play(&console);
    console.out("::set-env name=A::b\n  ::error::x\nok ##[add-mask]y\r::stop-commands::z").unwrap();
    let commands = |text: &str| -> Vec<String> {
        // What the runner does: v2 at the start of a line, v1 anywhere in it.
        text.split(['\n', '\r'])
            .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(commands(&err.text()), ["::group::apply of shop", "::endgroup::"]);
    assert_eq!(commands(&out.text()), Vec::<String>::new());
}

#[test]
fn an_error_in_a_workflow_is_one_annotation_with_its_line_breaks_kept_inside() {
    let surroundings = Surroundings { github_actions: true, no_color: true, ..Surroundings::default() };
    let (console, _, err) = console(surroundings, "");
    console.begin("apply", 1);
    console.error(&Error::new(ExitStatus::Failed, "100% broken").hint("wait"));
    insta::assert_snapshot!(err.text(), @r"
    ::group::apply
    ::endgroup::
    ::error title=fargate-stack::100%25 broken
    error: 100% broken

    hint: wait
    ");
}

#[test]
fn a_screen_gets_spinners_and_no_line_for_a_start() {
    let surroundings = Surroundings { stderr_tty: true, unicode: true, ..Surroundings::default() };
    let (console, _, err) = console(surroundings, "");
    play(&console);
    assert!(!err.text().contains("create service.web …"), "{}", err.text());
    assert!(err.text().contains("\u{1b}[32m✓\u{1b}[0m create service.web 1.3 s [1/3]"), "{}", err.text());
}

#[test]
fn only_yes_is_yes_and_only_somebody_at_a_screen_can_say_it() {
    let screen = Surroundings { stdin_tty: true, stderr_tty: true, ..Surroundings::default() };
    for (answer, expected) in [
        ("y\n", true),
        ("YES\n", true),
        ("yes", true),
        ("\n", false),
        ("", false),
        ("yep\n", false),
        ("n\n", false),
    ] {
        assert_eq!(console(screen, answer).0.confirm("Apply?"), expected, "{answer:?}");
    }
    assert!(!console(Surroundings { stdin_tty: false, ..screen }, "yes\n").0.confirm("Apply?"));
    let (asked, _, err) = console(screen, "n\n");
    asked.confirm("Apply to \u{1b}[31mprod?");
    assert_eq!(err.text(), "Apply to \\u{1b}[31mprod? [y/N] ");
}

#[test]
fn colour_needs_a_screen_or_a_workflow_and_nobody_against_it() {
    let color = |surroundings: Surroundings| surroundings.stdout_style().color;
    assert!(!color(Surroundings::default()));
    assert!(color(Surroundings { stdout_tty: true, ..Surroundings::default() }));
    assert!(color(Surroundings { github_actions: true, ..Surroundings::default() }));
    assert!(!color(Surroundings { stdout_tty: true, no_color: true, ..Surroundings::default() }));
}

#[test]
fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
    struct Broken(io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(self.0))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let with = |kind| {
        let input = Box::new(io::Cursor::new(""));
        Console::with(Surroundings::default(), Box::new(Broken(kind)), Box::new(Shared::default()), input)
    };
    assert!(with(io::ErrorKind::BrokenPipe).out("x").is_ok());
    assert!(with(io::ErrorKind::StorageFull).out("x").is_err());
}

#[test]
fn a_document_ends_with_one_line_break() {
    let (console, out, _) = console(Surroundings::default(), "");
    console.out("{}").unwrap();
    console.out("a\n").unwrap();
    assert_eq!(out.text(), "{}\na\n");
}
