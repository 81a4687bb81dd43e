//! From a path on disk to a [`Config`].

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::check;
use super::diagnostic::{Diagnostic, escape};
use super::judge::{self, Finding};
use super::normal;
use super::source::{Path as KeyPath, Seg, Source, Spot, spell};
use super::types::Config;
use super::yaml::{self, Flaw};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// How many messages about one file are shown.
const SHOWN_MAX: usize = 100;

/// A configuration and the text that it was read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the text says.
    pub config: Config,
    /// The text, for changes that keep its comments and order.
    pub text: String,
    /// The file, as it was named.
    pub path: PathBuf,
}

/// A file that gives no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be opened or read.
    #[error("could not read the configuration `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path is a directory, a device, a pipe or the like.
    #[error("could not read the configuration `{0}`: it is not a regular file")]
    NotAFile(String),
    /// The path leads out of the directory that files must be in.
    #[error("could not read the configuration `{0}`: it leads out of the directory of the project")]
    Outside(String),
    /// The file is larger than [`MAX_BYTES`].
    #[error("could not read the configuration `{0}`: it is larger than 1 MiB")]
    TooLarge(String),
    /// What the file says is wrong.
    #[error("{}", report(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    /// The messages with their places; empty when the file could not be read at all.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Invalid(diagnostics) => diagnostics,
            _ => &[],
        }
    }

    /// What to do about it, unless the messages say so themselves.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("name the file with `--config FILE`, or with FARGATE_STACK_CONFIG")
            }
            _ => None,
        }
    }
}

fn report(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "{diagnostic}\n");
    }
    let count = diagnostics.len();
    if count > SHOWN_MAX {
        let _ = writeln!(text, "… and {} more\n", count - SHOWN_MAX);
    }
    let _ = match count {
        1 => write!(text, "1 error"),
        _ => write!(text, "{count} errors"),
    };
    text
}

/// Loads the configuration at `path`.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let name = path.display().to_string();
    let read_error = |source| ConfigError::Read { path: escape(&name), source };
    // Opening a pipe waits for somebody to write to it, so look first.
    if !fs::metadata(path).map_err(read_error)?.is_file() {
        return Err(ConfigError::NotAFile(escape(&name)));
    }
    let file = File::open(path).map_err(read_error)?;
    if !file.metadata().map_err(read_error)?.is_file() {
        return Err(ConfigError::NotAFile(escape(&name)));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ConfigError::TooLarge(escape(&name)));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(ConfigError::Invalid(vec![not_utf8(&name, &error)])),
    };
    // A byte order mark says nothing in UTF-8, and would shift every place on the first line.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let config = parse(&name, &text).map_err(ConfigError::Invalid)?;
    Ok(Loaded { config, text, path: path.to_owned() })
}

/// Loads the configuration at `path`, which must be below `root` once all symbolic links are followed. A relative path starts
/// at `root`. A path that leads out is refused before anything is read.
pub fn load_within(root: &Path, path: &Path) -> Result<Loaded, ConfigError> {
    let name = path.display().to_string();
    let read_error = |source| ConfigError::Read { path: escape(&name), source };
    let root = root.canonicalize().map_err(read_error)?;
    let real = root.join(path).canonicalize().map_err(read_error)?;
    if !real.starts_with(&root) {
        return Err(ConfigError::Outside(escape(&name)));
    }
    let mut loaded = load(&real).map_err(|error| rename(error, &name))?;
    path.clone_into(&mut loaded.path);
    Ok(loaded)
}

/// Messages name a file as the user does.
fn rename(error: ConfigError, name: &str) -> ConfigError {
    let name = escape(name);
    match error {
        ConfigError::Read { source, .. } => ConfigError::Read { path: name, source },
        ConfigError::NotAFile(_) => ConfigError::NotAFile(name),
        ConfigError::Outside(_) => ConfigError::Outside(name),
        ConfigError::TooLarge(_) => ConfigError::TooLarge(name),
        ConfigError::Invalid(diagnostics) => ConfigError::Invalid(
            diagnostics
                .into_iter()
                .map(|diagnostic| Diagnostic { file: name.clone(), ..diagnostic })
                .collect(),
        ),
    }
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    // Up to the first wrong byte, the replaced text is as long as the original.
    Diagnostic::at(name, &text, valid..valid, "the file is not UTF-8 text", Some("save it as UTF-8"))
}

