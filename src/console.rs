//! The only writer to standard output and standard error.
//!
//! Documents go to standard output; notes, warnings, errors and progress go to standard error. In a workflow nothing foreign
//! is taken for a command of the runner.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Error;
use crate::model::{Event, Step};
use crate::render::apply_view::duration;
use crate::render::{Style, escape, redact};

/// What the process was started in; read from the environment elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Somebody may answer questions.
    pub stdin_tty: bool,
    /// Standard output is a screen.
    pub stdout_tty: bool,
    /// Standard error is a screen.
    pub stderr_tty: bool,
    /// `--no-color`, a non-empty `NO_COLOR`, or `TERM=dumb`.
    pub no_color: bool,
    /// The screen moves no cursor (`TERM=dumb`): lines instead of spinners.
    pub dumb: bool,
    /// A workflow of GitHub Actions runs us.
    pub github_actions: bool,
    /// The locale says that UTF-8 can be shown.
    pub unicode: bool,
    /// Columns of the screen.
    pub width: Option<usize>,
}

impl Surroundings {
    /// How documents on standard output look. The log of a workflow is no screen, but shows colours.
    pub fn stdout_style(&self) -> Style {
        Style {
            color: (self.stdout_tty || self.github_actions) && !self.no_color,
            width: if self.stdout_tty { self.width } else { None },
            unicode: self.unicode || !self.stdout_tty,
        }
    }

    fn stderr_color(&self) -> bool {
        (self.stderr_tty || self.github_actions) && !self.no_color
    }

    /// Spinners need a screen; a workflow's log keeps every frame.
    fn spins(&self) -> bool {
        self.stderr_tty && !self.dumb && !self.github_actions
    }
}

type Writer = Box<dyn Write + Send>;
type Reader = Box<dyn BufRead + Send>;

struct State {
    out: Writer,
    err: Writer,
    input: Reader,
    /// A reader went away (`| head`): what follows is not written.
    out_closed: bool,
    spinners: BTreeMap<Step, ProgressBar>,
    total: Option<usize>,
    ended: usize,
    in_group: bool,
}

/// The console. Clones write to the same place.
#[derive(Clone)]
pub struct Console {
    surroundings: Surroundings,
    screen: MultiProgress,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("surroundings", &self.surroundings).finish_non_exhaustive()
    }
}

impl Console {
    /// The console of this process.
    pub fn new(surroundings: Surroundings) -> Self {
        let input = Box::new(io::BufReader::new(io::stdin()));
        Self::with(surroundings, Box::new(io::stdout()), Box::new(io::stderr()), input)
    }

    /// A console that writes and reads elsewhere.
    pub fn with(surroundings: Surroundings, out: Writer, err: Writer, input: Reader) -> Self {
        let target = if surroundings.spins() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let state = State {
            out,
            err,
            input,
            out_closed: false,
            spinners: BTreeMap::new(),
            total: None,
            ended: 0,
            in_group: false,
        };
        Self { surroundings, screen: MultiProgress::with_draw_target(target), state: Arc::new(Mutex::new(state)) }
    }

    /// What the process was started in.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// How documents for [`Console::out`] are to look.
    pub fn style(&self) -> Style {
        self.surroundings.stdout_style()
    }

