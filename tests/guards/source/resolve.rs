//! Resolves paths to definitions.

use super::{Names, Source};

/// Maximum number of re-exports to follow.
const MAX_DEPTH: usize = 16;

/// Definition that a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Item `name` of a module of this crate. For an associated item this is its type.
    Item { module: Names, name: String },
    /// All public items of a module.
    Glob(Names),
    /// A module of this crate.
    Module(Names),
    /// Path into another crate, which is its first name.
    External(Names),
}

impl Source {
    /// Returns the definition that `path` refers to in `module`, or none if it begins with a local name such as a type parameter.
    pub fn resolve(&self, module: &[String], path: &[String]) -> Option<Target> {
        self.resolve_within(module, path, MAX_DEPTH)
    }

    /// Returns the module or enum whose items `use path::*` imports.
    pub fn resolve_glob(&self, module: &[String], path: &[String]) -> Option<Target> {
        Some(match self.resolve(module, path)? {
            Target::Module(module) => Target::Glob(module),
            target => target,
        })
    }

    fn resolve_within(&self, module: &[String], path: &[String], depth: usize) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let first = path.first()?.as_str();
        match first {
            "crate" => self.descend(&[], &path[1..], depth),
            "self" => self.descend(module, &path[1..], depth),
            "super" => {
                let (_, parent) = module.split_last()?;
                let rest = &path[1..];
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve_within(parent, rest, depth),
                    _ => self.descend(parent, rest, depth),
                }
            }
            _ if self.is_in_scope(module, first, depth) => self.descend(module, path, depth),
            _ => self.crates.contains(first).then(|| Target::External(path.to_vec())),
        }
    }

    /// True if `name` is defined in or imported into `module`.
    fn is_in_scope(&self, module: &[String], name: &str, depth: usize) -> bool {
        let Some(definition) = self.modules.get(module) else { return false };
        self.modules.contains_key(&child(module, name))
            || definition.items.contains(name)
            || definition.imports.get(name).is_some_and(|imports| imports.iter().any(|import| *import != [name]))
            || self.through_globs(module, &[name.to_owned()], depth).is_some()
    }

    /// Follows `path` from the scope of `module`.
    fn descend(&self, module: &[String], path: &[String], depth: usize) -> Option<Target> {
        let Some(first) = path.first() else { return Some(Target::Module(module.to_vec())) };
        let definition = self.modules.get(module)?;
        if definition.items.contains(first) {
            return Some(Target::Item { module: module.to_vec(), name: first.clone() });
        }
        let inner = child(module, first);
        if path.len() > 1 && self.modules.contains_key(&inner) {
            return self.descend(&inner, &path[1..], depth);
        }
        let imports = definition.imports.get(first).into_iter().flatten();
        let mut others = imports.filter(|import| **import != *path && **import != [first.clone()]);
        if let Some(target) = others.find_map(|import| self.follow(module, import, &path[1..], depth)) {
            return Some(target);
        }
        if self.modules.contains_key(&inner) {
            return Some(Target::Module(inner));
        }
        let through_globs = self.through_globs(module, path, depth);
        // Macros define items that the parser does not see.
        through_globs.or_else(|| Some(Target::Item { module: module.to_vec(), name: first.clone() }))
    }

    fn follow(&self, module: &[String], import: &[String], rest: &[String], depth: usize) -> Option<Target> {
        self.resolve_within(module, &[import, rest].concat(), depth)
    }

    /// Looks for the first name of `path` in the modules that `module` imports as a whole.
    fn through_globs(&self, module: &[String], path: &[String], depth: usize) -> Option<Target> {
        let globs = &self.modules.get(module)?.globs;
        globs.iter().find_map(|glob| match self.resolve_within(module, glob, depth)? {
            Target::Module(inner) if inner != module && self.is_in_scope(&inner, &path[0], depth.checked_sub(1)?) => {
                self.descend(&inner, path, depth)
            }
            _ => None,
        })
    }
}

/// Path of the module `name` in `module`.
fn child(module: &[String], name: &str) -> Names {
    [module, &[name.to_owned()]].concat()
}