/// Reads a configuration from `text`; messages call it `file_name`. All that is wrong is reported, in the order of the file.
pub fn parse(file_name: &str, text: &str) -> Result<Config, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole = |message: &str, hint: &str| vec![Diagnostic::at(file_name, text, 0..0, message, Some(hint))];
    let empty = "the file is empty";
    let start = "a configuration needs at least `app.name` and one task with an image";
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---")
    {
        return Err(whole(empty, start));
    }
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some((at, c)) = text.char_indices().find(|(_, c)| forbidden(*c)) {
        let message = format!("the file holds the control character `{}`", c.escape_unicode());
        let hint = "remove it; in double quotes, it can be written as an escape";
        return Err(vec![Diagnostic::at(file_name, text, at..at, &message, Some(hint))]);
    }
    let (mut document, flaws) = yaml::read(text).map_err(|error| {
        let at = error.at.map_or(0, |(line, column)| offset(text, line, column));
        vec![Diagnostic::at(file_name, text, at..at, &error.message, error.hint)]
    })?;
    if document.is_null() {
        return Err(whole(empty, start));
    }
    let source = Source::new(file_name, text);
    normal::drop_nulls(&mut document);
    let mut findings: Vec<Finding> = flaws.into_iter().map(flaw).collect();
    // A tagged value is not what it seems to be, and a merge key may stand for any key of its mapping.
    let unclear: Vec<KeyPath> = findings.iter().map(|finding| finding.path.clone()).collect();
    let merged: Vec<&[Seg]> = unclear
        .iter()
        .filter(|path| path.last() == Some(&"<<".into()))
        .filter_map(|path| path.split_last())
        .map(|(_, path)| path)
        .collect();
    let judged = judge::judge(&document).map_err(|error| whole(&error, "this is a bug"))?;
    findings.extend(judged.into_iter().filter(|finding| {
        let inside = |merged: &&[Seg]| {
            finding.missing && finding.path.split_last().is_some_and(|(_, path)| path == *merged)
        };
        !unclear.contains(&finding.path) && !merged.iter().any(inside)
    }));
    if document.is_object() {
        let known: Vec<_> = findings.iter().map(|finding| finding.path.clone()).collect();
        // A value of the wrong type needs no second message about what it means.
        findings.extend(
            check::check(&source, &document).into_iter().filter(|finding| !known.contains(&finding.path)),
        );
    }
    if findings.is_empty() {
        normal::document(&source, &mut document);
        return Config::deserialize(&document).map_err(|error| whole(&error.to_string(), "this is a bug"));
    }
    let mut diagnostics: Vec<Diagnostic> = findings
        .iter()
        .map(|finding| {
            source.diagnostic(&finding.path, finding.spot, &finding.message, finding.hint.as_deref())
        })
        .collect();
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    diagnostics.dedup();
    Err(diagnostics)
}

fn flaw(flaw: Flaw) -> Finding {
    match flaw {
        Flaw::Duplicate(path) => Finding {
            message: format!("the key `{}` stands here for the second time", spell(&path)),
            hint: Some("only one of the two can hold; remove the other".to_owned()),
            spot: Spot::SecondKey,
            missing: false,
            path,
        },
        Flaw::Tag(path, tag) => {
            let message = format!("tags such as `{}` are not supported", judge::cut(&tag));
            Finding::value(path, message, "write the value itself".to_owned())
        }
        Flaw::KeyNotText(path) => {
            Finding::value(path, "a key here is not text", "a key is one word, before a colon".to_owned())
        }
        Flaw::Merge(path) => {
            let hint = "write the keys out, or use an alias `*name` for a whole value".to_owned();
            Finding::key(path, "merge keys (`<<`) are not supported", hint)
        }
    }
}

/// The byte offset of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default().lines().next().unwrap_or_default();
    before + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}
