//! The modules of a crate do not import each other in a circle, as docs/architecture.md says.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use finsent_testing::models::repository;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path in Rust, such as `crate`, `labels`, `Label`.
type Segments = Vec<String>;

#[derive(Default)]
struct Module {
    /// The paths that its code mentions, without those that it only re-exports.
    mentions: HashSet<Segments>,
    /// What the names mean that it declares by `use`, private ones too, because its children can import them.
    names: HashMap<String, Vec<Segments>>,
}

/// The modules of a crate, by their paths from its root.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Segments, Module>,
    /// Modules that only tests have.
    for_tests: Vec<Segments>,
}

impl Crate {
    /// Reads the files of a folder such as `src`.
    fn read(src: &Path) -> Self {
        let mut read = Self::default();
        read.read_folder(src, &[]);
        let Self { modules, for_tests } = &mut read;
        modules.retain(|module, _| !for_tests.iter().any(|tests| module.starts_with(tests)));
        read
    }

    fn read_folder(&mut self, folder: &Path, module: &[String]) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            if path.is_dir() {
                self.read_folder(&path, &child(module, stem));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = if matches!(stem, "mod" | "lib") { module.into() } else { child(module, stem) };
                let code = fs::read_to_string(&path).unwrap().parse().unwrap();
                self.add(&module, code);
            }
        }
    }

    /// Adds what the code of a module mentions and names, and the modules inside it.
    fn add(&mut self, module: &[String], code: TokenStream) {
        self.modules.entry(module.into()).or_default();
        let code: Vec<TokenTree> = code.into_iter().collect();
        let mut files = Vec::new();
        let mut at = 0;
        while at < code.len() {
            let rest = &code[at..];
            at += match rest {
                [hash, TokenTree::Group(attribute), ..] if is_punct(hash, '#') => {
                    if is_for_tests(attribute.stream()) {
                        let item = item(&rest[2..]);
                        if let [.., keyword, name, end] = item
                            && is_ident(keyword, "mod")
                            && is_punct(end, ';')
                        {
                            self.for_tests.push(child(module, &name.to_string()));
                        }
                        2 + item.len()
                    } else {
                        files.extend(file_names(attribute.stream()));
                        1
                    }
                }
                [keyword, TokenTree::Ident(name), TokenTree::Group(body), ..] if is_ident(keyword, "mod") => {
                    self.add(&child(module, &name.to_string()), body.stream());
                    3
                }
                [keyword, TokenTree::Ident(name), ..] if is_ident(keyword, "mod") => {
                    // A module whose file depends on the system is a name for each of its files.
                    for file in files.drain(..) {
                        let names = &mut self.modules.get_mut(module).unwrap().names;
                        names.entry(name.to_string()).or_default().push(vec!["self".into(), file]);
                    }
                    2
                }
                // A visibility such as `pub(in crate::a)` is no import.
                [keyword, TokenTree::Group(_), ..] if is_ident(keyword, "pub") => 2,
                [keyword, ..] if is_ident(keyword, "use") => {
                    let length = rest.iter().take_while(|token| !is_punct(token, ';')).count();
                    self.import(module, &rest[1..length], is_public(&code[..at]));
                    length
                }
                [TokenTree::Group(group), ..] => {
                    self.add(module, group.stream());
                    1
                }
                // A field or a method.
                [dot, TokenTree::Ident(_), ..] if is_punct(dot, '.') => 2,
                [TokenTree::Ident(_), ..] => {
                    let (segments, length) = path(rest);
                    self.modules.get_mut(module).unwrap().mentions.insert(segments);
                    length
                }
                _ => 1,
            };
        }
    }

    /// Adds the tree of a `use`.
    fn import(&mut self, module: &[String], tree: &[TokenTree], public: bool) {
        let module = self.modules.get_mut(module).unwrap();
        for (segments, name) in leaves(&[], tree) {
            module.names.entry(name).or_default().push(segments.clone());
            if !public {
                module.mentions.insert(segments);
            }
        }
    }

    /// The modules that hold what a path in a module means. None if that is in another crate.
    fn holders(&self, module: &[String], path: &[String]) -> BTreeSet<Segments> {
        let (first, rest) = path.split_first().unwrap();
        match first.as_str() {
            "crate" => self.holders_below(&[], rest),
            "self" => self.holders_below(module, rest),
            "super" => self.holders_below(&module[..module.len() - 1], rest),
            _ if self.modules.contains_key(&child(module, first)) => self.holders_below(&child(module, first), rest),
            _ => {
                let meanings = self.modules[module].names.get(first).into_iter().flatten();
                // `use name::item as name;` would lead to itself.
                let meanings = meanings.filter(|meaning| meaning[0] != *first);
                meanings.flat_map(|meaning| self.holders(module, &[meaning, rest].concat())).collect()
            }
        }
    }

    /// The same for the rest of a path, whose beginning means a module.
    fn holders_below(&self, module: &[String], path: &[String]) -> BTreeSet<Segments> {
        let leads_on = |first: &String| {
            first == "super"
                || self.modules.contains_key(&child(module, first))
                || self.modules[module].names.contains_key(first)
        };
        match path.first() {
            Some(first) if leads_on(first) => self.holders(module, path),
            // An item of the module, or the module itself.
            _ => BTreeSet::from([module.into()]),
        }
    }

    /// The module, and each module that it imports.
    fn imports(&self, module: &Segments) -> Vec<(Segments, Segments)> {
        let Module { mentions, names } = &self.modules[module];
        // A name alone is no module, but something that has the same name.
        let mentions = mentions.iter().filter(|mention| mention.len() > 1 || names.contains_key(&mention[0]));
        let imported = mentions.flat_map(|mention| self.holders(module, mention));
        imported.filter(|other| other != module).map(|other| (module.clone(), other)).collect()
    }

    /// The imports between modules that lie on a circle, or between two circles.
    fn circles(&self) -> Vec<String> {
        let mut imports: BTreeSet<_> = self.modules.keys().flat_map(|module| self.imports(module)).collect();
        loop {
            let importing: BTreeSet<_> = imports.iter().map(|(module, _)| module.clone()).collect();
            let imported: BTreeSet<_> = imports.iter().map(|(_, module)| module.clone()).collect();
            let before = imports.len();
            imports.retain(|(module, other)| imported.contains(module) && importing.contains(other));
            if imports.len() == before {
                break;
            }
        }
        let name = |module: Segments| if module.is_empty() { "crate".into() } else { module.join("::") };
        imports.into_iter().map(|(module, other)| format!("{} imports {}", name(module), name(other))).collect()
    }
}

