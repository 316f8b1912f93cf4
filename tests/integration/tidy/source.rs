//! A Rust file as the checks see it: its text, and its code with comments and literals blanked out,
//! so that a word in a sentence is never taken for a word of the language.

use std::fs;
use std::path::Path;

/// A Rust file.
pub(crate) struct Source {
    /// The path from the top of the repository, with slashes.
    pub(crate) path: String,
    /// The file as it stands.
    pub(crate) text: String,
    /// The same with the same line breaks, but every comment and literal replaced by spaces.
    pub(crate) code: String,
}

impl Source {
    /// A file that is not on the disk.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// Every Rust file below a folder of the repository, in order.
    pub(crate) fn of_folder(folder: &str) -> Vec<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        collect(top, &top.join(folder), &mut found);
        assert!(!found.is_empty(), "no Rust file below {folder}");
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The code up to the unit tests at the file's foot, and those.
    pub(crate) fn code_and_tests(&self) -> (&str, &str) {
        self.code.split_at(self.code.find("#[cfg(test)]").unwrap_or(self.code.len()))
    }

    /// A place in the file, for a message.
    pub(crate) fn at(&self, offset: usize) -> String {
        format!("{}:{}", self.path, self.line_of(offset))
    }

    /// The number of the line that a byte is in, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }
}

fn collect(top: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Replaces each byte of comments and literals by a space, and keeps line breaks.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = comment_or_literal(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// How many bytes of a comment or literal the text begins with; 0 where it begins with neither.
fn comment_or_literal(text: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let to = |end: Option<usize>| end.unwrap_or(text.len());
    if text.starts_with("//") {
        to(text.find('\n'))
    } else if text.starts_with("/*") {
        block_comment(text)
    } else if text.starts_with('"') {
        to(quoted(text, '"'))
    } else if text.starts_with('\'') {
        character(text)
    } else if !in_word && text.starts_with(['r', 'b', 'c']) {
        raw_string(text)
    } else {
        0
    }
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text.as_bytes()[at..(at + 2).min(text.len())] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The end of a literal that a quote opens and closes and a backslash escapes in.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return Some(at + letter.len_utf8()),
            _ => {}
        }
    }
    None
}

/// A character literal, unless it is a lifetime: that has no closing quote after one letter.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => quoted(text, '\'').unwrap_or(text.len()),
        (_, Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// `r"..."`, `r#"..."#`, `br"..."`, `cr"..."`. (The plain kinds are found at their quote.)
fn raw_string(text: &str) -> usize {
    let prefix = text.len() - text.trim_start_matches(['b', 'c']).len();
    let Some(rest) = text[prefix..].strip_prefix('r') else { return 0 };
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if prefix > 1 || !rest[hashes..].starts_with('"') {
        return 0;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    let body = prefix + 1 + hashes + 1;
    text[body..].find(&closing).map_or(text.len(), |end| body + end + closing.len())
}

#[test]
fn comments_and_literals_are_blanked() {
    let blanked = |text| Source::new("x.rs", text).code.split_whitespace().collect::<String>();
    assert_eq!(blanked("a // b\nc /* d /* e */ f */ g"), "acg");
    assert_eq!(blanked(r#"a("b \" c", 'd', '\'', b"e")"#), "a(,,,b)");
    assert_eq!(blanked(r##"a(r#"b " c"#, br"d\", r"e")"##), "a(,,)");
    assert_eq!(blanked("fn a<'b>(c: &'b str) -> d"), "fna<'b>(c:&'bstr)->d");
    assert_eq!(blanked("for_each(barr, r#type)"), "for_each(barr,r#type)");
}

#[test]
fn lines_stay_where_they_are() {
    let source = Source::new("x.rs", "/* 1\n2 */ \"3\n4\"\nfn x() {} // 5");
    assert_eq!(source.at(source.code.find("fn x").unwrap()), "x.rs:4");
}
