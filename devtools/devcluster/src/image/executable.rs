//! The shared libraries of a program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Image;

/// An image of the program at `path` with its libraries, at the places they have here.
pub(super) fn image(name: String, path: &Path) -> Result<Image> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut image = Image::program(name, read(path)?);
    for library in libraries(path)? {
        image = image.file(library.to_string_lossy(), 0o755, read(&library)?);
    }
    Ok(image)
}

/// The libraries that the dynamic linker loads; none for a static program.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .env("LC_ALL", "C")
        .output()
        .context("cannot run ldd, of the package libc-bin")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if [&text, &errors].iter().any(|it| it.contains("not a dynamic executable")) {
        return Ok(Vec::new());
    }
    if !output.status.success() || text.contains("not found") {
        bail!("ldd {}: {}", program.display(), format!("{text}{errors}").trim());
    }
    Ok(paths(&text))
}

/// The absolute paths in the output of ldd, which has one library on each line.
fn paths(ldd: &str) -> Vec<PathBuf> {
    let in_line = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    ldd.lines().filter_map(in_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_own_library_has_no_file() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffe)\n\
                   \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(paths(ldd), expected.map(PathBuf::from));
        assert!(paths("\tstatically linked\n").is_empty());
    }
}
