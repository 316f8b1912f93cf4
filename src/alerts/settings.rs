//! The section `[alerts]` of the configuration: who is told, what is muted, and the rules' limits.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::evaluate::BROKEN;
use super::finding::Finding;
use super::lifecycle::Quiet;
use super::limits;
use super::rule::{self, RULES, Rules, is_rule};
use crate::delivery::ChannelSettings;
use crate::model::written::{AccountId, DayText, PatternText};
use crate::model::{Recipient, utc_day};
use crate::ownership::by_team_respelt;

/// The longest wait for a reminder, in days.
const REMINDER_DAYS_MAX: u32 = 365;

/// What can be set about alerts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Who is told everything: the people of the platform.
    pub recipients: Vec<Recipient>,
    /// Who is told what concerns a team, by team. Teams that are not here have their report's
    /// recipients.
    pub teams: BTreeMap<String, Vec<Recipient>>,
    /// Who is told what nobody else is.
    pub fallback: Vec<Recipient>,
    /// The channels that recipients may be beside mail addresses, by the names they are given here.
    pub channels: BTreeMap<String, ChannelSettings>,
    /// After how many days an alert that lasts is told again, counted from the time before; the
    /// last of them again and again. Empty: never.
    pub reminder_days: Vec<u32>,
    /// What is found and not told for a while. All that is said must fit.
    pub mutes: Vec<Mute>,
    /// What holds for every rule; its own limits stand below, by the rule's code.
    #[schemars(schema_with = "rule::schema")]
    pub rules: BTreeMap<String, toml::Table>,
}

/// What is not told for a while, and why. All that is said must fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// The code of a rule, as `cost-jump`. Of `failure-streak` alone: its failures are then told
    /// one by one by `run-failed` and `run-timeout`; mute these too, or the job.
    pub rule: Option<String>,
    /// What the job's name matches.
    #[schemars(with = "Option<PatternText>")]
    pub job: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The account.
    #[schemars(with = "Option<AccountId>")]
    pub account: Option<String>,
    /// The first UTC day of the silence.
    #[schemars(with = "Option<DayText>")]
    pub from: Option<Date>,
    /// The first UTC day on which it is over.
    #[schemars(with = "Option<DayText>")]
    pub until: Option<Date>,
    /// Why, in a sentence: `alerts --explain` repeats it.
    pub why: String,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct AlertSettingsError {
    /// The path of the key.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            recipients: Vec::new(),
            teams: BTreeMap::new(),
            fallback: Vec::new(),
            channels: BTreeMap::new(),
            reminder_days: vec![1, 3, 7],
            mutes: Vec::new(),
            rules: BTreeMap::new(),
        }
    }
}

impl AlertSettings {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With the first mistake, and the key that it is in.
    pub fn check(&self) -> Result<(), AlertSettingsError> {
        self.rules().and(self.silences()).map(|_| ())?;
        self.check_channels()?;
        let sensible = |days: &u32| (1..=REMINDER_DAYS_MAX).contains(days);
        if self.reminder_days.iter().all(sensible) {
            return Ok(());
        }
        let reason = format!("days from 1 to {REMINDER_DAYS_MAX}");
        Err(AlertSettingsError { key: "alerts.reminder_days".to_owned(), reason })
    }

    /// The same with every team's name spelt as `spell` does: the names by which runs are owned.
    ///
    /// # Errors
    /// Where two names under `teams` are one team's.
    pub fn respelt(mut self, spell: impl Fn(&str) -> String) -> Result<Self, AlertSettingsError> {
        let twice = |reason| AlertSettingsError { key: "alerts.teams".to_owned(), reason };
        self.teams = by_team_respelt(self.teams, &spell).map_err(twice)?;
        for team in self.mutes.iter_mut().filter_map(|mute| mute.team.as_mut()) {
            *team = spell(team);
        }
        self.rules.values_mut().for_each(|section| limits::respell(section, &spell));
        Ok(self)
    }

