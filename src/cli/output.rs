//! Writing to standard output and to files, with errors that say what could not be written.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::convert::files::STDIN;

/// Something that could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Standard output failed.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// A file or folder failed.
    #[error("cannot write {}: {}", .path.display(), reason(.cause))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// Writes to standard output. A reader that has gone away, such as `head`, has all it wanted.
pub(super) fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(OutputError::Stdout(error)),
        _ => Ok(()),
    }
}

/// Writes a line to standard error; when even that fails there is nobody left to tell.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says that a person is waited for, when one of the files is standard input and that is a terminal.
pub(super) fn tell_of_terminal<'a>(mut files: impl Iterator<Item = &'a PathBuf>) {
    if files.any(|file| file.as_os_str() == STDIN) && io::stdin().is_terminal() {
        complain("reading from the terminal; Ctrl-D ends it");
    }
}

/// Makes a folder and all above it.
pub(super) fn make_folder(path: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(path).map_err(|cause| failed(path, cause))
}

/// Writes a file.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), OutputError> {
    fs::write(path, text).map_err(|cause| failed(path, cause))
}

/// Writes files, given with their texts. None takes its place before all of them are written; when one then cannot, which
/// a folder of its name would cause, those before it have.
pub(super) fn write_files(files: &[(PathBuf, String)]) -> Result<(), OutputError> {
    let parts: Vec<PathBuf> = files.iter().map(|(path, _)| part(path)).collect();
    let written = files
        .iter()
        .zip(&parts)
        .try_for_each(|((path, text), part)| fs::write(part, text).map_err(|cause| failed(path, cause)));
    let renamed = written.and_then(|()| {
        files
            .iter()
            .zip(&parts)
            .try_for_each(|((path, _), part)| fs::rename(part, path).map_err(|cause| failed(path, cause)))
    });
    if renamed.is_err() {
        for part in &parts {
            let _ = fs::remove_file(part);
        }
    }
    renamed
}

/// Where a file is written before it takes the place of the one of its name.
fn part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// What the system says, in words that fit a file to be written.
fn reason(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::NotFound => "there is no such folder".to_owned(),
        ErrorKind::PermissionDenied => "its permissions do not allow it".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "a file stands where a folder is wanted".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => cause.to_string(),
    }
}

/// Says of a failure which file it was about.
pub(super) fn failed(path: &Path, cause: io::Error) -> OutputError {
    OutputError::File { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_files_all_are_written_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "before").unwrap();
        let missing = at("missing").join("b");
        let error = write_files(&[(at("a"), "after".to_owned()), (missing, String::new())]).unwrap_err();
        assert!(error.to_string().ends_with("there is no such folder"), "{error}");
        assert_eq!(fs::read_to_string(at("a")).unwrap(), "before");
        write_files(&[(at("a"), "after".to_owned()), (at("c"), "new".to_owned())]).unwrap();
        assert_eq!(fs::read_to_string(at("a")).unwrap(), "after");
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.count(), 2, "nothing else is left");
    }
}
