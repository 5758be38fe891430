//! Writing to standard output and to files, with errors that say what could not be written.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Something that could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Standard output failed.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// A file or folder failed.
    #[error("cannot write {}: {cause}", .path.display())]
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

/// Makes a folder and all above it.
pub(super) fn make_folder(path: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(path).map_err(|cause| failed(path, cause))
}

/// Writes a file.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), OutputError> {
    fs::write(path, text).map_err(|cause| failed(path, cause))
}

/// Says of a failure which file it was about.
pub(super) fn failed(path: &Path, cause: io::Error) -> OutputError {
    OutputError::File { path: path.to_owned(), cause }
}
