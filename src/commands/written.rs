//! Writes several new files: all of them or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ExitStatus};
use crate::scaffold::File;

/// Refuses, when one of the files exists, with all that do.
pub fn refuse_existing(root: &Path, files: &[File]) -> Result<(), Error> {
    let there: Vec<String> = files
        .iter()
        .filter(|file| fs::symlink_metadata(root.join(&file.path)).is_ok())
        .map(|file| file.path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    let message = match there.as_slice() {
        [one] => format!("`{one}` exists already; nothing was written"),
        several => format!("{} of the files exist already; nothing was written", several.len()),
    };
    let error = Error::new(ExitStatus::Refused, message).hint("`--force` overwrites what exists");
    Err(if there.len() > 1 { error.detail(there.join("\n")) } else { error })
}

/// Writes the files below `root`. Without `force`, none may exist. When one cannot be written, everything is as before.
pub fn write(root: &Path, files: &[File], force: bool) -> Result<(), Error> {
    if !force {
        refuse_existing(root, files)?;
    }
    let mut undo = Undo::default();
    for file in files {
        let path = root.join(&file.path);
        if let Err(error) = one(&path, &file.text, force, &mut undo) {
            let message = format!("could not write `{}`; nothing was written", file.path.display());
            let left = undo.run();
            let error = Error::new(ExitStatus::Failed, message).caused_by(error.to_string());
            return Err(left.into_iter().fold(error, |error, left| {
                error.hint(format!("`{}` could not be brought back as it was", left.display()))
            }));
        }
    }
    Ok(())
}

/// What takes back the files that were written so far, the last one first.
#[derive(Default)]
struct Undo {
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
    folders: Vec<PathBuf>,
}

impl Undo {
    /// Takes everything back; what could not be.
    fn run(self) -> Vec<PathBuf> {
        let mut left = vec![];
        for (path, before) in self.files.into_iter().rev() {
            let done = match before {
                Some(before) => fs::write(&path, before),
                None => fs::remove_file(&path),
            };
            left.extend(done.err().map(|_| path));
        }
        for folder in self.folders.into_iter().rev() {
            // One that is not empty holds what others made.
            let _ = fs::remove_dir(folder);
        }
        left
    }
}

fn one(path: &Path, text: &str, force: bool, undo: &mut Undo) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let new: Vec<&Path> =
        folder.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists()).collect();
    for folder in new.into_iter().rev() {
        fs::create_dir(folder)?;
        undo.folders.push(folder.to_owned());
    }
    let before = match fs::read(path) {
        Ok(before) if force => Some(before),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => None,
    };
    let mut options = fs::OpenOptions::new();
    options.write(true);
    let mut file = match &before {
        Some(_) => options.truncate(true).open(path)?,
        None => options.create_new(true).open(path)?,
    };
    undo.files.push((path.to_owned(), before));
    io::Write::write_all(&mut file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.to_owned() }
    }

    #[test]
    fn all_files_are_written_or_none() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::write(root.join("old"), "before").unwrap();
        fs::write(root.join("blocked"), "a file, not a folder").unwrap();
        let files = [file("new", "1"), file("a/b/c", "2"), file("old", "3"), file("blocked/x", "4")];
        assert!(write(root, &files, true).unwrap_err().message().contains("`blocked/x`"));
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "before");
        assert!(!root.join("new").exists() && !root.join("a").exists());
        write(root, &files[..3], true).unwrap();
        assert_eq!(fs::read_to_string(root.join("a/b/c")).unwrap(), "2");
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "3");
    }

    #[test]
    fn nothing_that_exists_is_overwritten_unasked() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::write(root.join("old"), "before").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        let error = write(root, &[file("new", "1"), file("old", "2"), file("link", "3")], false).unwrap_err();
        assert_eq!(error.exit(), ExitStatus::Refused);
        assert!(
            error.text(false).contains("old\nlink") || error.text(false).contains("link"),
            "{}",
            error.text(false)
        );
        assert!(!root.join("new").exists());
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "before");
    }
}
