//! Who is told something: a mailbox, or a channel that the configuration names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Address, AddressError};

/// The longest name of a channel.
const NAME_BYTES_MAX: usize = 64;

/// Who is told something. As text an address where there is an `@` in it, else a channel's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A mailbox.
    Mail(Address),
    /// A channel of the configuration, by its name: lower-case letters, digits and dashes.
    Channel(String),
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// It is no mailbox.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It is no name of a channel.
    #[error(
        "`{0}` is neither an address nor a channel's name (lower-case letters, digits, dashes)"
    )]
    Name(String),
}

impl Recipient {
    /// In full: the mailbox without the name it is shown under, or the channel's name.
    #[must_use]
    pub fn in_full(&self) -> &str {
        match self {
            Self::Mail(address) => address.mailbox(),
            Self::Channel(name) => name,
        }
    }

    /// What tells one recipient from another: addresses in lower case, because one person must not
    /// be told twice.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Mail(address) => address.identity(),
            Self::Channel(name) => name.clone(),
        }
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if text.contains('@') {
            return Ok(Self::Mail(text.parse()?));
        }
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part);
        if is_name {
            Ok(Self::Channel(text.to_owned()))
        } else {
            Err(RecipientError::Name(text.chars().take(NAME_BYTES_MAX).collect()))
        }
    }
}

/// Masked as addresses are.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(address) => address.fmt(f),
            Self::Channel(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// In full: what is stored must lead back to the recipient.
impl Serialize for Recipient {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mail(address) => match address.name() {
                Some(name) => to.collect_str(&format_args!("\"{name}\" <{}>", address.mailbox())),
                None => to.serialize_str(address.mailbox()),
            },
            Self::Channel(name) => to.serialize_str(name),
        }
    }
}

super::written::text_schema!(Recipient, {
    "type": "string", "title": "mail address or channel",
    "examples": ["data-platform@example.com", "ops-slack"]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_name_that_reads_back() {
        for text in ["data@example.com", "\"Data, all\" <data@example.com>", "ops-slack-2"] {
            let recipient: Recipient = text.parse().unwrap();
            assert_eq!(serde_json::to_value(&recipient).unwrap(), text);
        }
        for text in ["", "Ops", "a b", "https://hooks.example.com/x", "@", "a@b"] {
            assert!(text.parse::<Recipient>().is_err(), "{text}");
        }
        let shown = format!("{:?}", "data@example.com".parse::<Recipient>().unwrap());
        assert_eq!(shown, "d***@e***.com");
    }
}
