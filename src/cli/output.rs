//! Writes to standard output, standard error and files.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::convert::files::STDIN;

/// An error of writing.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// A file or folder.
    #[error("cannot write {}: {}", .path.display(), reason(.cause))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

/// Writes to standard output. A closed pipe, such as that of `head`, is not an error.
pub(super) fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(OutputError::Stdout(error)),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. Errors are ignored, because they cannot be reported.
pub(super) fn print_error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a note if one of the files is standard input and that is a terminal.
pub(super) fn note_terminal<'a>(mut files: impl Iterator<Item = &'a PathBuf>) {
    if files.any(|file| file.as_os_str() == STDIN) && io::stdin().is_terminal() {
        print_error("reading from the terminal; press Ctrl-D to end the input");
    }
}

/// Creates a folder and its parents.
pub(super) fn make_folder(path: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(path).map_err(|cause| failed(path, cause))
}

/// Writes a file.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), OutputError> {
    fs::write(path, text).map_err(|cause| failed(path, cause))
}

/// Writes files with their texts: each under a temporary name, and once all are written, under its own. If the second step
/// fails, for example because a folder has the name, some files may have been replaced.
pub(super) fn write_files(files: &[(PathBuf, String)]) -> Result<(), OutputError> {
    let temporaries: Vec<PathBuf> = files.iter().map(|(path, _)| temporary(path)).collect();
    let written = files
        .iter()
        .zip(&temporaries)
        .try_for_each(|((path, text), temporary)| fs::write(temporary, text).map_err(|cause| failed(path, cause)));
    let renamed = written.and_then(|()| {
        files
            .iter()
            .zip(&temporaries)
            .try_for_each(|((path, _), temporary)| fs::rename(temporary, path).map_err(|cause| failed(path, cause)))
    });
    if renamed.is_err() {
        for temporary in &temporaries {
            let _ = fs::remove_file(temporary);
        }
    }
    renamed
}

/// Returns the temporary name of a file.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Returns the reason why a file cannot be written.
fn reason(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "a parent is a file instead of a folder".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => cause.to_string(),
    }
}

/// Returns the error of writing a file.
pub(super) fn failed(path: &Path, cause: io::Error) -> OutputError {
    OutputError::File { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_all_or_no_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "before").unwrap();
        let missing = path("missing").join("b");
        let error = write_files(&[(path("a"), "after".to_owned()), (missing, String::new())]).unwrap_err();
        assert!(error.to_string().ends_with("no such folder"), "{error}");
        assert_eq!(fs::read_to_string(path("a")).unwrap(), "before");
        write_files(&[(path("a"), "after".to_owned()), (path("c"), "new".to_owned())]).unwrap();
        assert_eq!(fs::read_to_string(path("a")).unwrap(), "after");
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.count(), 2, "no temporary files remain");
    }
}
