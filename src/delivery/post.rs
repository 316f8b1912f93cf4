//! A post as a value, before it takes a channel's form: a title, sections, and of each thing what
//! is to be said. Texts may hold anything; every form shows them as they are and obeys nothing in
//! them. As much is shown as the form has room for, and how much is not is said.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::render::RenderError;
use super::sender::{Draft, Ready};
use super::{slack, sns, teams};
use crate::model::Occurrence;

/// Which form a post takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text, for SNS.
    Text,
    /// Slack's blocks.
    Slack,
    /// Teams' adaptive card.
    Teams,
}

/// One post to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Which form it takes.
    pub form: Form,
    /// The title: one line.
    pub title: String,
    /// What is said before all: one line.
    pub intro: String,
    /// The parts, the most important first.
    pub sections: Vec<PostSection>,
    /// Where all of it is, for when not all is shown: one line.
    pub whole: String,
    /// What "now" was.
    pub date: Timestamp,
    /// The occurrence's stable key.
    pub key: String,
}

/// A part of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostSection {
    /// Its title.
    pub title: String,
    /// How many things it has, in the post or not.
    pub total: usize,
    /// The things, by what they are about.
    pub groups: Vec<PostGroup>,
}

/// Things about the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostGroup {
    /// What they are about.
    pub name: String,
    /// What else tells it apart.
    pub place: String,
    /// The things.
    pub items: Vec<PostItem>,
}

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostItem {
    /// What.
    pub text: String,
    /// What belongs to it, a line each.
    pub lines: Vec<String>,
    /// Where more of it is, on the web.
    pub link: Option<String>,
}

/// A post as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostReady {
    /// The occurrence's key.
    pub key: String,
    /// The title, for channels that want it apart.
    pub title: String,
    /// The text or the JSON.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
}

impl Ready for PostReady {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Form {
    /// How many things are shown at most, and the most bytes. What a channel takes is more than
    /// anybody reads in it.
    const fn limits(self) -> (usize, usize) {
        match self {
            Self::Text => (sns::ITEMS_MAX, sns::BYTES_MAX),
            Self::Slack => (slack::ITEMS_MAX, slack::BYTES_MAX),
            Self::Teams => (teams::ITEMS_MAX, teams::BYTES_MAX),
        }
    }

    fn bytes_of(self, post: &Post) -> Vec<u8> {
        match self {
            Self::Text => sns::text(post).into_bytes(),
            Self::Slack => slack::blocks(post).to_string().into_bytes(),
            Self::Teams => teams::card(post).to_string().into_bytes(),
        }
    }
}

impl Draft for Post {
    type Ready = PostReady;

    fn bind(&mut self, occurrence: &Occurrence) {
        self.key = occurrence.key();
    }

    fn marked_as_possible_duplicate(mut self) -> Self {
        self.title = format!("[possible duplicate] {}", self.title);
        self
    }

    /// Never fails: what does not fit is counted.
    fn render(&self, _size_max: usize) -> Result<PostReady, RenderError> {
        let (items_max, bytes_max) = self.form.limits();
        let mut shown = items_max;
        let bytes = loop {
            let bytes = self.form.bytes_of(&self.cut_to(shown));
            if bytes.len() <= bytes_max || shown == 0 {
                break bytes;
            }
            shown = shown * 2 / 3;
        };
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        Ok(PostReady { key: self.key.clone(), title: self.title.clone(), bytes, sha256 })
    }

    fn date(&self) -> Timestamp {
        self.date
    }
}

impl Post {
    /// The post with so many things at most, from the first on.
    fn cut_to(&self, items_max: usize) -> Self {
        let mut room = items_max;
        let mut sections = self.sections.clone();
        for section in &mut sections {
            for group in &mut section.groups {
                group.items.truncate(room);
                room -= group.items.len();
            }
            section.groups.retain(|group| !group.items.is_empty());
        }
        Self { sections, ..self.clone() }
    }

