//! The words of delivery: what is to reach whom, and how far it got.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Recipient;

/// One report for one period for one recipient: the thing that is sent at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// The report's name: `weekly`.
    pub report: String,
    /// The period's name: `2026-W46`.
    pub period: String,
    /// The edition: `all`, or the team whose runs it shows.
    pub edition: String,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// Who gets it.
    pub recipient: Recipient,
    /// A copy that somebody asked for, to try. It is on record, may be had as often as wished, and
    /// never counts as the occurrence.
    pub copy: bool,
}

impl Occurrence {
    /// The edition of the whole company. No team's edition may be called so.
    pub const WHOLE_COMPANY: &str = "all";
    /// The report that alerts are.
    pub const ALERTS: &str = "alerts";

    /// A name for this occurrence alone, the same in every process: `weekly/2026-W46/all/r0/` and
    /// the recipient, in ASCII without spaces. A copy's name begins with `copy/`.
    #[must_use]
    pub fn key(&self) -> String {
        format!(
            "{}{}/{}/{}/r{}/{}",
            if self.copy { "copy/" } else { "" },
            key_part(&self.report),
            key_part(&self.period),
            key_part(&self.edition),
            self.revision,
            key_part(&self.recipient.identity()),
        )
    }
}

/// A file that went with a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentFile {
    /// The name it is saved under.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Bytes of a name that a key shows in full; a longer one ends in its hash.
const KEY_PART_BYTES_MAX: usize = 260;

/// A text as one part of a key: different texts give different parts, and no part holds a
/// separator (`/`, `#`). Names come from tags and configuration, so they may hold anything.
#[must_use]
pub fn key_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.@+:".contains(&byte) {
            part.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(part, "%{byte:02X}");
        }
    }
    if part.len() > KEY_PART_BYTES_MAX {
        part.truncate(KEY_PART_BYTES_MAX / 4);
        let _ = write!(part, "~{:x}", Sha256::digest(text));
    }
    part
}

/// How far an occurrence got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeliveryState {
    /// Somebody holds it, under a lease. Nothing has left yet.
    Claimed,
    /// The call to the mail service is about to be made, or was made.
    Sending,
    /// The mail service has taken it.
    Sent,
    /// The mail service has refused it, or could not be reached. Nothing left.
    Failed,
    /// The call was begun and its end is not known: the mail may have left.
    Unknown,
    /// It did not leave and never will: a later one says what it had to say.
    Withdrawn,
}

impl DeliveryState {
    /// Every state, in the order of a delivery's life.
    pub const ALL: [Self; 6] =
        [Self::Claimed, Self::Sending, Self::Sent, Self::Failed, Self::Unknown, Self::Withdrawn];

    /// The state's word in the ledger and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "CLAIMED",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Unknown => "UNKNOWN",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// The state of that word in the ledger.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn occurrence(report: &str, edition: &str, recipient: &str) -> Occurrence {
        Occurrence {
            report: report.into(),
            period: "2026-W46".into(),
            edition: edition.into(),
            revision: 0,
            recipient: recipient.parse().unwrap(),
            copy: false,
        }
    }

    #[test]
    fn a_key_reads_well_and_never_collides() {
        let plain = occurrence("weekly", "all", "Ada@example.com");
        assert_eq!(plain.key(), "weekly/2026-W46/all/r0/ada@example.com");
        let keys: HashSet<String> = [
            plain.clone(),
            Occurrence { copy: true, ..plain.clone() },
            Occurrence { revision: 1, ..plain },
            occurrence("weekly/2026-W46", "all", "ada@example.com"),
            occurrence("weekly", "a/b", "ada@example.com"),
            occurrence("weekly", "a%2Fb", "ada@example.com"),
            occurrence("weekly", "", "ada@example.com"),
            occurrence("weekly", "Zahlungsläufe", "ada@example.com"),
            occurrence("weekly", &"x".repeat(500), "ada@example.com"),
            occurrence("weekly", &"x".repeat(501), "ada@example.com"),
            occurrence("weekly", "all", "ada"),
        ]
        .iter()
        .map(Occurrence::key)
        .collect();
        assert_eq!(keys.len(), 11);
        assert!(keys.iter().all(|key| key.is_ascii() && key.len() < 1000 && !key.contains('#')));
    }

    #[test]
    fn a_printed_occurrence_masks_its_recipient() {
        let printed = format!("{:?}", occurrence("weekly", "all", "ada@example.com"));
        assert!(printed.contains("a***@e***.com") && !printed.contains("ada@"), "{printed}");
    }

    #[test]
    fn states_have_words() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(DeliveryState::from_word("sent"), None);
    }
}
