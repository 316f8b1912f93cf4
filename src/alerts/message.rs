//! What an evaluation has to tell each recipient: one message, of which every channel makes its
//! own form. Plain values, which can be stored until they have left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evaluate::Evaluation;
use super::finding::{Finding, Severity, Subject, fingerprint};
use super::lifecycle::Notice;
use super::rule;
use crate::model::Recipient;

/// How many alerts a message shows at most; the attached file has all of them.
pub const SHOWN_MAX: usize = 200;

/// What one recipient is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who.
    pub recipient: Recipient,
    /// When it was evaluated.
    pub at: Timestamp,
    /// What, the most severe first, then by subject. Never empty.
    pub news: Vec<News>,
}

/// One alert that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// As what.
    pub notice: Notice,
    /// What makes the alert the same one at other times.
    pub fingerprint: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// What is found, or was when it was told last.
    pub finding: Arc<Finding>,
}

/// A part of a message: what is wrong and how bad, or what is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// How bad; `None` for what is over.
    pub severity: Option<Severity>,
    /// How many alerts it has, shown or not.
    pub total: usize,
    /// The alerts that are shown, by job.
    pub groups: Vec<Group<'a>>,
}

/// The alerts of one job, or of what else they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Whom they are about.
    pub subject: &'a Subject,
    /// What is told of it.
    pub news: Vec<&'a News>,
}

impl Evaluation {
    /// What is to be told, a message for each recipient who is told anything.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let mut messages: BTreeMap<String, Message> = BTreeMap::new();
        for alert in &self.alerts {
            let Ok(notice) = alert.outcome else { continue };
            for recipient in &alert.recipients {
                let message = messages.entry(recipient.identity()).or_insert_with(|| Message {
                    recipient: recipient.clone(),
                    at: self.at,
                    news: Vec::new(),
                });
                message.news.push(News {
                    notice,
                    fingerprint: alert.fingerprint.clone(),
                    opened_at: alert.opened_at,
                    finding: Arc::clone(&alert.finding),
                });
            }
        }
        messages.into_values().collect()
    }
}

impl Message {
    /// This message with what an earlier one, which never left, had to tell: one message that says
    /// how things stand. What was to be told as new and is over again is not told at all. `None`
    /// where nothing is left.
    #[must_use]
    pub fn carrying(self, earlier: Self) -> Option<Self> {
        let mut news: BTreeMap<String, News> =
            earlier.news.into_iter().map(|news| (news.fingerprint.clone(), news)).collect();
        let told: BTreeSet<String> = self.news.iter().map(|now| now.fingerprint.clone()).collect();
        for now in self.news {
            let mut before = news.remove(&now.fingerprint).map(|news| news.notice);
            for part in parts(&now).filter(|part| !told.contains(part)) {
                let is_told = |part: &News| part.finding.severity <= now.finding.severity;
                if news.get(&part).is_some_and(is_told) {
                    before = before.or(news.remove(&part).map(|news| news.notice));
                }
            }
            let notice = match (before, now.notice) {
                (Some(Notice::Open), Notice::Resolved) => continue,
                (Some(Notice::Open), Notice::Worsened | Notice::Remind) => Notice::Open,
                // Its readers were never told that it was over.
                (Some(Notice::Resolved), Notice::Open) => Notice::Worsened,
                (_, now) => now,
            };
            news.insert(now.fingerprint.clone(), News { notice, ..now });
        }
        let mut news: Vec<_> = news.into_values().collect();
        news.sort_by_cached_key(order);
        (!news.is_empty()).then_some(Self { news, ..self })
    }

    /// The sections, the worst first and what is over last, with at most so many alerts in all.
    #[must_use]
    pub fn sections(&self, shown_max: usize) -> Vec<Section<'_>> {
        let severities = [Severity::Critical, Severity::Warning, Severity::Info].map(Some);
        let mut room = shown_max;
        let mut sections = Vec::new();
        for severity in severities.into_iter().chain([None]) {
            let all: Vec<_> = self.news.iter().filter(|news| news.severity() == severity).collect();
            if all.is_empty() {
                continue;
            }
            let shown = &all[..room.min(all.len())];
            room -= shown.len();
            let mut groups: Vec<Group<'_>> = Vec::new();
            for news in shown {
                let subject = &news.finding.subject;
                match groups.iter_mut().find(|group| is_same(group.subject, subject)) {
                    Some(group) => group.news.push(news),
                    None => groups.push(Group { subject, news: vec![news] }),
                }
            }
            sections.push(Section { severity, total: all.len(), groups });
        }
        sections
    }

    /// How many alerts are told as what.
    #[must_use]
    pub fn count(&self, severity: Option<Severity>) -> usize {
        self.news.iter().filter(|news| news.severity() == severity).count()
    }
}