    /// Channels are whole, and whoever is named is one.
    fn check_channels(&self) -> Result<(), AlertSettingsError> {
        for (name, channel) in &self.channels {
            let is_name = matches!(name.parse(), Ok(Recipient::Channel(_)));
            if !is_name {
                let reason = "a name is of lower-case letters, digits and dashes".to_owned();
                return Err(AlertSettingsError { key: "alerts.channels".to_owned(), reason });
            }
            channel.check().map_err(|(key, reason)| AlertSettingsError {
                key: format!("alerts.channels.{name}.{key}"),
                reason,
            })?;
        }
        let teams = self.teams.iter().map(|(team, to)| (format!("teams.{team}"), to));
        let named =
            [("recipients".to_owned(), &self.recipients), ("fallback".into(), &self.fallback)];
        for (key, to) in named.into_iter().chain(teams) {
            let is_here = |name: &String| self.channels.contains_key(name);
            let unknown =
                |to: &&Recipient| matches!(to, Recipient::Channel(name) if !is_here(name));
            if let Some(recipient) = to.iter().find(unknown) {
                let reason = format!(
                    "`{recipient}` is no address, and there is no [alerts.channels.{recipient}]"
                );
                return Err(AlertSettingsError { key: format!("alerts.{key}"), reason });
            }
        }
        Ok(())
    }

    pub(super) fn rules(&self) -> Result<Rules, AlertSettingsError> {
        Rules::new(&self.rules).map_err(|error| AlertSettingsError {
            key: format!("alerts.rules.{}", error.rule),
            reason: error.reason,
        })
    }

    pub(super) fn silences(&self) -> Result<Silences, AlertSettingsError> {
        let mutes = self.mutes.iter().enumerate();
        mutes.map(|(place, mute)| Silence::new(place, mute)).collect::<Result<_, _>>().map(Silences)
    }

    pub(super) fn reminders(&self) -> Vec<SignedDuration> {
        let days = |days: &u32| SignedDuration::from_hours(i64::from(*days) * 24);
        self.reminder_days.iter().map(days).collect()
    }
}

/// The mutes, ready to be asked.
#[derive(Debug)]
pub(super) struct Silences(Vec<Silence>);

#[derive(Debug)]
struct Silence {
    mute: Mute,
    job: Option<Regex>,
}

impl Silences {
    /// Why a finding is not to be told now, if it is muted.
    pub(super) fn silence(&self, finding: &Finding, now: Timestamp) -> Option<Quiet> {
        let day = utc_day(now);
        let silence = self.0.iter().find(|silence| silence.fits(finding, day))?;
        Some(Quiet::Muted { until: silence.mute.until, why: silence.mute.why.clone() })
    }
}

