//! How far each source was read: a report of Monday is only as good as the last sweep.

use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Group};
use crate::model::Engine;
use crate::report::format;
use crate::store::SourceState;

const WARN: SignedDuration = SignedDuration::from_hours(6);
const WRONG: SignedDuration = SignedDuration::from_hours(24);

const GROUP: Group = Group::Freshness;

/// Judges what is configured to be read; where nothing is, what was ever read.
pub(super) fn judge(
    expected: &[(String, String, Engine)],
    states: &[SourceState],
    now: Timestamp,
) -> Vec<Check> {
    let is_of = |state: &SourceState, (account, region, engine): &(String, String, Engine)| {
        state.account == *account && state.region == *region && state.engine == *engine
    };
    let is_expected = |state: &&SourceState| {
        expected.is_empty() || expected.iter().any(|source| is_of(state, source))
    };
    let known = states.iter().filter(is_expected).map(|state| of_state(state, now));
    let never = expected.iter().filter(|source| !states.iter().any(|state| is_of(state, source)));
    let never = never.map(|(account, region, engine)| {
        let name = format!("{} in {account} {region}", engine.as_str());
        Check::warn(GROUP, &name, "was never collected", "`runledger collect` reads it")
    });
    let mut checks: Vec<Check> = known.chain(never).collect();
    if checks.is_empty() {
        let fix = "`runledger collect` reads AWS; runs that are imported have no such date";
        checks.push(Check::warn(GROUP, "sources", "nothing was ever collected", fix));
    }
    checks
}

fn of_state(state: &SourceState, now: Timestamp) -> Check {
    let SourceState { account, region, .. } = state;
    let sessions = if state.sessions { " sessions" } else { "" };
    let name = format!("{}{sessions} in {account} {region}", state.engine.as_str());
    let error = state.error.as_deref();
    let error = error.map(|error| format!("; the last try failed: {error}")).unwrap_or_default();
    let fix = if error.is_empty() {
        "let the schedule `collect` run, or start `runledger collect`"
    } else {
        "mend what the last try says, then start `runledger collect`"
    };
    let Some(through) = state.collected_through else {
        let found = format!("was never read to its end{error}");
        // A role may be kept from reading sessions for good; the runs come in all the same.
        let check = if state.sessions { Check::warn } else { Check::wrong };
        return check(GROUP, &name, &found, fix);
    };
    let age = now.duration_since(through);
    let ago = format::duration(age.as_secs().try_into().unwrap_or(0));
    let found = format!("read until {through:.0}, {ago} ago{error}");
    match age {
        age if age > WRONG => Check::wrong(GROUP, &name, &found, fix),
        age if age > WARN || !error.is_empty() => Check::warn(GROUP, &name, &found, fix),
        _ => Check::ok(GROUP, &name, &found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    const NOW: &str = "2026-11-16T12:00:00Z";

    fn state(through: Option<&str>, error: Option<&str>) -> SourceState {
        SourceState {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            sessions: false,
            collected_through: through.map(|text| text.parse().unwrap()),
            attempted_at: NOW.parse().unwrap(),
            error: error.map(str::to_owned),
        }
    }

    fn judged(expected: &[&str], states: &[SourceState]) -> Vec<State> {
        let source = |region: &&str| ("111122223333".into(), (*region).to_owned(), Engine::Glue);
        let expected: Vec<_> = expected.iter().map(source).collect();
        let checks = judge(&expected, states, NOW.parse().unwrap());
        checks.iter().map(|check| check.state).collect()
    }

    #[test]
    fn a_source_grows_stale_after_six_hours_and_a_day() {
        let of = |through, error| judged(&[], &[state(through, error)]);
        assert_eq!(of(Some("2026-11-16T06:00:00Z"), None), [State::Ok]);
        assert_eq!(of(Some("2026-11-16T05:59:59Z"), None), [State::Warn]);
        assert_eq!(of(Some("2026-11-15T12:00:00Z"), None), [State::Warn]);
        assert_eq!(of(Some("2026-11-15T11:59:59Z"), None), [State::Wrong]);
        // One that fails is told of before it is stale.
        assert_eq!(of(Some(NOW), Some("denied")), [State::Warn]);
        assert_eq!(of(None, Some("denied")), [State::Wrong]);
        let sessions = SourceState { sessions: true, ..state(None, Some("denied")) };
        assert_eq!(judged(&[], &[sessions]), [State::Warn]);
        let checks = judge(&[], &[state(None, Some("denied"))], NOW.parse().unwrap());
        assert!(checks[0].found.ends_with("the last try failed: denied"), "{}", checks[0].found);
    }

    #[test]
    fn what_is_configured_counts_and_what_no_longer_is_does_not() {
        let fresh = state(Some(NOW), None);
        let old = SourceState { region: "us-east-1".into(), ..state(None, None) };
        assert_eq!(judged(&["eu-west-1"], &[fresh.clone(), old.clone()]), [State::Ok]);
        assert_eq!(judged(&["eu-west-1", "eu-west-2"], &[fresh]), [State::Ok, State::Warn]);
        assert_eq!(judged(&[], &[old]), [State::Wrong]);
        assert_eq!(judged(&[], &[]), [State::Warn]);
    }
}
