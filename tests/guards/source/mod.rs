//! The parsed source of the library: modules with their definitions, imports and paths.
//!
//! Code under `#[cfg(test)]` is left out.

mod circles;
mod collect;
mod resolve;
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub use self::circles::Knot;
pub use self::collect::Function;
pub use self::resolve::Target;

/// Path of a module or item below the root of the crate, such as `["ecs", "cluster"]`.
pub type Names = Vec<String>;

/// A module of the crate: a file, or an inline module of one.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Path of the file below `src`.
    pub file: PathBuf,
    /// Paths of the imports, by the name that they have here.
    imports: BTreeMap<String, Vec<Names>>,
    /// Paths of the imports that end in `*`, without it.
    globs: Vec<Names>,
    /// Names of the items that are defined here.
    items: BTreeSet<String>,
    /// Paths of two or more names outside of `use`.
    paths: BTreeSet<Names>,
    pub functions: Vec<Function>,
}

/// Every module of a crate by its path.
pub struct Source {
    modules: BTreeMap<Names, Module>,
    /// Crates that paths can begin with.
    crates: BTreeSet<String>,
}

/// A reference from a file to an item of another module or crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Module that contains the reference.
    pub from: Names,
    pub target: Target,
}

/// Returns the files of Rust below a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

impl Source {
    /// The library of this package.
    pub fn library() -> &'static Self {
        static LIBRARY: LazyLock<Source> = LazyLock::new(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            Source::parse(&dependencies(root), |file| fs::read_to_string(root.join("src").join(file)).ok())
        });
        &LIBRARY
    }

    /// Parses the modules that `lib.rs` declares, directly or through others. `read` returns the text of a file below `src`.
    pub fn parse(crates: &[String], read: impl Fn(&Path) -> Option<String>) -> Self {
        let standard = ["std", "core", "alloc"].map(str::to_owned);
        let mut source = Self { modules: BTreeMap::new(), crates: crates.iter().cloned().chain(standard).collect() };
        collect::file(Names::new(), Path::new("lib.rs"), &read, &mut source.modules);
        source
    }

    /// Modules by their path.
    pub fn modules(&self) -> impl Iterator<Item = (&Names, &Module)> {
        self.modules.iter()
    }

    /// Returns the path of the outermost module in the file of `module`.
    pub fn file_module(&self, module: &Names) -> Names {
        let file = &self.modules[module].file;
        let mut path = module.clone();
        while path.len() > 1 && self.modules.get(&path[..path.len() - 1]).is_some_and(|parent| parent.file == *file) {
            path.pop();
        }
        path
    }

    /// Returns every path in the crate that refers to an item of another module or crate, resolved through re-exports to the
    /// item's definition. An import of a module does not count as a reference, the paths through it do.
    pub fn references(&self) -> BTreeSet<Reference> {
        let mut references = BTreeSet::new();
        for (from, module) in &self.modules {
            let imported = module.imports.values().flatten();
            let mut targets: BTreeSet<Target> =
                imported.chain(&module.paths).filter_map(|path| self.resolve(from, path)).collect();
            targets.extend(module.globs.iter().filter_map(|path| self.resolve_glob(from, path)));
            targets.retain(|target| !matches!(target, Target::Module(_)));
            references.extend(targets.into_iter().map(|target| Reference { from: from.clone(), target }));
        }
        references
    }
}

/// Names of the package's dependencies as paths spell them.
fn dependencies(root: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml is readable");
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml is TOML");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies are a table");
    dependencies.keys().map(|name| name.replace('-', "_")).collect()
}