    /// What is said where not all of it is shown.
    pub(super) fn cut_notice(&self) -> Option<String> {
        let total: usize = self.sections.iter().map(|section| section.total).sum();
        let shown: usize = self.sections.iter().map(PostSection::shown).sum();
        (shown < total).then(|| format!("… and {} more. {}", total - shown, self.whole))
    }
}

impl PostSection {
    /// Its title, with how many of it are shown where that is not all.
    pub(super) fn heading(&self) -> String {
        match self.shown() {
            shown if shown < self.total => format!("{} ({shown} of {})", self.title, self.total),
            _ => self.title.clone(),
        }
    }

    fn shown(&self) -> usize {
        self.groups.iter().map(|group| group.items.len()).sum()
    }
}

impl PostGroup {
    /// Name and place on one line.
    pub(super) fn heading(&self) -> String {
        let Self { name, place, .. } = self;
        if place.is_empty() { name.clone() } else { format!("{name}  ({place})") }
    }
}

/// A text of at most so many characters.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max.saturating_sub(1)) {
        Some((at, last)) if at + last.len_utf8() < text.len() => format!("{}…", &text[..at]),
        _ => text.to_owned(),
    }
}

/// A link that no channel could read as anything else.
pub(super) fn safe_link(link: &str) -> Option<&str> {
    let is_safe = |b: u8| b.is_ascii_graphic() && !b"<>|\"'\\`".contains(&b);
    (link.starts_with("https://") && link.bytes().all(is_safe)).then_some(link)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::*;

    /// A post of so many things, each saying `text`.
    pub(in super::super) fn post(form: Form, things: usize, text: &str) -> Post {
        let item = PostItem {
            text: text.to_owned(),
            lines: vec![text.to_owned(), "Mend it".to_owned()],
            link: Some("https://eu-west-1.console.aws.amazon.com/glue/x".to_owned()),
        };
        let group = PostGroup { name: text.to_owned(), place: "glue".into(), items: vec![item] };
        let total = things;
        let groups = vec![group; things.min(200)];
        Post {
            form,
            title: format!("{things} critical: {text}"),
            intro: "As of now.".into(),
            sections: vec![PostSection { title: "Critical".into(), total, groups }],
            whole: "All are in the mail.".into(),
            date: Timestamp::UNIX_EPOCH,
            key: "k".into(),
        }
    }

    /// Every string in a JSON value that is a value of such a key.
    pub(in super::super) fn strings<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    found.extend(member.as_str().filter(|_| name == key));
                    strings(member, key, found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
            _ => {}
        }
    }

    #[test]
    fn a_hundred_thousand_things_fit_each_form_and_are_counted() {
        for (form, bytes_max) in
            [(Form::Text, 262_144), (Form::Slack, 13_172), (Form::Teams, 28_000)]
        {
            for text in ["ü".repeat(400), "\"".repeat(400), "x".repeat(20)] {
                let ready = post(form, 100_000, &text).render(0).unwrap();
                assert!(ready.bytes.len() <= bytes_max, "{form:?} {}", ready.bytes.len());
                let said = String::from_utf8(ready.bytes).unwrap();
                let more = said.split("… and ").nth(1).unwrap();
                let more: usize = more.split(' ').next().unwrap().parse().unwrap();
                assert!((99_800..100_000).contains(&more), "{form:?}: {more} more");
                assert!(said.contains(&format!("({} of 100000)", 100_000 - more)), "{form:?}");
                assert!(said.contains("All are in the mail."));
            }
        }
        let small = post(Form::Text, 2, "x").render(0).unwrap();
        assert!(!String::from_utf8(small.bytes).unwrap().contains("more"));
    }

    #[test]
    fn texts_are_cut_by_characters_and_links_checked() {
        assert_eq!((cut("äöü", 3), cut("äöüß", 3)), ("äöü".into(), "äö…".into()));
        assert_eq!(cut("", 3), "");
        assert!(safe_link("https://x/y#z?a=b%20c").is_some());
        for link in ["http://x", "https://x|y", "https://x>y", "https://x y", "javascript:x"] {
            assert_eq!(safe_link(link), None, "{link}");
        }
    }
}
