//! Credentials, and what the accounts let be read with them.

use super::check::{Check, Group, State};
use crate::aws::{AwsError, CallerAnswer, Trouble};
use crate::sources::{Probe, SourceError};

/// What was found of one account.
#[derive(Debug)]
pub(super) struct AccountFound {
    pub(super) account: String,
    /// Whether it was got into.
    pub(super) opened: Result<(), SourceError>,
    /// What came of the calls in each region.
    pub(super) regions: Vec<RegionFound>,
}

/// What was found of one region of an account.
#[derive(Debug)]
pub(super) struct RegionFound {
    pub(super) region: String,
    /// By the service's name.
    pub(super) services: Vec<(&'static str, Probe)>,
    pub(super) quotas: Probe,
}

/// How bad it is that AWS cannot be used: a configuration that names nothing of AWS does without.
pub(super) const fn badness(is_needed: bool) -> State {
    if is_needed { State::Wrong } else { State::Warn }
}

pub(super) fn credentials(answer: &CallerAnswer, is_needed: bool) -> Check {
    let (group, name) = (Group::Credentials, "caller");
    match &answer.caller {
        Ok(caller) => {
            let found = format!("{} of account {}", caller.name, caller.account);
            Check::ok(group, name, &found).answered()
        }
        Err(error) if !is_needed && error.trouble == Trouble::NoCredentials => {
            let fix = "give credentials once runs are to be collected rather than imported";
            Check::warn(group, name, &error.to_string(), fix).unanswered()
        }
        Err(error) => {
            let state = (badness(is_needed), "sts:GetCallerIdentity");
            Check::failed(group, name, state, error)
        }
    }
}

pub(super) fn accounts(found: &[AccountFound], is_needed: bool) -> Vec<Check> {
    found.iter().flat_map(|account| of_account(account, badness(is_needed))).collect()
}

fn of_account(found: &AccountFound, bad: State) -> Vec<Check> {
    let (group, name) = (Group::Accounts, found.account.as_str());
    match &found.opened {
        Err(SourceError::Aws(error)) => {
            vec![Check::failed(group, name, (bad, "sts:AssumeRole"), error)]
        }
        Err(error) => {
            let check = if bad == State::Wrong { Check::wrong } else { Check::warn };
            vec![check(group, name, &error.to_string(), error.hint()).answered()]
        }
        Ok(()) => found.regions.iter().flat_map(|region| of_region(name, region, bad)).collect(),
    }
}

/// One line where all is good, else one for each call that is not.
fn of_region(account: &str, found: &RegionFound, bad: State) -> Vec<Check> {
    let group = Group::Accounts;
    let name = format!("{account} {}", found.region);
    let mut checks = Vec::new();
    let mut good = Vec::new();
    for (service, probe) in &found.services {
        match &probe.outcome {
            Ok(()) => good.push(*service),
            Err(error) => checks.push(Check::failed(group, &name, (bad, probe.permission), error)),
        }
    }
    match &found.quotas.outcome {
        Ok(()) => good.push("quotas"),
        // Runs are collected without them.
        Err(error) => {
            let state = (State::Warn, found.quotas.permission);
            checks.push(Check::failed(group, &name, state, error));
        }
    }
    if !good.is_empty() {
        let found = format!("can read {}", good.join(", "));
        checks.insert(0, Check::ok(group, &name, &found).answered());
    }
    checks
}

/// The accounts that were not asked because STS was silent.
pub(super) fn not_asked(accounts: usize, error: &AwsError) -> Check {
    let found = match error.trouble {
        Trouble::NoCredentials => "not asked without credentials",
        _ => "not asked, because STS cannot be reached",
    };
    Check::not_checked(Group::Accounts, &format!("{accounts} accounts"), found, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Caller;

    fn error(trouble: Trouble) -> AwsError {
        AwsError { action: "a call".into(), trouble, message: "no".into() }
    }

    fn probe(permission: &'static str, trouble: Option<Trouble>) -> Probe {
        Probe { permission, outcome: trouble.map_or(Ok(()), |trouble| Err(error(trouble))) }
    }

    fn account(glue: Option<Trouble>, quotas: Option<Trouble>) -> AccountFound {
        AccountFound {
            account: "111122223333".into(),
            opened: Ok(()),
            regions: vec![RegionFound {
                region: "eu-west-1".into(),
                services: vec![("glue", probe("glue:GetJobRuns", glue))],
                quotas: probe("servicequotas:GetServiceQuota", quotas),
            }],
        }
    }

    #[test]
    fn a_region_is_one_line_and_one_more_for_each_refusal() {
        let told = |found: &AccountFound, is_needed| -> Vec<(State, Option<String>)> {
            let checks = accounts(std::slice::from_ref(found), is_needed);
            checks.into_iter().map(|check| (check.state, check.fix)).collect()
        };
        assert_eq!(told(&account(None, None), true), [(State::Ok, None)]);
        let denied = Some(Trouble::AccessDenied);
        let allow = |permission: &str| Some(format!("allow the role `{permission}`"));
        let glue = allow("glue:GetJobRuns");
        let found = told(&account(denied, None), true);
        assert_eq!(found, [(State::Ok, None), (State::Wrong, glue.clone())]);
        let quotas = allow("servicequotas:GetServiceQuota");
        let found = told(&account(denied, denied), false);
        assert_eq!(found, [(State::Warn, glue), (State::Warn, quotas)]);
    }

    #[test]
    fn an_account_that_lets_nobody_in_is_wrong() {
        let refused = SourceError::Aws(error(Trouble::AccessDenied));
        let wrong = SourceError::WrongAccount { wanted: "1".into(), found: "2".into() };
        for refusal in [refused, wrong] {
            let found = AccountFound { opened: Err(refusal), ..account(None, None) };
            let checks = accounts(&[found], true);
            assert_eq!((checks.len(), checks[0].state), (1, State::Wrong));
        }
    }

    #[test]
    fn missing_credentials_are_wrong_where_they_are_needed() {
        let nobody = CallerAnswer { caller: Err(error(Trouble::NoCredentials)), time: None };
        assert_eq!(credentials(&nobody, true).state, State::Wrong);
        assert_eq!(credentials(&nobody, false).state, State::Warn);
        let caller = Caller { account: "111122223333".into(), name: "role Runledger".into() };
        let somebody = CallerAnswer { caller: Ok(caller), time: None };
        assert_eq!(credentials(&somebody, true).found, "role Runledger of account 111122223333");
    }
}
