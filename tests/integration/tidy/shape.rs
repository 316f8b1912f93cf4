//! The measures of a file: its length and width, its functions, its module doc, and that some other
//! file declares it.

use std::collections::BTreeSet;

use super::source::Source;

const COLUMNS: usize = 100;
const LINES_OF_A_FILE: usize = 500;
const LINES_OF_A_FUNCTION: usize = 70;

/// A file of more lines than a reader keeps in mind.
pub(crate) fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let wrong = format!("{}: {lines} lines; split it at {LINES_OF_A_FILE}", source.path);
    Vec::from_iter((lines > LINES_OF_A_FILE).then_some(wrong))
}

/// Lines beyond the right margin. An import path and an address cannot be broken; a literal alone
/// on its line may be longer too, because in pieces a search would not find it.
pub(crate) fn too_wide(source: &Source) -> Vec<String> {
    let wide = |line: &str| line.chars().count() > COLUMNS;
    let unbreakable = |(line, code): &(&str, &str)| {
        let literal = code.trim_matches([' ', ',', ';', ')']).is_empty() && !line.contains("//");
        literal || line.contains("://") || line.starts_with("use ")
    };
    let lines = source.text.lines().zip(source.code.lines()).zip(1..);
    lines
        .filter(|(line, _)| wide(line.0) && !unbreakable(line))
        .map(|(_, number)| format!("{}:{number}: wider than {COLUMNS} columns", source.path))
        .collect()
}

/// Functions that do not fit a screen.
pub(crate) fn long_functions(source: &Source) -> Vec<String> {
    let code = &source.code;
    let mut wrong = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let begins_a_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let Some(end) = end_of_function(&code[at..]).filter(|_| begins_a_word) else { continue };
        let lines = source.line_of(at + end) - source.line_of(at) + 1;
        if lines > LINES_OF_A_FUNCTION {
            wrong.push(format!("{}: a function of {lines} lines", source.at(at)));
        }
    }
    wrong
}

/// Where the body of the function ends that the code begins with; `None` where it has no body.
fn end_of_function(code: &str) -> Option<usize> {
    // Of parentheses and brackets, in which `;` and `{` say nothing about the body; then of braces.
    let (mut inside, mut depth) = (0_i32, 0_i32);
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => inside += 1,
            ')' | ']' => inside -= 1,
            ';' if inside == 0 && depth == 0 => return None,
            '{' => depth += 1,
            '}' if depth == 1 && inside == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A file that does not begin by saying what it is for.
pub(crate) fn without_module_doc(source: &Source) -> Vec<String> {
    let documented = source.text.starts_with("//! ");
    let wrong = format!("{}: no module doc at its top", source.path);
    Vec::from_iter((!documented).then_some(wrong))
}

/// Files that no `mod` leads to from the roots: the compiler never reads them.
pub(crate) fn undeclared(sources: &[Source], roots: &[&str]) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut to_read: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
    while let Some(path) = to_read.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        if reached.insert(path) {
            to_read.extend(declared_by(source, roots));
        }
    }
    let dead = sources.iter().filter(|source| !reached.contains(&source.path));
    dead.map(|source| format!("{}: no module declares it", source.path)).collect()
}

/// Where the modules may be that a file declares: each in one of two places.
fn declared_by(source: &Source, roots: &[&str]) -> Vec<String> {
    let path = source.path.as_str();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let inside = if file == "mod.rs" || roots.contains(&path) {
        folder.to_owned()
    } else {
        format!("{folder}/{}", file.trim_end_matches(".rs"))
    };
    let statements = source.code.split([';', '{', '}']);
    let names = statements.filter_map(|statement| statement.trim().rsplit_once("mod "));
    names
        .filter(|(_, name)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .flat_map(|(_, name)| [format!("{inside}/{name}.rs"), format!("{inside}/{name}/mod.rs")])
        .collect()
}

#[cfg(test)]
fn source(text: &str) -> Source {
    Source::new("src/x.rs", text)
}

#[test]
fn a_long_file_is_noticed() {
    assert!(too_long(&source(&"a\n".repeat(500))).is_empty());
    assert_eq!(too_long(&source(&"a\n".repeat(501))).len(), 1);
}

#[test]
fn a_wide_line_is_noticed() {
    assert!(too_wide(&source(&"é".repeat(100))).is_empty());
    assert!(too_wide(&source(&format!("\n{}", "é".repeat(101))))[0].starts_with("src/x.rs:2:"));
    assert!(too_wide(&source(&format!("x(\n\"{}\")", "a".repeat(101)))).is_empty());
    assert_eq!(too_wide(&source(&format!("let x = \"{}\"", "a".repeat(101)))).len(), 1);
    assert_eq!(too_wide(&source(&format!("    // \"{}\"", "a".repeat(101)))).len(), 1);
}

#[test]
fn a_long_function_is_noticed() {
    let function = |lines| format!("\nfn x(a: [u8; 3]) {{\n{}}}\n", "if a {}\n".repeat(lines));
    assert!(long_functions(&source(&function(68))).is_empty());
    assert_eq!(long_functions(&source(&function(69))), ["src/x.rs:2: a function of 71 lines"]);
}

#[test]
fn a_missing_module_doc_is_noticed() {
    assert!(without_module_doc(&source("//! What for.\n")).is_empty());
    assert_eq!(without_module_doc(&source("use x;\n//! late")).len(), 1);
}

#[test]
fn a_dead_file_is_noticed() {
    let file = |path: &str, text: &str| Source::new(path, text);
    let tree = [
        file("src/lib.rs", "pub mod a;\n/// c\npub(crate) mod c { mod inline; } // mod dead;"),
        file("src/a/mod.rs", "mod b;"),
        file("src/a/b.rs", "#[cfg(test)]\nmod d;"),
        file("src/a/b/d.rs", ""),
        file("src/dead.rs", "mod dead;"),
    ];
    assert_eq!(undeclared(&tree, &["src/lib.rs"]), ["src/dead.rs: no module declares it"]);
}
