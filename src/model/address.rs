//! A mail address: exactly one mailbox, safe in a header, and masked wherever it is printed.
//!
//! It takes the addresses that mail services take, not all that RFC 5322 permits: quoted local
//! parts, comments, address literals and groups are refused. Whether the mailbox exists is not
//! known here.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// RFC 5321, 4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
/// RFC 5321, 4.5.3.1.3, less the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 1035, 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
/// Ours: a name longer than this is a mistake or an attack.
const NAME_CHARS_MAX: usize = 128;

/// One mailbox, with the name it is shown under where it has one.
///
/// `Debug` and `Display` mask it (`u***@e***.com`), so no log or error text gives it away; what
/// needs the whole address asks for it by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    mailbox: String,
    name: Option<String>,
}

/// A text that is not one mail address. It names the fault, not the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `local@domain`.
    #[error(
        "not a mail address; write it like `reports@example.com` or `Name <reports@example.com>`"
    )]
    Form,
    /// Line breaks and other control characters could add headers to a mail.
    #[error("a mail address holds a line break or another control character")]
    Control,
    /// A character that only a quoted local part may hold, or one outside of ASCII.
    #[error("the part before the @ holds a character that mail services refuse")]
    LocalPart,
    /// Not a domain name; international ones have an ASCII form.
    #[error("the part after the @ is no domain name; write an international one as `xn--...`")]
    Domain,
    /// Beyond the limits of RFC 5321, or a very long name.
    #[error("a mail address is too long")]
    TooLong,
}

impl Address {
    /// The whole mailbox as it was written, `reports@example.com`, with the domain in lower case.
    #[must_use]
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// The name it is shown under.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The domain, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.mailbox.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// What tells one recipient from another: the mailbox in lower case. Mail systems may tell
    /// `A@x` from `a@x`, but none in use does, and one person must not get two mails.
    #[must_use]
    pub fn identity(&self) -> String {
        self.mailbox.to_ascii_lowercase()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let text = text.trim();
        let (name, mailbox) = match text.strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or(AddressError::Form)?,
            None => ("", text),
        };
        let name = unquoted(name.trim())?;
        let (local, domain) = mailbox.rsplit_once('@').ok_or(AddressError::Form)?;
        check_local_part(local)?;
        check_domain(domain)?;
        if mailbox.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { mailbox: format!("{local}@{}", domain.to_ascii_lowercase()), name })
    }
}

/// A display name without the quotes around it; `None` where it is empty.
fn unquoted(name: &str) -> Result<Option<String>, AddressError> {
    let bare = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name);
    if bare.contains(['"', '<', '>', '\\']) {
        return Err(AddressError::Form);
    }
    if bare.chars().count() > NAME_CHARS_MAX {
        return Err(AddressError::TooLong);
    }
    Ok((!bare.is_empty()).then(|| bare.to_owned()))
}

/// RFC 5322's dot-atom: runs of these characters with single dots between them.
fn check_local_part(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::Form);
    }
    if local.len() > LOCAL_PART_BYTES_MAX {
        return Err(AddressError::TooLong);
    }
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.split('.').all(is_atom) { Ok(()) } else { Err(AddressError::LocalPart) }
}

fn check_domain(domain: &str) -> Result<(), AddressError> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name without a dot resolves in one network only, and mail services refuse it.
    let named = domain.contains('.') && domain.split('.').all(is_label);
    if named { Ok(()) } else { Err(AddressError::Domain) }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |text: &str| text.chars().next().unwrap_or('*');
        let top = self.mailbox.rsplit_once('.').map_or("", |(_, top)| top);
        write!(f, "{}***@{}***.{top}", first(&self.mailbox), first(self.domain()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

super::written::text_schema!(Address, {
    "type": "string", "title": "mail address", "pattern": "@",
    "examples": ["reports@example.com", "Reports <reports@example.com>"]
});

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> AddressError {
        text.parse::<Address>().expect_err(text)
    }

    #[test]
    fn one_mailbox_with_or_without_a_name() {
        let plain: Address = "Ada.L+cost@Example.COM".parse().unwrap();
        assert_eq!(plain.mailbox(), "Ada.L+cost@example.com");
        assert_eq!(plain.identity(), "ada.l+cost@example.com");
        assert_eq!((plain.name(), plain.domain()), (None, "example.com"));
        let named: Address = " \"Müller, Data\" <data@example.com> ".parse().unwrap();
        assert_eq!(named.name(), Some("Müller, Data"));
        assert_eq!(named.mailbox(), "data@example.com");
    }

    #[test]
    fn what_could_carry_a_second_address_or_a_header_is_refused() {
        assert_eq!(refused("a@example.com\r\nBcc: b@example.com"), AddressError::Control);
        assert_eq!(refused("Name\n <a@example.com>"), AddressError::Control);
        assert_eq!(refused("a\0@example.com"), AddressError::Control);
        assert_eq!(refused("a@example.com, b@example.com"), AddressError::LocalPart);
        assert_eq!(refused("<a@example.com>, <b@example.com>"), AddressError::Form);
        assert_eq!(refused("a@example.com>,<b@example.com>"), AddressError::Form);
        assert_eq!(refused("a@b@example.com"), AddressError::LocalPart);
        assert_eq!(refused("\"a b\"@example.com"), AddressError::LocalPart);
        assert_eq!(refused("jürgen@example.com"), AddressError::LocalPart);
        assert_eq!(refused("a@exämple.com"), AddressError::Domain);
        assert_eq!(refused("a@localhost"), AddressError::Domain);
        assert_eq!(refused("a@example..com"), AddressError::Domain);
        assert_eq!(refused("a@-example.com"), AddressError::Domain);
        assert_eq!(refused("a@[127.0.0.1]"), AddressError::Domain);
        assert_eq!(refused("example.com"), AddressError::Form);
        assert_eq!(refused(""), AddressError::Form);
        assert_eq!(refused(&format!("{}@example.com", "a".repeat(65))), AddressError::TooLong);
    }

    #[test]
    fn printing_masks_it() {
        let address: Address = "Ursula <ursula@example.com>".parse().unwrap();
        assert_eq!(address.to_string(), "u***@e***.com");
        assert_eq!(format!("{:?}", vec![address]), "[u***@e***.com]");
    }
}