impl News {
    /// How bad it is; `None` where it is over.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        (self.notice != Notice::Resolved).then_some(self.finding.severity)
    }
}

/// The alerts that are told by this one, by fingerprint. Its end tells theirs, but not what never
/// left of them: they would have been dropped when it was told first.
fn parts(news: &News) -> impl Iterator<Item = String> {
    let tells = !matches!(news.notice, Notice::Resolved | Notice::Stale);
    let parts = rule::parts_of(&news.finding.code).iter().filter(move |_| tells);
    parts.map(|part| fingerprint(part, &news.finding.subject))
}

fn order(news: &News) -> (std::cmp::Reverse<Severity>, Subject, String) {
    let Finding { severity, subject, code, .. } = &*news.finding;
    (std::cmp::Reverse(*severity), subject.clone(), code.clone())
}

/// Whether two subjects are the same job, quota or whatever else they are about, by which run
/// ever.
fn is_same(a: &Subject, b: &Subject) -> bool {
    let place = |s: &Subject| {
        let team = if s.engine.is_empty() { s.team.clone() } else { String::new() };
        Subject { run_id: String::new(), application_id: String::new(), team, ..s.clone() }
    };
    place(a) == place(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(notice: Notice, job: &str, code: &str, severity: Severity) -> News {
        let subject = Subject { job: job.into(), ..Subject::default() };
        let finding = Finding::new(code, severity, subject, String::new());
        let (fingerprint, opened_at) = (finding.fingerprint(), Timestamp::UNIX_EPOCH);
        News { notice, fingerprint, opened_at, finding: finding.into() }
    }

    fn message(mut news: Vec<News>) -> Message {
        news.sort_by_cached_key(order);
        Message { recipient: "ops".parse().unwrap(), at: Timestamp::UNIX_EPOCH, news }
    }

    #[test]
    fn sections_are_by_severity_and_groups_by_job() {
        use Notice::{Open, Resolved};
        let message = message(vec![
            news(Open, "b", "run-cost", Severity::Warning),
            news(Open, "a", "run-failed", Severity::Warning),
            news(Open, "b", "run-failed", Severity::Warning),
            news(Resolved, "c", "failure-streak", Severity::Critical),
            news(Open, "a", "failure-streak", Severity::Critical),
        ]);
        let shape = |shown_max| {
            let of = |section: &Section<'_>| {
                let groups = section.groups.iter();
                let groups: Vec<_> =
                    groups.map(|g| format!("{}{}", g.subject.job, g.news.len())).collect();
                let severity = section.severity.map_or("over", Severity::as_str);
                format!("{severity} {} of {}", groups.join(","), section.total)
            };
            message.sections(shown_max).iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(shape(9), ["critical a1 of 1", "warning a1,b2 of 3", "over c1 of 1"]);
        assert_eq!(shape(2), ["critical a1 of 1", "warning a1 of 3", "over  of 1"]);
    }

    #[test]
    fn what_never_left_is_told_as_it_stands_now() {
        use Notice::{Open, Remind, Resolved, Worsened};
        let one = |notice, job| news(notice, job, "run-cost", Severity::Warning);
        let earlier = message(vec![
            one(Open, "over"),
            one(Open, "worse"),
            one(Open, "same"),
            one(Resolved, "back"),
            one(Remind, "ended"),
        ]);
        let now = message(vec![
            one(Resolved, "over"),
            one(Worsened, "worse"),
            one(Open, "back"),
            one(Resolved, "ended"),
            one(Open, "new"),
        ]);
        let carried = now.carrying(earlier).unwrap();
        let told: Vec<_> =
            carried.news.iter().map(|n| (n.finding.subject.job.as_str(), n.notice)).collect();
        let expected = [
            ("back", Worsened),
            ("ended", Resolved),
            ("new", Open),
            ("same", Open),
            ("worse", Open),
        ];
        assert_eq!(told, expected);
        // A part that never left is told by what it has become a part of, which is then new.
        let of = |notice, code| news(notice, "load", code, Severity::Warning);
        for (part, whole) in [(Open, Open), (Remind, Worsened), (Resolved, Worsened)] {
            let now = message(vec![of(Worsened, "failure-streak")]);
            let carried = now.carrying(message(vec![of(part, "run-failed")])).unwrap();
            let told: Vec<_> =
                carried.news.iter().map(|n| (n.finding.code.as_str(), n.notice)).collect();
            assert_eq!(told, [("failure-streak", whole)]);
        }
        let gone = message(vec![one(Resolved, "x")]).carrying(message(vec![one(Open, "x")]));
        assert_eq!(gone, None);
    }
}
