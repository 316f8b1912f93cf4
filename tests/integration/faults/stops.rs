//! The real binary told to stop while it sends mail: the mail under way is finished and on record,
//! no other is begun, and the next start sends the rest.

use std::time::{Duration, Instant};

use runledger::model::DeliveryState;

use super::company::{self, READERS, SEND, records};
use super::mail_services::MailService;
use crate::delivery::ses_fake::Answer;

/// Longer than a start takes to be told, and less than a tenth of what orchestrators wait.
const CALL: Duration = Duration::from_secs(2);

#[test]
fn told_to_stop_it_finishes_the_mail_under_way_and_begins_no_other() {
    let stored = company::with_runs(60, "via = \"ses\"");
    let slow = MailService::taking(CALL, Answer::Accept);
    let sandbox = slow.serving(company::copy_of(&stored));
    let sending = sandbox.start(&SEND);
    let patience = Instant::now() + Duration::from_secs(120);
    while slow.mails().is_empty() {
        assert!(Instant::now() < patience, "no mail is under way");
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = Instant::now();
    sending.terminate();
    let stopped = sending.wait().exits(1);
    assert!(told.elapsed() < Duration::from_secs(25), "{:?}", told.elapsed());
    assert!(stopped.stderr.contains("error: told to stop before the end"), "{}", stopped.stderr);
    assert_eq!(slow.mails().values().sum::<usize>(), 1, "the one under way");

    // Nothing is claimed, so that nobody waits for a lease; nothing is unknown.
    let records = records(&sandbox);
    assert!(records.values().all(|record| record.state() == DeliveryState::Sent));
    assert_eq!(records.len(), 1);
    let quick = MailService::answering(|_| Answer::Accept);
    quick.serving(company::copy_of(&sandbox)).run(&SEND).exits(0);
    let mails = |reader: &str| {
        let of = |service: &MailService| service.mails().get(reader).copied().unwrap_or_default();
        of(&slow) + of(&quick)
    };
    assert!(READERS.iter().all(|reader| mails(reader) == 1));
}
