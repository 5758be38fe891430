//! Reads the modules of a crate from their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, ItemMod, Meta, UseTree};

use super::{Module, Names};

/// A function with a body.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    /// Line of its signature.
    pub line: usize,
    /// Lines from its signature to the end of its body.
    pub lines: usize,
}

/// Parses the file of the module `path` and the files of its children.
pub fn file(path: Names, file: &Path, read: &impl Fn(&Path) -> Option<String>, modules: &mut BTreeMap<Names, Module>) {
    let text = read(file).unwrap_or_else(|| panic!("{} is declared and cannot be read", file.display()));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut collector = Collector { file, path, modules, children: Vec::new() };
    collector.enter();
    for item in &syntax.items {
        collector.visit_item(item);
    }
    for (path, file) in collector.children {
        self::file(path, &module_file(&file, read), read, modules);
    }
}

/// Returns the file of a module from its path without extension: `name.rs` or `name/mod.rs`.
fn module_file(stem: &Path, read: &impl Fn(&Path) -> Option<String>) -> PathBuf {
    let nested = stem.join("mod.rs");
    if stem.extension().is_some() {
        stem.to_owned()
    } else if read(&nested).is_some() {
        nested
    } else {
        stem.with_extension("rs")
    }
}

struct Collector<'a> {
    file: &'a Path,
    /// Module that is being read.
    path: Names,
    modules: &'a mut BTreeMap<Names, Module>,
    /// Modules declared here that have their own file: path, and file without extension.
    children: Vec<(Names, PathBuf)>,
}

impl Collector<'_> {
    fn enter(&mut self) {
        let module = Module { file: self.file.to_owned(), ..Module::default() };
        self.modules.insert(self.path.clone(), module);
    }

    fn module(&mut self) -> &mut Module {
        self.modules.get_mut(&self.path).expect("the module was entered")
    }

    /// Folder of the files of the children of this file's module.
    fn folder(&self) -> PathBuf {
        match self.file.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib") => self.file.with_file_name(""),
            _ => self.file.with_extension(""),
        }
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &joined(prefix, &path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Glob(_) => self.module().globs.push(prefix.to_vec()),
            UseTree::Name(name) => self.import_as(&name.ident, joined(prefix, &name.ident)),
            UseTree::Rename(rename) => self.import_as(&rename.rename, joined(prefix, &rename.ident)),
        }
    }

    fn import_as(&mut self, name: &Ident, mut path: Names) {
        let mut name = name.to_string();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
            if name == "self" {
                name.clone_from(&path[path.len() - 1]);
            }
        }
        self.module().imports.entry(name).or_default().push(path);
    }

    fn record_path(&mut self, path: Names) {
        if path.len() > 1 {
            self.module().paths.insert(path);
        }
    }

    /// Collects the paths in the arguments of a macro or an attribute.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.record_path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                _ => {
                    self.record_path(std::mem::take(&mut path));
                    colons = 0;
                }
            }
            if let TokenTree::Group(group) = token {
                self.tokens(group.stream());
            }
        }
        self.record_path(path);
    }

    fn function(&mut self, name: &Ident, signature: Span, body: Span) {
        let (first, last) = (signature.start().line, body.end().line);
        let function = Function { name: name.to_string(), line: first, lines: last + 1 - first };
        self.module().functions.push(function);
    }

    fn inline(&mut self, item: &ItemMod, items: &[Item]) {
        self.path.push(item.ident.to_string());
        self.enter();
        for item in items {
            self.visit_item(item);
        }
        self.path.pop();
    }
}

impl<'a> Visit<'a> for Collector<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        if is_test(attributes(item)) {
            return;
        }
        if let Some(name) = defined_name(item) {
            self.module().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        if let Some((_, items)) = &item.content {
            return self.inline(item, items);
        }
        let path = [&self.path[..], &[item.ident.to_string()]].concat();
        let file = match path_attribute(&item.attrs) {
            Some(file) => self.file.with_file_name(file),
            None => self.folder().join(item.ident.to_string()),
        };
        self.children.push((path, file));
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.function(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'a syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Fn(item) => &item.attrs[..],
            syn::ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.function(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig.ident, item.sig.span(), body.span());
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.record_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }
}

fn joined(prefix: &[String], name: &Ident) -> Names {
    [prefix, &[name.to_string()]].concat()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// True if `#[cfg(test)]` is among the attributes.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
