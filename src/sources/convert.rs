//! What the conversions of both engines share: why a record cannot become a run, and the limits
//! that a record from outside is held to before it is stored.

use std::collections::BTreeMap;

/// Characters of an error text that are kept. AWS's own texts are shorter; a stack trace is not.
const ERROR_CHARS_MAX: usize = 4_000;

/// Bytes of a run id, an application id or another word of AWS's; its own limit for ids is 255.
const WORD_BYTES_MAX: usize = 255;

/// Bytes of a name that a person gave: 256 characters in AWS, of four bytes at most.
const NAME_BYTES_MAX: usize = 1_024;

/// Bytes of all tags of a run. AWS allows 200 of 128 and 256 characters; an item of the store holds
/// 400 kB in all.
const TAG_BYTES_MAX: usize = 100_000;

/// Bytes of all unknown members that a run keeps, names included.
const UNKNOWN_BYTES_MAX: usize = 2_048;

/// Characters of a name or value from outside that an error shows.
const SHOWN_CHARS_MAX: usize = 40;

/// Texts that mark a member which may hold job arguments or secrets, in lower case. A member that
/// escapes plain characters (`\u00..`) could hide one of them, so it counts as marked too.
const NEVER_STORED: [&str; 9] = [
    "argument",
    "parameter",
    "environment",
    "password",
    "secret",
    "credential",
    "token",
    "\"--",
    "\\u00",
];

/// Why a record is not a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A member without which a run has no identity or no state.
    #[error("{record} without `{member}`")]
    Missing {
        /// What the record was taken for.
        record: &'static str,
        /// The member, as the source names it.
        member: &'static str,
    },
    /// The member is there twice, with no telling which is meant.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// The member's value is of another kind.
    #[error("`{member}` should be {expected}, and is {found}")]
    Unexpected {
        /// The member.
        member: String,
        /// What was expected, with an example.
        expected: &'static str,
        /// The beginning of what was found.
        found: String,
    },
    /// The member is longer than anything that AWS hands out.
    #[error("`{member}` is longer than {limit} bytes")]
    TooLong {
        /// The member.
        member: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// An EventBridge event that neither engine sends.
    #[error("an event of `{0}`, where `aws.glue` or `aws.emr-serverless` was expected")]
    ForeignEvent(String),
}

impl ConvertError {
    /// A member is there twice.
    pub(super) fn twice(member: &str) -> Self {
        Self::Twice(shown(member))
    }

    /// A member's value is `found`, where something else was expected.
    pub(super) fn unexpected(member: &str, expected: &'static str, found: &str) -> Self {
        Self::Unexpected { member: shown(member), expected, found: shown(found) }
    }
}

/// The beginning of a text from outside, short enough for an error and harmless to a terminal.
pub(super) fn shown(text: &str) -> String {
    let harmless = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(harmless).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// An id, a state or another word of AWS's, held to its limit; empty is unknown.
pub(super) fn word(
    member: &'static str,
    text: Option<String>,
) -> Result<Option<String>, ConvertError> {
    held_to(WORD_BYTES_MAX, member, text)
}

/// A name that a person gave, held to its limit; empty is unknown.
pub(super) fn name(
    member: &'static str,
    text: Option<String>,
) -> Result<Option<String>, ConvertError> {
    held_to(NAME_BYTES_MAX, member, text)
}

/// Names and ids are refused rather than cut, because two cut ones could become one.
fn held_to(
    limit: usize,
    member: &'static str,
    text: Option<String>,
) -> Result<Option<String>, ConvertError> {
    match text {
        Some(text) if text.len() > limit => Err(ConvertError::TooLong { member, limit }),
        Some(text) if text.is_empty() => Ok(None),
        text => Ok(text),
    }
}

/// A word without which there is no run.
pub(super) fn required(
    record: &'static str,
    member: &'static str,
    text: Option<String>,
) -> Result<String, ConvertError> {
    word(member, text)?.ok_or(ConvertError::Missing { record, member })
}

/// The name of a role, which AWS gives as a name or as an ARN: `analysts` of
/// `arn:aws:iam::111122223333:role/teams/analysts`.
pub(super) fn role_name(role: &str) -> String {
    role.rsplit('/').next().unwrap_or(role).to_owned()
}

/// The run's own tags, held to their limit.
pub(super) fn tags(
    tags: Option<BTreeMap<String, String>>,
) -> Result<Option<BTreeMap<String, String>>, ConvertError> {
    let bytes = |tags: &BTreeMap<String, String>| {
        tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    };
    if tags.as_ref().is_some_and(|tags| bytes(tags) > TAG_BYTES_MAX) {
        return Err(ConvertError::TooLong { member: "tags", limit: TAG_BYTES_MAX });
    }
    Ok(tags)
}

/// An error text, cut where it becomes a log file; empty is none.
pub(super) fn error_text(text: Option<String>) -> Option<String> {
    let mut text = text.filter(|text| !text.is_empty())?;
    if let Some((end, _)) = text.char_indices().nth(ERROR_CHARS_MAX) {
        text.truncate(end);
    }
    Some(text)
}

/// The members of a record that this version does not know, as JSON text, as far as there is room
/// and they cannot hold job arguments. What does not fit is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownMembers {
    members: BTreeMap<String, String>,
    bytes: usize,
}

