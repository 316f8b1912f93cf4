//! Finance's mail: a closed month once per recipient, an open one once a day.

use super::{chargeback, close, company, formats};
use crate::harness::Sandbox;

const NOW: &str = "2026-11-06T00:00:00Z";

fn outbox(sandbox: &Sandbox) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(sandbox.path("outbox")).unwrap();
    let mut mails: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "eml"))
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    mails.sort();
    mails
}

#[test]
fn a_closed_month_is_mailed_once() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    let sent = chargeback(&sandbox, NOW, "2026-10", &["--send"]).exits(0);
    assert!(sent.stderr.contains("sent to f***@e***.com"), "{}", sent.stderr);
    let first = outbox(&sandbox);
    let [(_, mail)] = &first[..] else { panic!("{} mails", first.len()) };
    for part in [
        "Subject: Chargeback 2026-10, closed: $18.48 (estimate)",
        "To: <finance@example.com>",
        "chargeback-2026-10.csv",
        "text/html",
        "text/plain",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    let again = chargeback(&sandbox, "2027-01-01T00:00:00Z", "2026-10", &["--send"]).exits(0);
    assert!(again.stderr.contains("already sent"), "{}", again.stderr);
    assert_eq!(outbox(&sandbox), first);
}

#[test]
fn an_open_month_is_mailed_once_a_day_and_says_that_it_is_open() {
    let sandbox = company();
    for now in [NOW, "2026-11-06T12:00:00Z", "2026-11-07T00:00:00Z"] {
        chargeback(&sandbox, now, "2026-10", &["--send"]).exits(0);
    }
    let mails = outbox(&sandbox);
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|(_, mail)| mail.contains("2026-10, open: $18.48")));
    close(&sandbox, NOW, "2026-10").exits(0);
    chargeback(&sandbox, NOW, "2026-10", &["--send"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 3);
}

#[test]
fn nobody_to_mail_is_a_mistake_of_the_configuration() {
    let sandbox = company();
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    sandbox.write("runledger.toml", config.replace("recipients = [\"finance@example.com\"]", ""));
    let refused = chargeback(&sandbox, NOW, "2026-10", &["--send"]).exits(2);
    assert!(refused.stderr.contains("[chargeback]"), "{}", refused.stderr);
}

/// What screen readers and mail readers need: a language, captions, scoped heads, inline styles.
#[test]
fn the_html_is_accessible_and_small() {
    let sandbox = company();
    let html = &formats(&sandbox, NOW, "2026-10")[3];
    assert!(html.contains("lang=\"en\"") && html.len() < 90_000);
    let count = |what: &str| html.matches(what).count();
    assert_eq!(count("<table class=\"data"), count("<caption"));
    assert!(count("scope=\"col\"") > 10 && count("scope=\"row\"") > 5);
    assert!(html.contains("style=\"") && !html.contains("<script"));
}
