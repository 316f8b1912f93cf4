//! Mail: whether it can leave, from whom, and whether SES would bring it to everybody.

use super::check::{Check, Group, State};
use crate::aws::AwsError;
use crate::model::Address;
use crate::report::format;
use crate::sources::{SesAccount, SesIdentity};

/// Domains that are nobody's (RFC 2606): what `init` writes is to be replaced.
const PLACEHOLDERS: [&str; 3] = ["example.com", "example.org", "example.net"];

const GROUP: Group = Group::Mail;

/// What was found of mail.
#[derive(Debug)]
pub(super) struct MailFound {
    /// The reports that nobody gets, by name.
    pub(super) unread: Vec<String>,
    /// Everybody who gets any mail, each once.
    pub(super) readers: Vec<Address>,
    pub(super) way: Way,
}

/// How mails leave.
#[derive(Debug)]
pub(super) enum Way {
    /// They do not.
    None,
    /// As files, and whether the folder takes them.
    Outbox { folder: String, writable: Result<(), String> },
    /// By SES.
    Ses(Box<SesFound>),
}

/// What SES said.
#[derive(Debug)]
pub(super) struct SesFound {
    pub(super) account: Result<SesAccount, AwsError>,
    pub(super) sender: Address,
    pub(super) sender_known: Result<Option<SesIdentity>, AwsError>,
    pub(super) configuration_set: Option<Result<bool, AwsError>>,
    /// By reader: why SES sends them nothing, if it does not. Ends with the first refusal to tell.
    pub(super) suppressed: Vec<(Address, Result<Option<String>, AwsError>)>,
    /// In the sandbox, by reader: whether they are verified. Ends like that too.
    pub(super) verified: Vec<(Address, Result<bool, AwsError>)>,
}

pub(super) fn judge(found: &MailFound) -> Vec<Check> {
    let mut checks = match &found.way {
        Way::None => {
            let fix = "add [mail] to the configuration, as `runledger init` writes it";
            vec![Check::warn(GROUP, "way", "no [mail] is configured: nothing can be sent", fix)]
        }
        Way::Outbox { folder, writable: Ok(()) } => {
            let words = format!("mails become files in {folder}, and reach nobody");
            vec![Check::ok(GROUP, "outbox", &words)]
        }
        Way::Outbox { folder, writable: Err(reason) } => {
            let words = format!("nothing can be written into {folder}: {reason}");
            let fix = "make the folder of `outbox` under [mail] writable";
            vec![Check::wrong(GROUP, "outbox", &words, fix)]
        }
        Way::Ses(ses) => of_ses(ses, found.readers.len()),
    };
    checks.extend(found.unread.iter().map(|report| {
        let fix = format!("name `recipients` under [reports.{report}]");
        Check::warn(GROUP, &format!("report {report}"), "nobody gets it", &fix)
    }));
    let is_placeholder = |a: &&Address| PLACEHOLDERS.contains(&a.domain());
    let placeholders = found.readers.iter().filter(is_placeholder).count();
    if placeholders > 0 {
        let words = format!("{placeholders} of {} are examples, and nobody", found.readers.len());
        let fix = "write real addresses in their place in the configuration";
        checks.push(Check::warn(GROUP, "recipients", &words, fix));
    }
    checks
}

fn of_ses(ses: &SesFound, readers: usize) -> Vec<Check> {
    let mut checks = account(&ses.account, readers);
    checks.push(sender(&ses.sender, &ses.sender_known));
    checks.extend(ses.configuration_set.as_ref().map(configuration_set));
    checks.extend(recipients(ses));
    checks
}

fn account(account: &Result<SesAccount, AwsError>, readers: usize) -> Vec<Check> {
    let account = match account {
        Ok(account) => account,
        Err(error) => return vec![Check::unseen(GROUP, "account", "ses:GetAccount", error)],
    };
    let mut checks = Vec::new();
    if !account.may_send {
        let fix = "see the account's status in the SES console, in the region used";
        checks.push(Check::wrong(GROUP, "account", "SES has stopped its sending", fix));
    }
    if !account.is_in_production {
        let words = "the account is in the SES sandbox: only who is verified gets mail";
        let fix = "ask AWS for production access, or verify every recipient";
        checks.push(Check::warn(GROUP, "sandbox", words, fix));
    }
    // As many mails as there are readers, at least, are to leave on a Monday.
    let needed = u32::try_from(readers).map_or(f64::INFINITY, f64::from);
    match account.mails_left {
        Some(left) if left < needed => {
            let words = format!("{} mails left of the day's quota", format::quantity(left));
            let fix = "wait, or have the account's sending quota raised";
            checks.push(Check::wrong(GROUP, "quota", &words, fix));
        }
        Some(left) => {
            let words = format!("{} mails left of the day's quota", format::quantity(left));
            checks.push(Check::ok(GROUP, "quota", &words));
        }
        None => checks.push(Check::ok(GROUP, "quota", "the account has no sending quota")),
    }
    checks.into_iter().map(Check::answered).collect()
}

