//! The bill: when it was read last, and, where somebody pays for the questions, whether Cost
//! Explorer answers and orders costs by the tags that name owners.

use super::check::{Check, Group};
use crate::model::BillSource;
use crate::sources::{BillError, PaidLook};

const GROUP: Group = Group::Bill;

/// What was found of one account that is configured.
#[derive(Debug)]
pub(super) struct BillFound {
    pub(super) account: String,
    /// What the store has of it.
    pub(super) source: Option<BillSource>,
    /// What was paid for.
    pub(super) paid: Option<Result<PaidLook, BillError>>,
}

pub(super) fn judge(found: &[BillFound], team_tags: &[String]) -> Vec<Check> {
    if found.is_empty() {
        let name = "account";
        let words = "no account's bill is configured, so estimates are held against nothing";
        let fix = "name one under [[bill.accounts]] to have them held against the bill";
        return vec![Check::not_checked(GROUP, name, words, fix)];
    }
    found.iter().flat_map(|found| of_account(found, team_tags)).collect()
}

fn of_account(found: &BillFound, team_tags: &[String]) -> Vec<Check> {
    let name = found.account.as_str();
    let mut checks = Vec::new();
    match &found.source {
        Some(BillSource { attempted_at: at, problem: None, .. }) => {
            checks.push(Check::ok(GROUP, name, &format!("last read at {at:.0}")));
        }
        Some(BillSource { attempted_at: at, problem: Some(problem), .. }) => {
            let words = format!("not read to its end at {at:.0}: {problem}");
            let fix = "mend what it says; then `runledger bill refresh` goes on";
            checks.push(Check::wrong(GROUP, name, &words, fix));
        }
        None if found.paid.is_none() => {
            let words = "never read, and Cost Explorer costs $0.01 a request";
            checks.push(Check::not_checked(GROUP, name, words, "use --spend to ask it"));
        }
        None => {}
    }
    match &found.paid {
        None => {}
        Some(Err(error)) => checks.push(refused(name, error)),
        Some(Ok(look)) => {
            checks.push(match &look.costs {
                Ok(()) => Check::ok(GROUP, name, "Cost Explorer answers").answered(),
                Err(error) => refused(name, error),
            });
            checks.push(tags(name, &look.active_tags, team_tags));
        }
    }
    checks
}

fn refused(name: &str, error: &BillError) -> Check {
    let check = Check::wrong(GROUP, name, &error.to_string(), error.hint());
    if error.is_unavailable() { check.unanswered() } else { check.answered() }
}

/// Only a payer may ask for tags, and reports do without: no answer fails nothing.
fn tags(name: &str, active: &Result<Vec<String>, BillError>, team_tags: &[String]) -> Check {
    match active {
        Ok(active) if active.is_empty() => {
            let words = format!(
                "none of the tags {} is active for cost allocation: AWS's own bill cannot be \
                 ordered by team",
                team_tags.join(", ")
            );
            let fix = "activate one in the payer's Billing console, which takes a day";
            Check::warn(GROUP, name, &words, fix).answered()
        }
        Ok(active) => {
            let words = format!("active for cost allocation: {}", active.join(", "));
            Check::ok(GROUP, name, &words).answered()
        }
        Err(error) => {
            let fix = "allow the role `ce:ListCostAllocationTags`, in the payer's account";
            Check::not_checked(GROUP, name, &error.to_string(), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn found(problem: Option<&str>, active: Option<&[&str]>) -> BillFound {
        let account = "111122223333".to_owned();
        let look = |active: &[&str]| PaidLook {
            costs: Ok(()),
            active_tags: Ok(active.iter().map(|tag| (*tag).to_owned()).collect()),
            requests: 2,
        };
        BillFound {
            account: account.clone(),
            source: Some(BillSource {
                account,
                payer: true,
                attempted_at: "2026-11-16T12:00:00Z".parse().unwrap(),
                problem: problem.map(str::to_owned),
                requests: 4,
            }),
            paid: active.map(|active| Ok(look(active))),
        }
    }

    fn states(found: BillFound) -> Vec<State> {
        judge(&[found], &["team".to_owned()]).iter().map(|check| check.state).collect()
    }

    #[test]
    fn nothing_is_asked_that_costs_and_what_was_read_is_told() {
        assert_eq!(states(found(None, None)), [State::Ok]);
        assert_eq!(states(found(Some("denied"), None)), [State::Wrong]);
        let never = judge(&[BillFound { source: None, ..found(None, None) }], &[]);
        assert_eq!(never[0].state, State::NotChecked);
        assert!(never[0].found.contains("$0.01 a request"), "{}", never[0].found);
        assert_eq!(judge(&[], &[])[0].state, State::NotChecked);
    }

    #[test]
    fn what_was_paid_for_is_told() {
        assert_eq!(states(found(None, Some(&["team"]))), [State::Ok; 3]);
        assert_eq!(states(found(None, Some(&[]))), [State::Ok, State::Ok, State::Warn]);
        let refused = Err(BillError::NoData("not yet".into()));
        let refused = BillFound { paid: Some(refused), source: None, ..found(None, None) };
        assert_eq!(states(refused), [State::Wrong]);
    }
}
