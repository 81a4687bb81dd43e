//! What the process was started in.

use crate::render::Style;

/// What the process was started in; read from the environment elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts about the process, each true or false")]
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

    pub(super) fn stderr_color(&self) -> bool {
        (self.stderr_tty || self.github_actions) && !self.no_color
    }

    /// Spinners need a screen; a workflow's log keeps every frame.
    pub(super) fn spins(&self) -> bool {
        self.stderr_tty && !self.dumb && !self.github_actions
    }
}
