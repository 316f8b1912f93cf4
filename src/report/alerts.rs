//! A message of alerts as people read it: sections by severity, what is over last, and of each job
//! what is wrong, by how much, and what to do. Finished strings; templates place them.

use serde::Serialize;

use super::format::count;
use super::links;
use super::words::{shortened, visible};
use crate::alerts::{Group, Message, News, Notice, Section, Severity, Subject};
use crate::model::{Engine, RunIdentity};

/// Alerts that are shown however large they are.
pub(super) const SHOWN_MIN: usize = 5;
/// The longest sentence, and the longest name, that is shown, in columns.
const SENTENCE_COLUMNS: usize = 400;
const NAME_COLUMNS: usize = 80;
/// What a subject says of its first alert, in columns.
const LEAD_COLUMNS: usize = 90;
/// Lines of evidence that are shown of each alert.
const EVIDENCE_MAX: usize = 3;

/// What the templates are given.
#[derive(Debug, Serialize)]
pub(super) struct View {
    pub(super) counts: String,
    pub(super) lead: String,
    pub(super) headline: String,
    at: String,
    pub(super) sections: Vec<SectionView>,
    footnotes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SectionView {
    pub(super) title: &'static str,
    tone: &'static str,
    cut: Option<String>,
    #[serde(skip)]
    pub(super) total: usize,
    pub(super) groups: Vec<GroupView>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupView {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) notice: &'static str,
    pub(super) message: String,
    pub(super) measure: String,
    evidence: Vec<String>,
    pub(super) advice: String,
    pub(super) link: Option<Link>,
}

#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) href: String,
    label: &'static str,
}

impl View {
    /// The same with something else to know.
    pub(super) fn noting(mut self, note: Option<String>) -> Self {
        self.footnotes.extend(note);
        self
    }

    /// The view of a message with so many alerts at most.
    pub(super) fn of(message: &Message, shown_max: usize) -> Self {
        let lead = message.news.iter().find(|news| news.severity().is_some());
        let lead = lead.or(message.news.first()).map(|news| news.finding.message.as_str());
        Self {
            counts: counts(message),
            lead: shortened(lead.unwrap_or_default(), LEAD_COLUMNS),
            headline: headline(message),
            at: message.at.strftime("%-d %b %Y %H:%M UTC").to_string(),
            sections: message.sections(shown_max).iter().map(section).collect(),
            footnotes: vec![
                "An alert is told when it is new, when it grows by half or becomes more severe, \
                 after one, three and then every seven days, and when it is over."
                    .to_owned(),
                "Silence a job by its tag remediate=false, or for a while by a mute in the \
                 configuration. Runledger never stops or changes a job."
                    .to_owned(),
            ],
        }
    }
}

/// `2 critical, 1 warning, 1 over`.
fn counts(message: &Message) -> String {
    let severities = [Severity::Critical, Severity::Warning, Severity::Info].map(Some);
    let part = |severity: Option<Severity>| {
        let number = message.count(severity);
        let word = severity.map_or("over", Severity::as_str);
        (number > 0).then(|| format!("{} {word}", number_of(number)))
    };
    let parts: Vec<_> = severities.into_iter().chain([None]).filter_map(part).collect();
    parts.join(", ")
}

fn headline(message: &Message) -> String {
    let of = |wanted: Notice| message.news.iter().filter(|news| news.notice == wanted).count();
    let parts = [
        (Notice::Open, "new"),
        (Notice::Worsened, "worse than told before"),
        (Notice::Remind, "still there"),
        (Notice::Stale, "not seen any more"),
        (Notice::Resolved, "over"),
    ];
    let parts = parts.map(|(notice, words)| (of(notice), words));
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> =
        parts.map(|(number, words)| format!("{} {words}", number_of(number))).collect();
    format!("As of {}: {}.", message.at.strftime("%-d %b %Y %H:%M UTC"), parts.join(", "))
}

fn section(section: &Section<'_>) -> SectionView {
    let shown: usize = section.groups.iter().map(|group| group.news.len()).sum();
    let (title, tone) = match section.severity {
        Some(Severity::Critical) => ("Critical", "critical"),
        Some(Severity::Warning) => ("Warning", "warn"),
        Some(Severity::Info) => ("Good to know", ""),
        None => ("Over", "good"),
    };
    let cut = (shown < section.total).then(|| {
        let (shown, total) = (number_of(shown), number_of(section.total));
        format!("showing {shown} of {total}; the attached file has all of them")
    });
    let groups = section.groups.iter().map(group).collect();
    SectionView { title, tone, cut, total: section.total, groups }
}

fn group(group: &Group<'_>) -> GroupView {
    let subject = group.subject;
    let names = [&subject.job, &subject.detail, &subject.team, &subject.engine];
    let name = names.into_iter().find(|name| !name.is_empty());
    let name = name.map_or("Runledger", String::as_str);
    let team = (!subject.team.is_empty() && subject.team != name).then_some(&subject.team);
    let engine = (subject.engine != name).then_some(&subject.engine);
    let place = [engine, Some(&subject.account), Some(&subject.region), team];
    let place: Vec<_> = place
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .map(|part| shortened(part, NAME_COLUMNS))
        .collect();
    GroupView {
        name: shortened(name, NAME_COLUMNS),
        place: place.join(" · "),
        items: group.news.iter().map(|news| item(news)).collect(),
    }
}

