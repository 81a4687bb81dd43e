//! The only writer to standard output and standard error.
//!
//! Documents go to standard output; notes, warnings, errors and progress go to standard error. In a workflow nothing foreign
//! is taken for a command of the runner.

mod progress;
mod rollout;
mod surroundings;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use crate::error::Error;
use crate::model::Step;
use crate::render::{Style, escape};

pub use surroundings::Surroundings;

type Writer = Box<dyn Write + Send>;
type Reader = Box<dyn BufRead + Send>;

struct State {
    out: Writer,
    err: Writer,
    /// A reader went away (`| head`): what follows is not written.
    out_closed: bool,
    spinners: BTreeMap<Step, ProgressBar>,
    /// By service.
    rollouts: BTreeMap<String, ProgressBar>,
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
    /// Apart from the state: while an answer is waited for, others may still write.
    input: Arc<Mutex<Reader>>,
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
        let target =
            if surroundings.spins() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let state = State {
            out,
            err,
            out_closed: false,
            spinners: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            total: None,
            ended: 0,
            in_group: false,
        };
        Self {
            surroundings,
            screen: MultiProgress::with_draw_target(target),
            state: Arc::new(Mutex::new(state)),
            input: Arc::new(Mutex::new(input)),
        }
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

    /// Nobody reads standard output any more (`| head`).
    pub fn is_closed(&self) -> bool {
        self.state().out_closed
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
            let line = format!(
                "::error title=fargate-stack::{}",
                escape::workflow_data(&escape::terminal(error.message()))
            );
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

    /// Has the runner take nothing for a command until the guard goes: for what a program of somebody else writes. The word that ends
    /// the block is random, so that no text can hold it. Nothing outside of a workflow. The error is of the system's random numbers.
    pub fn obey_nothing(&self) -> io::Result<Deaf> {
        let mut word = None;
        if self.surroundings.github_actions {
            let mut bytes = [0_u8; 16];
            getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
            let text = format!("{:032x}", u128::from_be_bytes(bytes));
            self.out_raw(&format!("::stop-commands::{text}"));
            word = Some(text);
        }
        Ok(Deaf { console: self.clone(), word })
    }

    /// On standard output, where the program's lines go: the runner reads the two streams in no order.
    fn out_raw(&self, line: &str) {
        self.screen.suspend(|| {
            let mut state = self.state();
            let _ = state.out.write_all(format!("{line}\n").as_bytes()).and_then(|()| state.out.flush());
        });
    }

    /// A line of a log, already in its final form except for what a runner would take for a command.
    pub fn log(&self, line: &str) {
        self.err_lines(line.trim_end_matches('\n'));
    }

    /// Asks on a screen; anything but `y` or `yes` is no. Without somebody to answer it is no.
    pub fn confirm(&self, question: &str) -> bool {
        if !self.surroundings.stdin_tty || !self.surroundings.stderr_tty {
            return false;
        }
        let asked = self.screen.suspend(|| {
            let mut state = self.state();
            write!(state.err, "{} [y/N] ", escape::terminal(question)).and_then(|()| state.err.flush())
        });
        let mut answer = String::new();
        asked.is_ok()
            && self.input.lock().unwrap_or_else(PoisonError::into_inner).read_line(&mut answer).is_ok()
            && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Somebody can be asked.
    pub fn can_ask(&self) -> bool {
        self.surroundings.stdin_tty && self.surroundings.stderr_tty
    }

    /// Asks on a screen for a text; an empty answer is `default`. `None` when nobody can answer.
    pub fn ask(&self, question: &str, default: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        let shown =
            if default.is_empty() { String::new() } else { format!(" [{}]", escape::terminal(default)) };
        let asked = self.screen.suspend(|| {
            let mut state = self.state();
            write!(state.err, "{}{shown}: ", escape::terminal(question)).and_then(|()| state.err.flush())
        });
        asked.ok()?;
        let mut answer = String::new();
        let read = self.input.lock().unwrap_or_else(PoisonError::into_inner).read_line(&mut answer).ok()?;
        let answer = answer.trim();
        (read > 0).then(|| if answer.is_empty() { default } else { answer }.to_owned())
    }

    fn sign(&self, color: &str, sign: &str, word: &str) -> String {
        let sign = if self.surroundings.stderr_tty && self.surroundings.unicode { sign } else { word };
        self.paint(color, sign)
    }

    fn paint(&self, code: &str, word: &str) -> String {
        if self.surroundings.stderr_color() {
            format!("\u{1b}[{code}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
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

/// The runner obeys nothing as long as this is there.
#[derive(Debug)]
pub struct Deaf {
    console: Console,
    word: Option<String>,
}

impl Drop for Deaf {
    fn drop(&mut self) {
        if let Some(word) = self.word.take() {
            self.console.out_raw(&format!("::{word}::"));
        }
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
mod tests;