fn child(module: &[String], name: &str) -> Segments {
    [module, &[name.into()]].concat()
}

fn is_punct(token: &TokenTree, expected: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == expected)
}

fn is_ident(token: &TokenTree, expected: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == expected)
}

/// Whether an attribute is `cfg(test)` or `cfg(all(test, ..))`.
fn is_for_tests(attribute: TokenStream) -> bool {
    let attribute = attribute.to_string().replace(' ', "");
    attribute.starts_with("cfg(test)") || attribute.starts_with("cfg(all(test,")
}

/// The names, without their extension, of the files that an attribute names.
fn file_names(attribute: TokenStream) -> Vec<String> {
    let text = attribute.to_string();
    text.split('"').filter_map(|part| part.strip_suffix(".rs")).map(Into::into).collect()
}

/// The item at the beginning of code, up to its body or its semicolon.
fn item(code: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| {
        is_punct(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    &code[..code.iter().position(is_end).map_or(code.len(), |end| end + 1)]
}

/// Whether code ends with `pub` or `pub(..)`.
fn is_public(code: &[TokenTree]) -> bool {
    match code {
        [.., token, TokenTree::Group(_)] | [.., token] => is_ident(token, "pub"),
        [] => false,
    }
}

/// The path at the beginning of code, and its length in tokens.
fn path(code: &[TokenTree]) -> (Segments, usize) {
    let mut segments = vec![code[0].to_string()];
    while let [colon, colons, TokenTree::Ident(name), ..] = &code[segments.len() * 3 - 2..]
        && is_punct(colon, ':')
        && is_punct(colons, ':')
    {
        segments.push(name.to_string());
    }
    let length = segments.len() * 3 - 2;
    (segments, length)
}

/// The paths that a tree of `use` imports, and the names that it gives them.
fn leaves(prefix: &[String], tree: &[TokenTree]) -> Vec<(Segments, String)> {
    let leaf = |tree: &[TokenTree]| {
        let mut segments = prefix.to_vec();
        let mut name = None;
        for (at, token) in tree.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    return leaves(&segments, &group.stream().into_iter().collect::<Vec<_>>());
                }
                _ if is_ident(token, "as") => {
                    name = Some(tree[at + 1].to_string());
                    break;
                }
                TokenTree::Ident(ident) => segments.push(ident.to_string()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let name = name.or_else(|| segments.last().cloned());
        name.map(|name| (segments, name)).into_iter().collect()
    };
    // Nothing is behind the last comma.
    tree.split(|token| is_punct(token, ',')).filter(|tree| !tree.is_empty()).flat_map(leaf).collect()
}

#[test]
fn modules_do_not_import_each_other_in_a_circle() {
    let crates = fs::read_dir(repository().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for folder in crates.chain([repository().into(), repository().join("bindings/python")]) {
        let read = Crate::read(&folder.join("src"));
        assert!(read.modules.values().any(|module| !module.mentions.is_empty()), "{} has no imports", folder.display());
        assert_eq!(read.circles(), [""; 0], "{}", folder.display());
    }
}

/// A crate of `(module, code)`.
fn crate_of(modules: &[(&str, &str)]) -> Crate {
    let mut read = Crate::default();
    for (module, code) in modules {
        let module: Segments = module.split("::").filter(|name| !name.is_empty()).map(Into::into).collect();
        read.add(&module, code.parse().unwrap());
    }
    read
}

#[test]
fn a_circle_is_found_through_re_exports_and_paths() {
    let modules = crate_of(&[
        ("", "mod a; mod b; pub use b::Circle;"),
        ("a", "use crate::{Circle as Round, c,}; fn f() {}"),
        ("b", "fn g() { let x = [super::a::f()]; } // use super::c;"),
        ("c", "#[cfg(test)] mod tests { use super::super::a; } const A: &str = \"crate::a\";"),
    ]);
    assert_eq!(modules.circles(), ["a imports b", "b imports a"]);
}

#[test]
fn a_module_and_its_parent_are_a_circle_unless_the_parent_only_re_exports() {
    let child = ("a::b", "use super::T;");
    let circle = crate_of(&[("a", "mod b; use b::f; struct T;"), child]);
    assert_eq!(circle.circles(), ["a imports a::b", "a::b imports a"]);
    let user = crate_of(&[("a", "mod b; pub use b::U; struct T(U);"), child]);
    assert_eq!(user.circles(), ["a imports a::b", "a::b imports a"]);
    assert_eq!(crate_of(&[("a", "mod b; pub(crate) use b::f; struct T;"), child]).circles(), [""; 0]);
}

#[test]
fn a_module_with_a_file_for_each_system_is_each_of_them() {
    let modules = crate_of(&[
        ("a", "#[cfg_attr(unix, path = \"unix.rs\")] mod os; fn f() { os::g() }"),
        ("a::unix", "use super::f;"),
    ]);
    assert_eq!(modules.circles(), ["a imports a::unix", "a::unix imports a"]);
}
