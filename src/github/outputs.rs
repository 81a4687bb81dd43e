//! The files that a step writes for the runner: outputs and the job summary.

use std::io::Write as _;
use std::path::Path;

use super::workflow::random_word;

/// Longest value of an output in bytes. GitHub allows 1 MiB for all outputs of a job.
pub const LONGEST_OUTPUT: usize = 100_000;
/// Longest summary of a step in bytes. Beyond 1 MiB GitHub drops all of it.
pub const LONGEST_SUMMARY: u64 = 1_000_000;
/// What stands at the end of a summary that was cut.
const CUT: &str = "\n\n*The summary ends here: GitHub shows no more than 1 MiB.*\n";

/// Why a file for the runner was not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A name that could be something else to the runner.
    #[error("`{0}` is not a name of an output")]
    Name(String),
    /// A value that is too long.
    #[error("the output `{name}` has {bytes} bytes, more than {LONGEST_OUTPUT}")]
    TooLong {
        /// Name of the output.
        name: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The file system, or the source of random numbers.
    #[error("could not write for the runner: {0}")]
    Io(#[from] std::io::Error),
}

/// One output as the runner's file holds it, with a random end word that the value does not contain. Carriage
/// returns and NULs are left out.
pub fn entry(name: &str, value: &str) -> Result<String, OutputError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(OutputError::Name(name.into()));
    }
    let value: String = value.chars().filter(|c| !matches!(c, '\r' | '\0')).collect();
    if value.len() > LONGEST_OUTPUT {
        return Err(OutputError::TooLong { name: name.into(), bytes: value.len() });
    }
    loop {
        let end = random_word()?;
        if !value.contains(&end) {
            return Ok(format!("{name}<<{end}\n{value}\n{end}\n"));
        }
    }
}

/// Appends outputs to the runner's file (`GITHUB_OUTPUT`): all of them, or none when one cannot be written.
pub fn append_outputs(path: &Path, outputs: &[(&str, &str)]) -> Result<(), OutputError> {
    let entries: Result<String, OutputError> =
        outputs.iter().map(|(name, value)| entry(name, value)).collect();
    append(path, &entries?)?;
    Ok(())
}

/// Appends Markdown to the job summary (`GITHUB_STEP_SUMMARY`), as much of it as fits; tells whether all of it did.
pub fn append_summary(path: &Path, markdown: &str) -> Result<bool, OutputError> {
    let used = match std::fs::metadata(path) {
        Ok(data) => data.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    let room = usize::try_from(LONGEST_SUMMARY.saturating_sub(used)).unwrap_or(0);
    let text = markdown.replace('\0', "");
    let text = if text.ends_with('\n') { text } else { text + "\n" };
    if text.len() <= room {
        append(path, &text)?;
        return Ok(true);
    }
    if let Some(room) = room.checked_sub(CUT.len()) {
        append(path, &format!("{}{CUT}", whole_lines(&text, room)))?;
    }
    Ok(false)
}

/// As many whole lines as fit in so many bytes.
fn whole_lines(text: &str, room: usize) -> &str {
    let end = text.as_bytes().iter().take(room).rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Reads the file as the runner does: `name=value` or `name<<WORD`, whichever comes first in the line.
    fn as_the_runner(text: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut lines = text.split('\n');
        while let Some(line) = lines.next() {
            if line.is_empty() {
                continue;
            }
            let (equals, heredoc) = (line.find('='), line.find("<<"));
            match (equals, heredoc) {
                (Some(at), there) if there.is_none_or(|there| at < there) => {
                    let (name, value) = line.split_at(at);
                    found.insert(name.to_owned(), value.trim_start_matches('=').to_owned());
                }
                (_, Some(_)) => {
                    let (name, word) = line.split_once("<<").unwrap();
                    let value: Vec<&str> = lines.by_ref().take_while(|line| *line != word).collect();
                    found.insert(name.to_owned(), value.join("\n"));
                }
                _ => panic!("the runner refuses {line:?}"),
            }
        }
        found
    }

    #[test]
    fn outputs_are_read_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        append_outputs(&path, &[("changed", "true"), ("text", "a\nname=b\nx<<EOF\nEOF\n")]).unwrap();
        append_outputs(&path, &[("empty", ""), ("crlf", "a\r\nb\0")]).unwrap();
        let wanted =
            [("changed", "true"), ("crlf", "a\nb"), ("empty", ""), ("text", "a\nname=b\nx<<EOF\nEOF\n")];
        let found = as_the_runner(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(found, wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    }

    #[test]
    fn the_end_word_differs_each_time() {
        assert_ne!(entry("a", "b").unwrap(), entry("a", "b").unwrap());
        let text = entry("a", "b").unwrap();
        assert!(text.lines().next().is_some_and(|line| line.len() == "a<<fs-".len() + 32), "128 bits");
    }

    #[test]
    fn names_and_values_that_cannot_be_written_are_refused_and_nothing_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        for name in ["", "a=b", "a<<b", "a\nb", "a b"] {
            assert!(matches!(entry(name, "x"), Err(OutputError::Name(_))), "{name:?}");
        }
        let long = "x".repeat(LONGEST_OUTPUT + 1);
        assert!(append_outputs(&path, &[("fine", "x"), ("long", &long)]).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn a_summary_is_appended_until_it_is_full() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("summary");
        assert!(append_summary(&path, "# One").unwrap());
        assert!(append_summary(&path, "two\n").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "# One\ntwo\n");
        assert!(!append_summary(&path, &"grün\n".repeat(200_000)).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= LONGEST_SUMMARY && text.ends_with(CUT));
        assert!(text.trim_end_matches(CUT).ends_with("grün\n"), "cut at a line");
        assert!(
            !append_summary(&path, "more than the few bytes that are left").unwrap_or(true),
            "there is no room for it"
        );
        assert!(std::fs::metadata(&path).unwrap().len() <= LONGEST_SUMMARY);
    }

    proptest! {
        #[test]
        fn no_value_adds_an_output(value in "(\\PC|\n|\r|=|<<|EOF|fs-)*") {
            let found = as_the_runner(&entry("name", &value).unwrap());
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found.get("name").cloned(), Some(value.replace('\r', "")));
        }
    }
}
