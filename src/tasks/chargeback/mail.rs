//! A month as mails for finance.

use jiff::Timestamp;

use super::Files;
use crate::delivery::{Attachment, MailSettings, Message};
use crate::model::{Address, Occurrence, Recipient, Usd, utc_day};
use crate::tasks::deliver::Mail;

/// The report's name in the delivery ledger.
const REPORT: &str = "chargeback";

/// The mails of a month, one per recipient. A closed month is one occurrence per recipient for
/// ever; a month that is open may be sent once a day, and says that it may change.
#[must_use]
pub fn mails(
    settings: &MailSettings,
    recipients: &[Address],
    month: &str,
    files: &Files,
    total_usd: Usd,
    (as_of, closed): (Timestamp, bool),
) -> Vec<Mail> {
    let edition = if closed {
        Occurrence::WHOLE_COMPANY.to_owned()
    } else {
        format!("as of {}", utc_day(as_of))
    };
    let attachment = Attachment {
        file_name: format!("chargeback-{month}.csv"),
        content_type: "text/csv; charset=utf-8".to_owned(),
        bytes: files.csv.clone().into(),
    };
    let mail = |recipient: &Address| {
        let occurrence = Occurrence {
            report: REPORT.to_owned(),
            period: month.to_owned(),
            edition: edition.clone(),
            revision: 0,
            recipient: Recipient::Mail(recipient.clone()),
            copy: false,
        };
        let message = Message {
            from: settings.from.clone(),
            to: recipient.clone(),
            reply_to: settings.reply_to.clone(),
            subject: files.mail.subject.clone(),
            text: files.mail.text.clone(),
            html: files.mail.html.clone(),
            attachments: vec![attachment.clone()],
            date: as_of,
            key: occurrence.key(),
        };
        Mail { occurrence, message, total_usd }
    };
    recipients.iter().map(mail).collect()
}
