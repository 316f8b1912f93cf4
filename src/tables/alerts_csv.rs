//! Every alert of a message: what a mail that shows two hundred of them has attached.

use super::TableError;
use super::csv::{number, text, written};
use crate::alerts::Message;

/// The alerts of a message, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn alerts_csv(message: &Message) -> Result<Vec<u8>, TableError> {
    let header = [
        "notice",
        "severity",
        "code",
        "account",
        "region",
        "engine",
        "job",
        "team",
        "detail",
        "run_id",
        "observed",
        "limit",
        "message",
        "advice",
        "opened_at",
        "fingerprint",
    ];
    let rows = message.news.iter().map(|news| {
        let finding = &news.finding;
        let subject = &finding.subject;
        vec![
            text(news.notice.as_str()),
            text(finding.severity.as_str()),
            text(&finding.code),
            text(&subject.account),
            text(&subject.region),
            text(&subject.engine),
            text(&subject.job),
            text(&subject.team),
            text(&subject.detail),
            text(&subject.run_id),
            text(&finding.observed),
            text(&finding.limit),
            text(&finding.message),
            text(&finding.advice),
            number(news.opened_at),
            text(&news.fingerprint),
        ]
    });
    written(&header, rows)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alerts::{Finding, News, Notice, Severity, Subject};

    #[test]
    fn every_alert_is_there_and_no_name_is_a_formula() {
        let news = |job: &str| {
            let subject = Subject { job: job.into(), ..Subject::default() };
            let finding = Finding::new("run-failed", Severity::Warning, subject, "failed".into());
            let (fingerprint, opened_at) = (finding.fingerprint(), Timestamp::UNIX_EPOCH);
            News { notice: Notice::Open, fingerprint, opened_at, finding: finding.into() }
        };
        let message = Message {
            recipient: "ops".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            news: vec![news("=1+1"), news("load")],
        };
        let csv = String::from_utf8(alerts_csv(&message).unwrap()).unwrap();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("OPEN,warning,run-failed,,,,'=1+1,,"), "{}", lines[1]);
        assert!(lines[2].ends_with(",failed,,1970-01-01T00:00:00Z,run-failed||||load||"));
    }
}