impl Silence {
    fn new(place: usize, mute: &Mute) -> Result<Self, AlertSettingsError> {
        let wrong = |key: &str, reason: String| AlertSettingsError {
            key: format!("alerts.mutes[{place}]{key}"),
            reason,
        };
        let Mute { rule, job, team, account, from, until, why } = mute;
        if let Some(rule) = rule.as_ref().filter(|rule| !is_rule(rule) && *rule != BROKEN) {
            let codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
            let reason = format!("there is no rule `{rule}`; rules are {}", codes.join(", "));
            return Err(wrong(".rule", reason));
        }
        let job = job.as_deref().map(Regex::new).transpose();
        let job = job.map_err(|error| wrong(".job", error.to_string()))?;
        if rule.is_none() && job.is_none() && team.is_none() && account.is_none() {
            return Err(wrong("", "say what is muted: rule, job, team or account".to_owned()));
        }
        if why.trim().is_empty() {
            return Err(wrong(".why", "say why it is muted".to_owned()));
        }
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            return Err(wrong(".until", format!("{until} is not after {from}")));
        }
        Ok(Self { mute: mute.clone(), job })
    }

    fn fits(&self, finding: &Finding, day: Date) -> bool {
        let Mute { rule, team, account, from, until, job: _, why: _ } = &self.mute;
        let subject = &finding.subject;
        rule.as_ref().is_none_or(|rule| *rule == finding.code)
            && team.as_ref().is_none_or(|team| *team == subject.team)
            && account.as_ref().is_none_or(|account| *account == subject.account)
            && from.is_none_or(|from| day >= from)
            && until.is_none_or(|until| day < until)
            && self
                .job
                .as_ref()
                .is_none_or(|job| !subject.job.is_empty() && job.is_match(&subject.job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::REMINDERS;
    use crate::alerts::finding::{Severity, Subject};

    fn read(text: &str) -> AlertSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_mistake_is_named_with_its_key() {
        let refusal = |text: &str| read(text).check().unwrap_err().to_string();
        let text = refusal("[rules.run-cost]\nlimit_usd = 5");
        assert!(text.starts_with("alerts.rules.run-cost: limit_usd: "), "{text}");
        assert!(refusal("[rules.run-lost]").starts_with("alerts.rules.run-lost: there is no such"));
        assert!(refusal("reminder_days = [0]").starts_with("alerts.reminder_days: "));
        let mute = |text: &str| refusal(&format!("[[mutes]]\nwhy = 'x'\n{text}"));
        assert!(mute("rule = 'run-lost'").starts_with("alerts.mutes[0].rule: there is no rule"));
        assert!(mute("job = '('").starts_with("alerts.mutes[0].job: "));
        assert!(mute("from = '2026-12-01'").contains("say what is muted"));
        assert!(mute("team = 'a'\nfrom = '2026-12-01'\nuntil = '2026-12-01'").contains(".until"));
        assert!(refusal("[[mutes]]\nteam = 'a'\nwhy = ' '").contains(".why"));
        assert!(toml::from_str::<AlertSettings>("recipients = ['nobody here']").is_err());
        let text = refusal("recipients = ['ops']");
        assert!(text.starts_with("alerts.recipients: `ops` is no address, and there is"), "{text}");
        let text = refusal("[channels.Ops]\nkind = 'slack'\nurl = 'env:X'");
        assert!(text.starts_with("alerts.channels: a name is of"), "{text}");
        let text = refusal("[channels.ops]\nkind = 'slack'\nurl = 'https://x.example/secret'");
        assert!(text.starts_with("alerts.channels.ops.url: write where"), "{text}");
        let channel = "recipients = ['ops']\n[channels.ops]\nkind = 'slack'\nurl = 'env:X'";
        assert!(read(channel).check().is_ok());
        assert!(read("").check().is_ok());
        let defaults = AlertSettings::default().reminders();
        assert_eq!(defaults, REMINDERS);
    }

    #[test]
    fn a_mute_holds_for_its_days_and_its_subject_alone() {
        let settings = read(
            "[[mutes]]\nrule = 'run-failed'\njob = '^load'\nfrom = '2026-12-01'\n\
             until = '2026-12-03'\nwhy = 'moved to the new cluster'",
        );
        let silences = settings.silences().unwrap();
        let muted = |code: &str, job: &str, now: &str| {
            let subject = Subject { job: job.into(), ..Subject::default() };
            let finding = Finding::new(code, Severity::Info, subject, String::new());
            silences.silence(&finding, now.parse().unwrap()).is_some()
        };
        assert!(!muted("run-failed", "load-a", "2026-11-30T23:59:59Z"));
        assert!(muted("run-failed", "load-a", "2026-12-01T00:00:00Z"));
        assert!(muted("run-failed", "load-a", "2026-12-02T23:59:59Z"));
        assert!(!muted("run-failed", "load-a", "2026-12-03T00:00:00Z"));
        assert!(!muted("run-timeout", "load-a", "2026-12-02T00:00:00Z"));
        assert!(!muted("run-failed", "unload", "2026-12-02T00:00:00Z"));
    }
}
