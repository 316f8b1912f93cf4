//! The `[mail]` section of the configuration: which way mails leave, from whom, on what terms.

use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::Address;
use crate::model::written::{PathText, SpanText};

/// The terms on which mails leave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The way mails leave.
    #[serde(default)]
    pub via: MailVia,
    /// Who writes. With SES, an address or domain that it has verified.
    pub from: Address,
    /// Where answers go, if not to `from`.
    #[serde(default)]
    pub reply_to: Option<Address>,
    /// With `outbox`: the folder that mails are written to.
    #[serde(default = "outbox_folder")]
    #[schemars(with = "PathText")]
    pub outbox: PathBuf,
    /// The SES configuration set, for its event destinations.
    #[serde(default)]
    pub configuration_set: Option<String>,
    /// How long one mail may take from claim to answer, from 10s to 15m. A start that finds another
    /// at the same mail waits this long at most before it takes over.
    #[serde(default = "one_minute", deserialize_with = "lease")]
    #[serde(serialize_with = "compact::required::serialize")]
    #[schemars(with = "SpanText")]
    pub lease: Duration,
    /// What becomes of a mail of which it is not known whether it left.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// The largest mail in megabytes; larger attachments are left out and named. SES takes 40, but
    /// many mailboxes refuse more than 25.
    #[serde(default = "twenty", deserialize_with = "megabytes")]
    #[schemars(range(min = 1, max = 40))]
    pub max_megabytes: u8,
}

/// The way mails leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailVia {
    /// Each mail is a file in a folder.
    #[default]
    Outbox,
    /// Amazon SES sends them.
    Ses,
}

/// What to do about a mail that may have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// It is left until a person decides: at most one of it.
    #[default]
    Hold,
    /// It is sent again, marked as a possible duplicate: at least one.
    Resend,
}

impl MailSettings {
    /// The largest mail in bytes.
    #[must_use]
    pub fn size_max(&self) -> usize {
        usize::from(self.max_megabytes) * 1_000_000
    }
}

fn outbox_folder() -> PathBuf {
    PathBuf::from("outbox")
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

const fn twenty() -> u8 {
    20
}

/// A lease must outlast a slow answer, and whoever waits for it should not wait all day.
fn lease<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
    match span {
        Some(span) if (Duration::from_secs(10)..=Duration::from_secs(900)).contains(&span) => {
            Ok(span)
        }
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is no lease; write it like \"60s\", from 10s to 15m"
        ))),
    }
}

fn megabytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let number = u8::deserialize(deserializer)?;
    if (1..=40).contains(&number) {
        Ok(number)
    } else {
        Err(serde::de::Error::custom(format!("`{number}` is not within 1 and 40 megabytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MailSettings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sender_is_all_it_takes() {
        let settings = read("from = 'Runledger <runledger@example.com>'").unwrap();
        assert_eq!((settings.via, settings.on_unknown), (MailVia::Outbox, OnUnknown::Hold));
        assert_eq!((settings.lease.as_secs(), settings.size_max()), (60, 20_000_000));
        let full = read(
            "via = 'ses'\nfrom = 'a@example.com'\nreply_to = 'b@example.com'\noutbox = 'x'\n\
             configuration_set = 'c'\nlease = '2m'\non_unknown = 'resend'\nmax_megabytes = 40",
        );
        let full = full.unwrap();
        assert_eq!((full.via, full.lease.as_secs()), (MailVia::Ses, 120));
        assert_eq!((full.on_unknown, full.size_max()), (OnUnknown::Resend, 40_000_000));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |line: &str| read(&format!("from = 'a@example.com'\n{line}")).unwrap_err();
        assert!(error("lease = '5'").contains("write it like \"60s\""));
        assert!(error("lease = '1s'").contains("from 10s to 15m"));
        assert!(error("via = 'smtp'").contains("`outbox` or `ses`"));
        assert!(error("max_megabytes = 41").contains("within 1 and 40"));
        assert!(error("replyto = 'x'").contains("unknown field `replyto`"));
        assert!(read("from = 'nobody'").unwrap_err().contains("write it like `reports@"));
        assert!(read("").unwrap_err().contains("from"));
    }
}
