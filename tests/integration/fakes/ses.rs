//! SES v2 in rest-json, as far as one can look at it: the account, identities, configuration sets
//! and the suppression list. It takes no mail.

use std::collections::BTreeMap;

use axum::http::{Method, Uri};
use serde_json::{Value, json};

use super::{Answer, Asked, percent_decoded};

/// What SES knows in one account and region.
pub(crate) struct Ses {
    pub(crate) in_production: bool,
    pub(crate) may_send: bool,
    /// The quota of 24 hours, and what was sent of it.
    pub(crate) quota: (f64, f64),
    /// Addresses and domains, and whether each is verified.
    pub(crate) identities: BTreeMap<String, bool>,
    pub(crate) configuration_sets: Vec<String>,
    /// Addresses, and why they get nothing.
    pub(crate) suppressed: BTreeMap<String, &'static str>,
}

impl Default for Ses {
    fn default() -> Self {
        Self {
            in_production: true,
            may_send: true,
            quota: (50_000.0, 10.0),
            identities: BTreeMap::new(),
            configuration_sets: Vec::new(),
            suppressed: BTreeMap::new(),
        }
    }
}

impl Ses {
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let name = asked.input["name"].as_str().unwrap_or("");
        let missing = || Answer::error(404, "NotFoundException", &format!("{name} does not exist"));
        match asked.operation.as_str() {
            "GetAccount" => Answer::ok(&json!({
                "ProductionAccessEnabled": self.in_production,
                "SendingEnabled": self.may_send,
                "SendQuota": { "Max24HourSend": self.quota.0, "MaxSendRate": 14.0,
                               "SentLast24Hours": self.quota.1 },
            })),
            "GetEmailIdentity" => self.identities.get(name).map_or_else(missing, |verified| {
                Answer::ok(&json!({
                    "VerifiedForSendingStatus": verified,
                    "DkimAttributes": { "SigningEnabled": true, "Status": "SUCCESS" },
                }))
            }),
            "GetConfigurationSet" if self.configuration_sets.iter().any(|set| set == name) => {
                Answer::ok(&json!({ "ConfigurationSetName": name }))
            }
            "GetSuppressedDestination" => match self.suppressed.get(name) {
                Some(reason) => Answer::ok(&json!({ "SuppressedDestination": {
                    "EmailAddress": name, "Reason": reason, "LastUpdateTime": 1_700_000_000
                }})),
                None => missing(),
            },
            _ => missing(),
        }
    }
}

/// The operation behind a path, and whose name it ends in.
pub(crate) fn understand(method: &Method, uri: &Uri) -> (String, Value) {
    let parts: Vec<String> = uri.path().split('/').skip(3).map(percent_decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (operation, name) = match parts[..] {
        _ if method != Method::GET => ("NotReading", ""),
        ["account"] => ("GetAccount", ""),
        ["identities", name] => ("GetEmailIdentity", name),
        ["configuration-sets", name] => ("GetConfigurationSet", name),
        ["suppression", "addresses", name] => ("GetSuppressedDestination", name),
        _ => ("Unknown", ""),
    };
    (operation.to_owned(), json!({ "name": name }))
}
