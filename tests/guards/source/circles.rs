//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{Names, Source, Target};

/// Imported items by the two modules, which are files each.
pub type Imports = BTreeMap<(Names, Names), BTreeSet<String>>;

/// Files each of which imports every other, directly or through others, with the imports among them.
#[derive(Debug)]
pub struct Knot {
    pub files: BTreeSet<Names>,
    pub imports: Imports,
}

impl Source {
    /// Imports between files. A module and the modules inside of it count as one.
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

    /// Every set of files that import each other in circles, the largest first.
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
                .map(|it| (*it).clone())
                .collect();
            if !knot.is_empty() && done.insert(knot.clone()) {
                let inside = |(from, to): &(Names, Names)| knot.contains(from) && knot.contains(to);
                let imports = imports
                    .iter()
                    .filter(|(pair, _)| inside(pair))
                    .map(|(pair, it)| (pair.clone(), it.clone()))
                    .collect();
                knots.push(Knot { files: knot, imports });
            }
        }
        knots.sort_by_key(|knot| std::cmp::Reverse(knot.files.len()));
        knots
    }
}

/// Files that `file` imports, directly or through others.
fn reachable<'a>(imports: &'a Imports, file: &Names) -> BTreeSet<&'a Names> {
    let mut found = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        let following = imports.keys().filter(|(from, _)| from == next).map(|(_, to)| to);
        for to in following {
            if found.insert(to) {
                open.push(to);
            }
        }
    }
    found
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