fn item(news: &News) -> Item {
    let finding = &news.finding;
    let over = news.notice == Notice::Resolved;
    let cut = |text: &str| shortened(text, SENTENCE_COLUMNS);
    let measure = match (finding.observed.as_str(), finding.limit.as_str()) {
        // Of what is over only what it was is worth a line.
        _ if over => format!("since {}", news.opened_at.strftime("%-d %b %H:%M UTC")),
        (_, "") => String::new(),
        (observed, limit) => visible(&format!("{observed}, limit {limit}")),
    };
    let evidence = finding.evidence.iter().filter(|_| !over).take(EVIDENCE_MAX);
    Item {
        notice: match news.notice {
            Notice::Open => "new",
            Notice::Worsened => "worse",
            Notice::Remind => "still",
            Notice::Stale => "not seen any more",
            Notice::Resolved => "over",
        },
        message: cut(&finding.message),
        measure,
        evidence: evidence.map(|line| cut(line)).collect(),
        advice: if over { String::new() } else { cut(&finding.advice) },
        link: link(&finding.subject),
    }
}

/// The console's page of the run that shows it.
fn link(subject: &Subject) -> Option<Link> {
    if subject.run_id.is_empty() {
        return None;
    }
    let application = Some(subject.application_id.clone()).filter(|id| !id.is_empty());
    let run = RunIdentity {
        account: subject.account.clone(),
        region: subject.region.clone(),
        engine: Engine::from(subject.engine.as_str()),
        application_id: application,
        run_id: subject.run_id.clone(),
        attempt: 1,
    };
    let href = links::console(&run, &subject.job)?;
    Some(Link { href, label: "Open in the console" })
}

fn number_of(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Messages that every template is tried on when it is loaded.
pub(super) fn samples() -> Vec<Message> {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let of = |notice: Notice, severity: Severity| {
        let subject = Subject {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: "glue".into(),
            job: "load".into(),
            run_id: "jr_1".into(),
            team: "orders".into(),
            ..Subject::default()
        };
        let finding = crate::alerts::Finding {
            observed: "2 runs".into(),
            limit: "1 run".into(),
            evidence: vec!["jr_1 FAILED".into()],
            advice: "Mend it".into(),
            ..crate::alerts::Finding::new("run-failed", severity, subject, "2 runs failed".into())
        };
        News { notice, fingerprint: finding.fingerprint(), opened_at: at, finding: finding.into() }
    };
    let recipient = crate::model::Recipient::Channel("sample".to_owned());
    let all = vec![
        of(Notice::Open, Severity::Critical),
        of(Notice::Worsened, Severity::Warning),
        of(Notice::Stale, Severity::Info),
        of(Notice::Resolved, Severity::Warning),
    ];
    let one = vec![of(Notice::Resolved, Severity::Info)];
    [all, one].map(|news| Message { recipient: recipient.clone(), at, news }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{HTML_BYTES_MAX, Templates};

    fn message(number: usize, job: &str, text: &str) -> Message {
        let mut message = samples().remove(0);
        let news = message.news.remove(0);
        let of = |n: usize| {
            let mut news = news.clone();
            let finding = std::sync::Arc::make_mut(&mut news.finding);
            finding.subject.job = format!("{job}{n}");
            finding.message = text.to_owned();
            news
        };
        message.news = (0..number).map(of).collect();
        message
    }

    #[test]
    fn a_hundred_thousand_alerts_make_a_mail_that_is_not_clipped() {
        let templates = Templates::load(None).unwrap();
        let long = "x".repeat(2_000);
        let mail = templates.render_alerts(&message(100_000, &long, &long)).unwrap();
        assert!(mail.html.len() <= HTML_BYTES_MAX);
        assert!(mail.html.contains(" of 100,000; the attached file has all of them"));
        assert!(mail.text.contains("showing 200 of 100,000"));
        assert!(mail.subject.starts_with("100,000 critical: xxx"), "{}", mail.subject);
    }

    #[test]
    fn hostile_names_are_harmless_in_every_part() {
        let templates = Templates::load(None).unwrap();
        let hostile = "a\r\nBcc: b@example.com<script>\u{202e}\u{1b}[2J";
        let mail = templates.render_alerts(&message(1, hostile, hostile)).unwrap();
        assert!(!mail.html.contains("<script>"));
        assert!(mail.subject.contains("\\r\\nBcc:") && !mail.subject.contains(['\r', '\n']));
        for part in [&mail.subject, &mail.html, &mail.text] {
            assert!(!part.contains(['\u{202e}', '\u{1b}', '\r']), "{part}");
        }
    }

    #[test]
    fn a_small_message_says_what_whose_and_what_to_do() {
        let templates = Templates::load(None).unwrap();
        let mail = templates.render_alerts(&samples()[0]).unwrap();
        assert_eq!(mail.subject, "1 critical, 1 warning, 1 info, 1 over: 2 runs failed");
        let text = mail.text;
        for line in [
            "CRITICAL\n\nload  glue · 111122223333 · eu-west-1 · orders\n- new: 2 runs failed\n",
            "  2 runs, limit 1 run\n  jr_1 FAILED\n  → Mend it\n  https://eu-west-1.console.aws",
            "OVER\n",
            "- over: 2 runs failed\n  since 1 Jan 00:00 UTC\n",
        ] {
            assert!(text.contains(line), "{line:?} not in\n{text}");
        }
    }
}