    /// Writes a document to standard output; a line break is added when it ends without one. That nobody reads any more is no
    /// error; that a document could not be written is one.
    pub fn out(&self, document: &str) -> io::Result<()> {
        let mut document = self.harmless(document);
        if !document.is_empty() && !document.ends_with('\n') {
            document.push('\n');
        }
        self.screen.suspend(|| {
            let mut state = self.state();
            if state.out_closed {
                return Ok(());
            }
            match state.out.write_all(document.as_bytes()).and_then(|()| state.out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    state.out_closed = true;
                    Ok(())
                }
                result => result,
            }
        })
    }

    /// Something worth knowing.
    pub fn note(&self, text: &str) {
        self.err_lines(&escape::terminal_lines(text));
    }

    /// Something that should be looked at.
    pub fn warn(&self, text: &str) {
        self.err_lines(&format!("{} {}", self.paint("33", "warning:"), escape::terminal_lines(text)));
    }

    /// The error that ends the command. In a workflow its first line is an annotation, too.
    pub fn error(&self, error: &Error) {
        self.end_group();
        if self.surroundings.github_actions {
            let line = format!("::error title=fargate-stack::{}", escape::workflow_data(&escape::terminal(error.message())));
            self.err_raw(&line);
        }
        self.err_lines(error.text(self.surroundings.stderr_color()).trim_end_matches('\n'));
    }

    /// Workflow commands made by ourselves, such as annotations; nothing outside of a workflow.
    pub fn annotate(&self, commands: &str) {
        if self.surroundings.github_actions && !commands.is_empty() {
            self.err_raw(commands.trim_end_matches('\n'));
        }
    }

    /// A line of a log, already in its final form except for what a runner would take for a command.
    pub fn log(&self, line: &str) {
        self.err_lines(line.trim_end_matches('\n'));
    }

    /// Starts the progress of this many steps: in a workflow, a group that can be folded.
    pub fn begin(&self, title: &str, steps: usize) {
        let group = {
            let mut state = self.state();
            state.total = Some(steps);
            state.ended = 0;
            state.in_group = self.surroundings.github_actions;
            state.in_group
        };
        if group {
            self.err_raw(&format!("::group::{}", escape::workflow_data(&escape::terminal(title))));
        } else {
            self.err_lines(&escape::terminal(title));
        }
    }

    /// Ends the progress.
    pub fn end(&self) {
        let spinners = std::mem::take(&mut self.state().spinners);
        for (_, spinner) in spinners {
            spinner.finish_and_clear();
        }
        self.state().total = None;
        self.end_group();
    }

    /// Something happened to a step.
    pub fn progress(&self, event: &Event) {
        match event {
            Event::Started { step, doing } => self.started(step, doing),
            Event::Finished { step, doing, took } => self.finished(step, doing, *took),
            Event::Failed { step, error } => {
                let cause = escape::terminal(&redact::credentials(&error.source.to_string()));
                let line = format!("{} {error}: {cause}", self.sign("31", "✗", "failed:"));
                self.ended(step, &line);
            }
            Event::Skipped { step, because } => {
                let line = format!(
                    "{} {} waits for {}, which failed",
                    self.sign("2", "-", "skipped:"),
                    step.address,
                    because.address
                );
                self.ended(step, &line);
            }
            Event::Interrupted { running } => {
                let text = format!("interrupted: nothing new is started, {running} running calls are finished");
                self.warn(&text);
            }
        }
    }

    /// Asks on a screen; anything but `y` or `yes` is no. Without somebody to answer it is no.
    pub fn confirm(&self, question: &str) -> bool {
        if !self.surroundings.stdin_tty || !self.surroundings.stderr_tty {
            return false;
        }
        self.screen.suspend(|| {
            let mut state = self.state();
            let asked = write!(state.err, "{} [y/N] ", escape::terminal(question)).and_then(|()| state.err.flush());
            let mut answer = String::new();
            asked.is_ok()
                && state.input.read_line(&mut answer).is_ok()
                && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
        })
    }

    fn started(&self, step: &Step, doing: &str) {
        let text = format!("{doing} {}", step.address);
        if !self.surroundings.spins() {
            self.err_lines(&format!("  {}", escape::terminal(&format!("{text} …"))));
            return;
        }
        let spinner = self.screen.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            spinner.set_style(if self.surroundings.unicode { style } else { style.tick_chars("-\\|/ ") });
        }
        spinner.set_message(escape::terminal(&text));
        spinner.enable_steady_tick(Duration::from_millis(120));
        self.state().spinners.insert(step.clone(), spinner);
    }

    fn finished(&self, step: &Step, doing: &str, took: Duration) {
        let line = format!("{} {doing} {} {}", self.sign("32", "✓", "done:"), step.address, duration(took));
        self.ended(step, &line);
    }

    /// Counts the step, removes its spinner and writes its line.
    fn ended(&self, step: &Step, line: &str) {
        let (spinner, ended, total) = {
            let mut state = self.state();
            state.ended += 1;
            (state.spinners.remove(step), state.ended, state.total)
        };
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        let count = total.map(|total| format!(" [{ended}/{total}]")).unwrap_or_default();
        self.err_lines(&format!("  {line}{count}"));
    }

    fn sign(&self, color: &str, sign: &str, word: &str) -> String {
        let sign = if self.surroundings.stderr_tty && self.surroundings.unicode { sign } else { word };
        self.paint(color, sign)
    }

    fn paint(&self, code: &str, word: &str) -> String {
        if self.surroundings.stderr_color() { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }

    fn end_group(&self) {
        let open = std::mem::take(&mut self.state().in_group);
        if open {
            self.err_raw("::endgroup::");
        }
    }

    fn harmless(&self, text: &str) -> String {
        if self.surroundings.github_actions { escape::workflow_lines(text) } else { text.to_owned() }
    }

    fn err_lines(&self, text: &str) {
        self.err_raw(&self.harmless(text));
    }

    /// There is nowhere to tell that standard error cannot be written.
    fn err_raw(&self, text: &str) {
        self.screen.suspend(|| {
            let mut state = self.state();
            let _ = state.err.write_all(format!("{text}\n").as_bytes()).and_then(|()| state.err.flush());
        });
    }

    /// A panic elsewhere leaves no half-made change in the state, so it is used on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the lines of the log.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::error::ExitStatus;
    use crate::model::{Address, CallError, StepError, Verb};

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
        console.progress(&Event::Finished { step: step("web"), doing: "create", took: Duration::from_millis(1234) });
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
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), ("yes", true), ("\n", false), ("", false), ("yep\n", false), ("n\n", false)]
        {
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
}
