//! A mail as a value, before it is rendered: who writes what to whom, with which files.

use std::borrow::Cow;

use jiff::Timestamp;

use super::contents::Contents;
use super::render::{RenderError, Rendered};
use super::sender::{Draft, Ready};
use crate::model::{Address, Occurrence, Recipient, SentFile};

/// A file that goes with a mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The name it is saved under: `runs-2026-W46.csv`.
    pub file_name: String,
    /// Its media type: `text/csv`.
    pub content_type: String,
    /// The file. Shared, because one report's files go to many recipients.
    pub bytes: Contents,
}

/// One mail to one recipient.
///
/// Texts may hold anything: job names and error texts of others end up in them. What cannot stand
/// in a header is taken out when the message is rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who writes. Its domain also names the message.
    pub from: Address,
    /// The one recipient.
    pub to: Address,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Address>,
    /// The subject.
    pub subject: String,
    /// The text part, with the same numbers as the HTML.
    pub text: String,
    /// The HTML part, complete and with its styles inside.
    pub html: String,
    /// The files, the most important first: they are kept in this order while they fit.
    pub attachments: Vec<Attachment>,
    /// The mail's date: the report's `now`, so that a repeat gives the same bytes.
    pub date: Timestamp,
    /// The occurrence's stable key ([`crate::model::Occurrence::key`]): it names the message, the
    /// header to search for, and the outbox file.
    pub key: String,
}

impl Draft for Message {
    type Ready = Rendered;

    fn bind(&mut self, occurrence: &Occurrence) {
        if let Recipient::Mail(to) = &occurrence.recipient {
            self.to = to.clone();
        }
        self.key = occurrence.key();
    }

    fn marked_as_possible_duplicate(mut self) -> Self {
        self.subject = format!("[possible duplicate] {}", self.subject);
        self
    }

    fn render(&self, size_max: usize) -> Result<Rendered, RenderError> {
        Self::render(self, size_max)
    }

    fn date(&self) -> Timestamp {
        self.date
    }
}

impl Ready for Rendered {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn files(&self) -> Vec<SentFile> {
        self.files.clone()
    }

    fn left_out(&self) -> Vec<String> {
        self.left_out.iter().map(|left| left.file_name.clone()).collect()
    }
}

/// Subjects beyond this many characters are cut; readers show fewer than a hundred.
const SUBJECT_CHARS_MAX: usize = 250;

/// A text as one line of a header: line breaks and other control characters become spaces, and
/// characters that are not seen but turn the direction of what is read are taken out. What looks
/// like the start of an encoded word is taken apart, or readers would decode line breaks from it.
pub(super) fn one_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !is_invisible_format(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    let mut line = visible.split_whitespace().collect::<Vec<_>>().join(" ").replace("=?", "= ?");
    if let Some((cut, _)) = line.char_indices().nth(SUBJECT_CHARS_MAX) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// The characters that turn text around or hide inside it (Unicode Technical Report 36, 2.5).
const fn is_invisible_format(c: char) -> bool {
    matches!(
        c,
        '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

/// A file name without a path, quotes or control characters.
pub(super) fn safe_file_name(name: &str) -> String {
    let name = one_line(name).replace(['/', '\\', '"', ':', '<', '>', '|', '?', '*'], "_");
    let name = name.trim_start_matches('.');
    if name.is_empty() { "attachment".to_owned() } else { name.to_owned() }
}

/// The one parameter that media types have here.
const UTF8: &str = "; charset=utf-8";

/// A media type as it is when it is one, else the type of any bytes.
pub(super) fn safe_content_type(content_type: &str) -> Cow<'_, str> {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let bare = content_type.strip_suffix(UTF8).unwrap_or(content_type);
    // SES takes at most 78 characters.
    let is_media_type = content_type.len() <= 78
        && bare.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub));
    Cow::Borrowed(if is_media_type { content_type } else { "application/octet-stream" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_line_has_no_breaks_and_an_end() {
        assert_eq!(one_line("a\r\nBcc: b@example.com"), "a Bcc: b@example.com");
        assert_eq!(one_line("\u{0}a\u{7f}\u{85}b\u{2028}c\t d "), "a b c d");
        assert_eq!(one_line("cost \u{202e}drop\u{2066}!"), "cost drop!");
        assert_eq!(one_line("=?utf-8?q?x=0D=0A?="), "= ?utf-8?q?x=0D=0A?=");
        assert_eq!(one_line("Kosten für Köln 💶"), "Kosten für Köln 💶");
        let long = one_line(&"ü".repeat(300));
        assert_eq!(long.chars().count(), SUBJECT_CHARS_MAX + 1);
    }

    #[test]
    fn file_names_and_media_types_are_harmless() {
        assert_eq!(safe_file_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_file_name("a\r\nX: \"b\".csv"), "a X_ _b_.csv");
        assert_eq!(safe_file_name("\n"), "attachment");
        for known in ["text/csv", "text/csv; charset=utf-8"] {
            assert_eq!(safe_content_type(known), known);
        }
        for odd in [
            "text/csv\r\nX-Evil: 1",
            "text",
            "text/csv; a=b",
            "text/csv; charset=utf-8; charset=utf-8",
            "/",
            "",
        ] {
            assert_eq!(safe_content_type(odd), "application/octet-stream");
        }
    }
}