fn sender(from: &Address, known: &Result<Option<SesIdentity>, AwsError>) -> Check {
    let fix = "verify the address or domain of `from` under [mail] in SES, in the region used";
    let check = match known {
        Err(error) => return Check::unseen(GROUP, "sender", "ses:GetEmailIdentity", error),
        Ok(None) => {
            let words = format!("SES knows neither {from} nor its domain");
            Check::wrong(GROUP, "sender", &words, fix)
        }
        Ok(Some(identity)) => {
            let what = if identity.is_domain { "the domain of" } else { "the address" };
            match (identity.is_verified, identity.has_dkim) {
                (false, _) => {
                    let words = format!("{what} {from} is not verified yet");
                    Check::wrong(GROUP, "sender", &words, fix)
                }
                (true, false) => {
                    let words = format!("{what} {from} is verified, without DKIM");
                    let fix = "set DKIM up for the identity, or mailboxes may take mails for spam";
                    Check::warn(GROUP, "sender", &words, fix)
                }
                (true, true) => {
                    let words = format!("{what} {from} is verified, with DKIM");
                    Check::ok(GROUP, "sender", &words)
                }
            }
        }
    };
    check.answered()
}

fn configuration_set(found: &Result<bool, AwsError>) -> Check {
    let name = "configuration set";
    match found {
        Ok(true) => Check::ok(GROUP, name, "it exists").answered(),
        Ok(false) => {
            let fix = "correct or remove `configuration_set` under [mail]";
            Check::wrong(GROUP, name, "there is none of that name", fix).answered()
        }
        Err(error) => Check::unseen(GROUP, name, "ses:GetConfigurationSet", error),
    }
}

fn recipients(ses: &SesFound) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut asked = 0_u64;
    for (address, reason) in &ses.suppressed {
        match reason {
            Ok(None) => asked += 1,
            Ok(Some(reason)) => {
                let words = format!("SES sends {address} nothing since a {}", words_of(reason));
                let fix = "correct the address, or take it off the account's suppression list";
                checks.push(Check::wrong(GROUP, "recipient", &words, fix).answered());
            }
            Err(error) => {
                let permission = "ses:GetSuppressedDestination";
                checks.push(Check::unseen(GROUP, "recipients", permission, error));
            }
        }
    }
    for (address, verified) in &ses.verified {
        match verified {
            Ok(true) => {}
            Ok(false) => {
                let words = format!("{address} is not verified, and the sandbox lets no mail out");
                let fix = "verify the recipient in SES, or ask AWS for production access";
                checks.push(Check::wrong(GROUP, "recipient", &words, fix).answered());
            }
            Err(error) => {
                let permission = "ses:GetEmailIdentity";
                checks.push(Check::unseen(GROUP, "recipients", permission, error));
            }
        }
    }
    let is_good = checks.iter().all(|check| check.state == State::Ok);
    if is_good && asked > 0 {
        let words = format!("SES would write to all {asked} of them");
        checks.push(Check::ok(GROUP, "recipients", &words).answered());
    }
    checks
}

