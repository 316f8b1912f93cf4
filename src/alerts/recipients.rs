//! Who is told what: the people of the platform everything, a team what concerns it, and somebody
//! what nobody else is told.

use std::collections::BTreeMap;

use super::finding::Subject;
use super::settings::AlertSettings;
use crate::model::Recipient;
use crate::ownership::UNALLOCATED;

/// Who is told what.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    platform: Vec<Recipient>,
    teams: BTreeMap<String, Vec<Recipient>>,
    fallback: Vec<Recipient>,
}

impl Recipients {
    /// As configured; a team without an entry of its own has those of the reports.
    #[must_use]
    pub fn new(settings: &AlertSettings, of_reports: &BTreeMap<String, Vec<Recipient>>) -> Self {
        let mut teams = of_reports.clone();
        teams.extend(settings.teams.clone());
        Self { platform: settings.recipients.clone(), teams, fallback: settings.fallback.clone() }
    }

    /// Who is told about a subject, each once, in order. The fallback is for what has no owner that
    /// could be told, beside the people of the platform.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> Vec<Recipient> {
        let owners = match subject.team.as_str() {
            UNALLOCATED => None,
            team => self.teams.get(team).filter(|owners| !owners.is_empty()),
        };
        let unowned = owners.is_none() && (!subject.team.is_empty() || self.platform.is_empty());
        let fallback = self.fallback.iter().filter(|_| unowned);
        let mut of: Vec<_> =
            self.platform.iter().chain(owners.into_iter().flatten()).chain(fallback).collect();
        of.sort_by_cached_key(|recipient| recipient.identity());
        of.dedup_by_key(|recipient| recipient.identity());
        of.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<Recipient> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn platform_people_get_all_owners_theirs_and_the_fallback_the_rest() {
        let settings = AlertSettings {
            recipients: list(&["platform@example.com"]),
            teams: BTreeMap::from([("orders".into(), list(&["orders-slack"]))]),
            fallback: list(&["duty@example.com"]),
            ..AlertSettings::default()
        };
        let of_reports = BTreeMap::from([
            ("orders".to_owned(), list(&["orders@example.com"])),
            ("sales".to_owned(), list(&["sales@example.com", "Platform@example.com"])),
        ]);
        let recipients = Recipients::new(&settings, &of_reports);
        let of = |team: &str| recipients.of(&Subject::team(team));
        assert_eq!(of("orders"), list(&["orders-slack", "platform@example.com"]));
        // One person, one message.
        assert_eq!(of("sales"), list(&["platform@example.com", "sales@example.com"]));
        assert_eq!(of("unknown"), list(&["duty@example.com", "platform@example.com"]));
        assert_eq!(of(UNALLOCATED), list(&["duty@example.com", "platform@example.com"]));
        assert_eq!(of(""), list(&["platform@example.com"]));
        let alone = AlertSettings { recipients: Vec::new(), ..settings };
        let of = Recipients::new(&alone, &BTreeMap::new()).of(&Subject::default());
        assert_eq!(of, list(&["duty@example.com"]));
    }
}
