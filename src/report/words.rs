//! Hostile text made safe to show and cut to fit: names, errors and tags come from other people.
//!
//! HTML escaping is the template engine's work. What is done here holds for every output: nothing
//! invisible stays invisible, so no name can move a terminal's cursor, break a header line or turn
//! the reading direction of what follows it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with every control character, line break and invisible mark spelled out, as
/// `\u{1b}`. Ordinary letters of any script stay.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// An account by its name, where it has one, and its id.
#[must_use]
pub fn account_shown(account: &str, name: Option<&str>) -> String {
    name.map_or_else(
        || visible(account),
        |name| format!("{} ({})", visible(name), visible(account)),
    )
}

/// A JSON text in which invisible characters are escaped: a program reads the same, and a terminal
/// that it is printed on obeys nobody.
#[must_use]
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        // Line breaks inside of JSON's texts are escaped already; these are between its members.
        if character != '\n' && is_invisible(character) {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            shown.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters and those that Unicode reserves for steering the text around them:
/// zero-width marks, line and paragraph separators, bidirectional overrides, tags.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// How many columns a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The visible text in at most `columns` columns: where it is longer, its middle gives way to `…`,
/// because names of one family differ at their ends.
#[must_use]
pub fn shortened(text: &str, columns: usize) -> String {
    let text = visible(text);
    if width(&text) <= columns {
        return text;
    }
    let room = columns.saturating_sub(1);
    let head = take(text.chars(), room.div_ceil(2));
    let tail: Vec<char> = take(text.chars().rev(), room / 2).chars().rev().collect();
    format!("{head}…{}", tail.into_iter().collect::<String>())
}

/// The first characters that fit in so many columns.
fn take(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// The text broken into lines of at most `columns` columns, where it has spaces. It is taken to
/// stand behind a mark of `indent` columns, and its further lines begin with as many spaces. A
/// word longer than a line has one to itself.
#[must_use]
pub fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut used = indent;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let needed = width(word);
        if used > indent && used + 1 + needed > columns {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else if used > indent {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += needed;
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_stays_invisible() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("two\r\nlines"), "two\\r\\nlines");
        assert_eq!(visible("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
        assert_eq!(visible("Größe 日本 ok"), "Größe 日本 ok");
    }

    #[test]
    fn json_says_the_same_without_invisible_characters() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}b\nc\u{e0041}ü";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let shown = visible_json(&json);
        assert!(shown.chars().all(|c| c == '\n' || !is_invisible(c)), "{shown:?}");
        assert!(shown.contains("\\u001b[2J\\u009b\\u202eb\\nc\\udb40\\udc41ü"), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
    }

    #[test]
    fn the_middle_gives_way() {
        assert_eq!(shortened("orders", 6), "orders");
        assert_eq!(shortened("orders-enrich-eu", 9), "orde…h-eu");
        assert_eq!(shortened("日本日本日本", 7), "日…本");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two three", 10, 2), "one two\n  three");
        assert_eq!(wrapped("one two three", 9, 2), "one two\n  three");
        assert_eq!(wrapped("one two three", 8, 2), "one\n  two\n  three");
        assert_eq!(wrapped("https://example.com/long x", 8, 0), "https://example.com/long\nx");
    }

    proptest! {
        #[test]
        fn shortened_text_fits_and_is_visible(text in any::<String>(), columns in 1_usize..40) {
            let short = shortened(&text, columns);
            prop_assert!(width(&short) <= columns);
            prop_assert!(!short.chars().any(is_invisible));
        }

        #[test]
        fn wrapping_keeps_every_word(text in "[a-z ]{0,200}", columns in 10_usize..60) {
            let lines = wrapped(&text, columns, 2);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&lines), words(&text));
            let fits = |line: &str| {
                let longest = line.split_whitespace().map(width).max().unwrap_or(0);
                width(line) <= columns || longest + 2 > columns
            };
            prop_assert!(format!("- {lines}").lines().all(fits), "{}", lines);
        }
    }
}