impl UnknownMembers {
    /// Keeps a member, or drops it.
    pub fn keep(&mut self, name: &str, json: &str) {
        let bytes = name.len() + json.len();
        if self.bytes + bytes > UNKNOWN_BYTES_MAX
            || may_hold_arguments(name)
            || may_hold_arguments(json)
        {
            return;
        }
        // Of two members of one name the first stays: neither means more than the other.
        if !self.members.contains_key(name) {
            self.members.insert(name.to_owned(), json.to_owned());
            self.bytes += bytes;
        }
    }

    /// Lets go of a member that turns out to be known.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some(json) = self.members.remove(name) {
            self.bytes -= name.len() + json.len();
        }
    }

    /// The members that were kept, or `None` where there are none.
    pub(super) fn into_members(self) -> Option<BTreeMap<String, String>> {
        (!self.members.is_empty()).then_some(self.members)
    }
}

fn may_hold_arguments(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NEVER_STORED.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_text_is_cut_between_characters() {
        let long = "ü".repeat(5_000);
        assert_eq!(error_text(Some(long)).unwrap(), "ü".repeat(4_000));
        assert_eq!(error_text(Some("short".into())).unwrap(), "short");
        assert_eq!(error_text(Some(String::new())), None);
    }

    #[test]
    fn errors_show_little_of_what_was_found_and_nothing_that_moves_a_cursor() {
        assert_eq!(shown("\u{1b}[2Jx"), "\u{fffd}[2Jx");
        assert_eq!(shown(&"é".repeat(41)), format!("{}...", "é".repeat(40)));
        assert_eq!(shown(&"é".repeat(40)), "é".repeat(40));
    }

    #[test]
    fn unknown_members_are_bounded_and_never_hold_arguments() {
        let mut unknown = UnknownMembers::default();
        unknown.keep("Colour", "\"blue\"");
        unknown.keep("NonOverridableArguments", "{}");
        unknown.keep("Nested", "{\"JobArguments\":{\"a\":1}}");
        unknown.keep("Escaped", "{\"\\u0041rguments\":1}");
        unknown.keep("Options", "{\"--conf\":1}");
        unknown.keep("Huge", &"9".repeat(3_000));
        unknown.keep("Fits", &"9".repeat(2_000));
        unknown.keep("Over", &"9".repeat(100));
        let kept = unknown.into_members().unwrap();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["Colour", "Fits"]);
    }

    #[test]
    fn ids_are_refused_rather_than_cut() {
        assert!(word("Id", Some("x".repeat(255))).unwrap().is_some());
        let error = word("Id", Some("x".repeat(256))).unwrap_err();
        assert_eq!(error.to_string(), "`Id` is longer than 255 bytes");
        let error = required("a Glue job run", "Id", Some(String::new())).unwrap_err();
        assert_eq!(error.to_string(), "a Glue job run without `Id`");
    }
}
