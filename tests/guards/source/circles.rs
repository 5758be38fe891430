//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{Names, Source, Target};

/// Imported items by importing and imported file.
pub type Imports = BTreeMap<(Names, Names), BTreeSet<String>>;

/// Files that each import every other one, directly or indirectly, with the imports among them.
#[derive(Debug)]
pub struct Knot {
    pub files: BTreeSet<Names>,
    pub imports: Imports,
}

impl Source {
    /// Returns the imports between files. Imports between a module and its submodules are not included.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for reference in self.references() {
            let (module, name) = match reference.target {
                Target::Item { module, name } => (module, name),
                Target::Glob(module) => (module, "*".to_owned()),
                Target::Module(_) | Target::External(_) => continue,
            };
            let (from, to) = (self.file_module(&reference.from), self.file_module(&module));
            if !from.starts_with(&to) && !to.starts_with(&from) {
                imports.entry((from, to)).or_default().insert(name);
            }
        }
        imports
    }

    /// Returns every set of files that import each other in a circle, the largest first.
    pub fn knots(&self) -> Vec<Knot> {
        let imports = self.imports();
        let files: BTreeSet<&Names> = imports.keys().flat_map(|(from, to)| [from, to]).collect();
        let reachable: BTreeMap<&Names, BTreeSet<&Names>> =
            files.iter().map(|file| (*file, reachable(&imports, file))).collect();
        let mut knots = Vec::new();
        let mut done = BTreeSet::new();
        for file in files {
            let knot: BTreeSet<Names> = reachable[file]
                .iter()
                .filter(|other| reachable[**other].contains(file))
                .map(|other| (*other).clone())
                .collect();
            if !knot.is_empty() && done.insert(knot.clone()) {
                let mut imports = imports.clone();
                imports.retain(|(from, to), _| knot.contains(from) && knot.contains(to));
                knots.push(Knot { files: knot, imports });
            }
        }
        knots.sort_by_key(|knot| std::cmp::Reverse(knot.files.len()));
        knots
    }
}

/// Returns the files that `file` imports, directly or indirectly.
fn reachable<'a>(imports: &'a Imports, file: &Names) -> BTreeSet<&'a Names> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        let following = imports.keys().filter(|(from, _)| from == next).map(|(_, to)| to);
        for to in following {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

impl std::fmt::Display for Knot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} files import each other in a circle:", self.files.len())?;
        for ((from, to), items) in &self.imports {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            writeln!(f, "  {} imports {} from {}", from.join("::"), items.join(", "), to.join("::"))?;
        }
        Ok(())
    }
}
