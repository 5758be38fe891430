//! Reads files, folders and standard input.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Extensions of the files that are read in a folder.
pub const EXTENSIONS: [&str; 4] = ["json", "jsonc", "yaml", "yml"];

/// The name of standard input.
pub const STDIN: &str = "-";

/// A text that may contain definitions.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as on the command line, or below a folder on the command line; [`STDIN`] for standard input.
    pub name: String,
    /// The text, or a message why it cannot be read.
    pub text: Result<String, String>,
    /// True for a file in a folder on the command line. It may have nothing to do with ECS.
    pub from_folder: bool,
}

/// Reads files, folders and standard input in the order of `inputs`, and the files of a folder in the order of their paths.
///
/// In a folder, entries whose names start with a dot are skipped. A file with several paths is read once.
#[must_use]
pub fn read(inputs: &[PathBuf]) -> Vec<Source> {
    let mut canonical_paths = BTreeSet::new();
    let paths = inputs.iter().flat_map(|input| expand(input));
    // A file may be listed twice, such as by its path and by that of its folder.
    let canonical = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    paths
        .filter(|(path, _)| canonical_paths.insert(canonical(path)))
        .map(|(path, from_folder)| source(&path, from_folder))
        .collect()
}

/// Returns the paths of an input's files; true for those in a folder.
fn expand(input: &Path) -> Vec<(PathBuf, bool)> {
    if input.as_os_str() == STDIN || !input.is_dir() {
        return vec![(input.to_owned(), false)];
    }
    let mut files = Vec::new();
    walk(input, &mut files);
    files.into_iter().map(|file| (file, true)).collect()
}

/// Collects the files of a folder. A folder that cannot be read is added itself, so that reading it reports the error.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return files.push(folder.to_owned()) };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !is_hidden(path)) {
        // A link to a folder could form a cycle.
        if path.is_dir() && !path.is_symlink() {
            walk(&path, files);
        } else if has_known_extension(&path) {
            files.push(path);
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn has_known_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn source(path: &Path, from_folder: bool) -> Source {
    let bytes = if path.as_os_str() == STDIN { read_stdin() } else { fs::read(path) };
    let text = bytes.map_err(|error| reason(&error)).and_then(decode);
    Source { name: path.display().to_string(), text, from_folder }
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the reason why a file cannot be read, without the system's error number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => format!("cannot read the file: {error}"),
    }
}

/// Decodes UTF-8 and UTF-16, and removes the byte-order mark. PowerShell redirects output as UTF-16.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let utf_16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(decode_utf_16(&bytes[2..], u16::from_le_bytes)),
        Some([0xfe, 0xff]) => Some(decode_utf_16(&bytes[2..], u16::from_be_bytes)),
        _ => None,
    };
    if let Some(text) = utf_16 {
        return text.ok_or_else(|| "the file is not valid UTF-16; save it as UTF-8".to_owned());
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err("the file is compressed; decompress it first, for example with gunzip".to_owned());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => Err(not_utf_8(error.as_bytes(), error.utf8_error().valid_up_to())),
    }
}

fn decode_utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

fn not_utf_8(bytes: &[u8], at: usize) -> String {
    if bytes.contains(&0) {
        return "the file is binary; use text in UTF-8".to_owned();
    }
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}: invalid UTF-8; save the file as UTF-8")
}

impl Source {
    /// Returns the file name without folders and extensions, with hyphens in place of characters that ECS names cannot
    /// contain; none for standard input.
    #[must_use]
    pub fn stem(&self) -> Option<String> {
        let name = Path::new(&self.name).file_name()?.to_str()?;
        let mut stem = name;
        while let Some((rest, extension)) = stem.rsplit_once('.') {
            if !EXTENSIONS.contains(&extension) && !["tpl", "tmpl", "template"].contains(&extension) {
                break;
            }
            stem = rest;
        }
        let stem: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        let stem = stem.trim_matches('-');
        (self.name != STDIN && !stem.is_empty()).then(|| stem.chars().take(255).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_the_family() {
        let stem = |name: &str| Source { name: name.to_owned(), text: Ok(String::new()), from_folder: false }.stem();
        for (name, expected) in [
            ("ecs/web.json", Some("web")),
            ("task-definition.web.json", Some("task-definition-web")),
            ("Web_API.json.tpl", Some("Web_API")),
            ("web", Some("web")),
            (".json", None),
            ("-", None),
        ] {
            assert_eq!(stem(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn other_encodings_are_decoded_or_reported() {
        assert_eq!(decode(b"\xef\xbb\xbf{}".to_vec()), Ok("{}".to_owned()));
        assert_eq!(decode(vec![0xff, 0xfe, b'{', 0, b'}', 0]), Ok("{}".to_owned()));
        assert_eq!(decode(vec![0xfe, 0xff, 0, b'{', 0, b'}']), Ok("{}".to_owned()));
        assert!(decode(vec![0xff, 0xfe, b'{']).unwrap_err().contains("UTF-16"));
        assert!(decode(b"{\n \xc3\xa9\xff}".to_vec()).unwrap_err().starts_with("line 2, column 3: "));
        assert!(decode(vec![0, 0xff]).unwrap_err().contains("binary"));
        assert!(decode(vec![0x1f, 0x8b, 8]).unwrap_err().contains("gunzip"));
    }
}