/// SES's word for why it sends somebody nothing.
fn words_of(reason: &str) -> &'static str {
    match reason {
        "BOUNCE" => "mail to it bounced",
        "COMPLAINT" => "complaint",
        _ => "reason that it does not name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Trouble;

    fn error() -> AwsError {
        let message = "ada@example.org may not".to_owned();
        AwsError { action: "ses".into(), trouble: Trouble::AccessDenied, message }
    }

    fn good() -> SesFound {
        let ada: Address = "ada@corp.test".parse().unwrap();
        SesFound {
            account: Ok(SesAccount {
                is_in_production: true,
                may_send: true,
                mails_left: Some(100.0),
            }),
            sender: "runledger@corp.test".parse().unwrap(),
            sender_known: Ok(Some(SesIdentity {
                is_domain: true,
                is_verified: true,
                has_dkim: true,
            })),
            configuration_set: Some(Ok(true)),
            suppressed: vec![(ada, Ok(None))],
            verified: Vec::new(),
        }
    }

    /// Every finding that is not good, by name and state.
    fn bad(ses: SesFound) -> Vec<(String, State)> {
        let readers = ses.suppressed.iter().map(|(address, _)| address.clone()).collect();
        let found = MailFound { unread: Vec::new(), readers, way: Way::Ses(Box::new(ses)) };
        let checks = judge(&found);
        for check in &checks {
            let text = format!("{check:?}");
            assert!(!text.contains("ada@") && !text.contains("runledger@"), "{text}");
        }
        let bad = checks.into_iter().filter(|check| check.state != State::Ok);
        bad.map(|check| (check.name, check.state)).collect()
    }

    fn one(name: &str, state: State) -> Vec<(String, State)> {
        vec![(name.to_owned(), state)]
    }

    #[test]
    fn an_account_that_sends_is_good() {
        assert_eq!(bad(good()), []);
    }

    #[test]
    fn whatever_keeps_a_mail_from_leaving_is_wrong() {
        let account = |may_send, mails_left| SesFound {
            account: Ok(SesAccount { is_in_production: true, may_send, mails_left }),
            ..good()
        };
        assert_eq!(bad(account(false, None)), one("account", State::Wrong));
        assert_eq!(bad(account(true, Some(0.0))), one("quota", State::Wrong));
        assert_eq!(bad(account(true, Some(1.0))), []);
        let sender = |is_verified, has_dkim| SesFound {
            sender_known: Ok(Some(SesIdentity { is_domain: false, is_verified, has_dkim })),
            ..good()
        };
        assert_eq!(bad(sender(false, true)), one("sender", State::Wrong));
        assert_eq!(bad(sender(true, false)), one("sender", State::Warn));
        let nobody = SesFound { sender_known: Ok(None), ..good() };
        assert_eq!(bad(nobody), one("sender", State::Wrong));
        let set = SesFound { configuration_set: Some(Ok(false)), ..good() };
        assert_eq!(bad(set), one("configuration set", State::Wrong));
    }

    #[test]
    fn who_gets_nothing_is_named_behind_a_mask() {
        let ada: Address = "ada@corp.test".parse().unwrap();
        let bounced = vec![(ada.clone(), Ok(Some("BOUNCE".to_owned())))];
        let suppressed = SesFound { suppressed: bounced, ..good() };
        assert_eq!(bad(suppressed), one("recipient", State::Wrong));
        let sandbox = |verified| SesFound {
            account: Ok(SesAccount { is_in_production: false, may_send: true, mails_left: None }),
            verified: vec![(ada.clone(), Ok(verified))],
            ..good()
        };
        assert_eq!(bad(sandbox(true)), one("sandbox", State::Warn));
        let both = [("sandbox".to_owned(), State::Warn), ("recipient".to_owned(), State::Wrong)];
        assert_eq!(bad(sandbox(false)), both);
    }

    #[test]
    fn what_a_role_that_only_sends_may_not_see_is_not_checked() {
        let ada: Address = "ada@corp.test".parse().unwrap();
        let blind = SesFound {
            account: Err(error()),
            sender_known: Err(error()),
            configuration_set: Some(Err(error())),
            suppressed: vec![(ada, Err(error()))],
            ..good()
        };
        let states: Vec<State> = bad(blind).into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, [State::NotChecked; 4]);
    }

    #[test]
    fn a_report_for_nobody_and_examples_are_worth_a_word() {
        let found = MailFound {
            unread: vec!["weekly".into()],
            readers: vec!["a@example.com".parse().unwrap(), "b@corp.test".parse().unwrap()],
            way: Way::None,
        };
        let checks = judge(&found);
        assert!(checks.iter().all(|check| check.state == State::Warn), "{checks:?}");
        assert_eq!(checks.len(), 3);
        assert!(checks[2].found.starts_with("1 of 2 "), "{}", checks[2].found);
    }
}
