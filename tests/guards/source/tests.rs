//! Tests of the parser and the checks with small crates.

use super::{Source, Target};

/// Parses a crate with these files.
fn source(files: &[(&str, &str)]) -> Source {
    Source::parse(&["tokio".to_owned()], |path| {
        files.iter().find(|(name, _)| *name == path.to_string_lossy()).map(|(_, text)| (*text).to_owned())
    })
}

fn names(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

/// Returns the files of the only circle.
fn circle(files: &[(&str, &str)]) -> Vec<String> {
    let knots = source(files).knots();
    assert!(knots.len() <= 1, "{knots:?}");
    knots.iter().flat_map(|knot| &knot.files).map(|file| file.join("::")).collect()
}

fn resolved(files: &[(&str, &str)], module: &str, path: &str) -> Option<Target> {
    source(files).resolve(&names(module), &names(path))
}

fn item(module: &str, name: &str) -> Target {
    Target::Item { module: names(module), name: name.to_owned() }
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn make() { super::a::A::new() }"),
        ("c.rs", "use crate::a::A;"),
    ];
    assert_eq!(circle(&files), ["a", "b"]);
    let message = source(&files).knots()[0].to_string();
    assert!(message.contains("  a imports B from b\n  b imports A from a\n"), "{message}");
}

#[test]
fn a_circle_through_several_files_and_re_exports_is_found() {
    let files = [
        ("lib.rs", "mod room; mod other;"),
        ("room/mod.rs", "mod a; mod b; mod c; pub use a::A as First; pub use b::*;"),
        ("room/a.rs", "use super::B; pub struct A;"),
        ("room/b.rs", "use super::c::C; pub struct B;"),
        ("room/c.rs", "fn c() { println!(\"{}\", crate::room::First::new()) } pub struct C;"),
        ("other.rs", "use crate::room::{B, First};"),
    ];
    assert_eq!(circle(&files), ["room::a", "room::b", "room::c"]);
}

#[test]
fn imports_between_parent_and_child_and_in_tests_are_no_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod inner; pub struct A; use inner::Inner; #[cfg(test)] use crate::b::B;"),
        ("a/inner.rs", "pub struct Inner; fn f() { super::A; }"),
        ("b.rs", "use crate::a::A; pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
    ];
    assert_eq!(circle(&files), Vec::<String>::new());
}

#[test]
fn an_imported_module_counts_only_by_the_items_used_through_it() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b; pub struct A; fn f() -> b::C { b::C }"),
        ("b.rs", "use crate::a::A; pub use crate::c::C;"),
        ("c.rs", "pub struct C;"),
    ];
    assert_eq!(circle(&files), Vec::<String>::new());
    assert_eq!(resolved(&files, "a", "b::C"), Some(item("c", "C")));
}

#[test]
fn paths_resolve_to_definitions() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use std::{env, fmt}; use crate::b::{self, Kind as Sort}; mod inside { pub fn f() {} }"),
        ("b.rs", "pub enum Kind { One } mod deep { pub struct D; } pub use self::deep::*;"),
    ];
    assert_eq!(resolved(&files, "a", "Sort::One"), Some(item("b", "Kind")));
    assert_eq!(resolved(&files, "a", "b::D"), Some(item("b::deep", "D")));
    assert_eq!(resolved(&files, "a", "inside::f"), Some(item("a::inside", "f")));
    assert_eq!(resolved(&files, "a::inside", "super::Sort"), Some(item("b", "Kind")));
    assert_eq!(resolved(&files, "a", "env::var"), Some(Target::External(names("std::env::var"))));
    assert_eq!(resolved(&files, "a", "tokio::spawn"), Some(Target::External(names("tokio::spawn"))));
    assert_eq!(resolved(&files, "a", "T::Output"), None);
}
