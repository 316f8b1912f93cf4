//! Schedules: whether what was due was done. The rest of a schedule's life is in its records; here
//! only what is wrong now counts.

use jiff::Timestamp;

use super::check::{Check, Group};
use crate::schedule::Look;
use crate::store::{Turn, TurnState};

/// What was found of one schedule.
#[derive(Debug)]
pub(super) struct ScheduleFound {
    pub(super) name: String,
    pub(super) is_enabled: bool,
    /// When it was first looked at, where it ever was.
    pub(super) since: Option<Timestamp>,
    /// What is to be done now.
    pub(super) look: Look,
    /// The records of this month and of what is still answered for, the oldest first.
    pub(super) turns: Vec<Turn>,
    /// When it is due next.
    pub(super) next: Option<Timestamp>,
    /// The end of the week that is not over then, where it is about to be.
    pub(super) too_early_for: Option<Timestamp>,
}

const GROUP: Group = Group::Schedules;

pub(super) fn judge(found: &ScheduleFound) -> Check {
    let name = found.name.as_str();
    if !found.is_enabled {
        return Check::ok(GROUP, name, "not in force");
    }
    if found.since.is_none() {
        let fix = format!(
            "let a scheduler start `runledger schedule run {name}`, or keep `runledger schedule \
             serve` running"
        );
        let never = Check::warn(GROUP, name, "nothing has ever looked at it", &fix);
        return match early(found) {
            Some(early) => Check::warn(
                GROUP,
                name,
                &format!("{}; {}", never.found, early.found),
                &format!("{}; {}", early.fix.unwrap_or_default(), fix),
            ),
            None => never,
        };
    }
    let is_fine = || Check::ok(GROUP, name, &done(found));
    undone(found).or_else(|| early(found)).or_else(|| given_up(found)).unwrap_or_else(is_fine)
}

/// A report that goes out shortly before its week ends is about the week before, every time.
fn early(found: &ScheduleFound) -> Option<Check> {
    let (next, end) = (found.next?, found.too_early_for?);
    let found_so = format!(
        "due at {next:.0}, when the report's week is not over: it ends at {end:.0} by the report's \
         `time_zone`, so the week before it is sent"
    );
    let fix = "let it be due later (`cron`, `zone`), or give both the same time zone";
    Some(Check::warn(GROUP, &found.name, &found_so, fix))
}

/// What is due and not done, if anything is: the oldest of it.
fn undone(found: &ScheduleFound) -> Option<Check> {
    let name = found.name.as_str();
    let record = |at: Timestamp| found.turns.iter().find(|turn| turn.due == at);
    let due = found.look.due.iter().map(|due| (due.at, due.late));
    let put_off = found.look.put_off.iter().map(|(at, _)| (*at, true));
    let mut open: Vec<(Timestamp, bool)> = due.chain(put_off).collect();
    open.sort_unstable();
    for (at, late) in open {
        let fix = format!("`runledger schedule run {name}` does it now");
        match record(at).map(|turn| (turn, turn.state)) {
            Some((turn, TurnState::Failed { again_at })) => {
                let why = turn.failure.as_deref().unwrap_or("no reason is on record");
                let times = turn.attempts;
                let found = format!(
                    "due at {at:.0}, failed {times} times, last: {why}; tried again from \
                     {again_at:.0}"
                );
                let fix = format!("mend what it says; then {fix}");
                return Some(Check::wrong(GROUP, name, &found, &fix));
            }
            Some((turn, TurnState::UnderWay { .. })) => {
                let began = turn.began_at;
                let found = format!("due at {at:.0}, begun at {began:.0} and never finished");
                return Some(Check::wrong(GROUP, name, &found, &fix));
            }
            _ if late => {
                let found = format!("was due at {at:.0}, and nobody has begun it");
                let fix = format!("see that its scheduler runs; {fix}");
                return Some(Check::wrong(GROUP, name, &found, &fix));
            }
            // Whoever comes within its window is on time.
            _ => {}
        }
    }
    None
}

/// What was given up of late: it is on record, and may still be wanted.
fn given_up(found: &ScheduleFound) -> Option<Check> {
    let turn = found.turns.iter().rev().find(|turn| turn.given_up)?;
    let what = format!("what was due at {:.0} was never done, and is given up", turn.due);
    let fix = "do its task by hand where that is still wanted: `runledger schedule list` shows it";
    Some(Check::warn(GROUP, &found.name, &what, fix))
}

fn done(found: &ScheduleFound) -> String {
    let next = found.next.map_or("never due again".to_owned(), |at| format!("next at {at:.0}"));
    if let Some(at) = found.look.under_way.first() {
        return format!("under way since it was due at {at:.0}, {next}");
    }
    if let Some(due) = found.look.due.first() {
        return format!("due since {:.0} and still on time, {next}", due.at);
    }
    let last = found.turns.iter().rev().find_map(|turn| match turn.state {
        TurnState::Done { at } if !turn.given_up => Some(format!("done at {at:.0}, {next}")),
        _ => None,
    });
    last.unwrap_or_else(|| format!("nothing was due yet, {next}"))
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::schedule::Due;

    fn at(hour: u8) -> Timestamp {
        format!("2026-11-16T{hour:02}:00:00Z").parse().unwrap()
    }

    fn turn(due: Timestamp, state: TurnState) -> Turn {
        Turn {
            schedule: "weekly-report".into(),
            due,
            state,
            attempts: 3,
            by: "somebody".into(),
            began_at: at(8),
            exit: Some(1),
            failure: Some("the outbox is full".into()),
            given_up: false,
        }
    }

    fn found(look: Look, turns: Vec<Turn>) -> ScheduleFound {
        ScheduleFound {
            name: "weekly-report".into(),
            is_enabled: true,
            since: Some(at(0)),
            look,
            turns,
            next: Some(at(23)),
            too_early_for: None,
        }
    }

    fn due(late: bool) -> Look {
        Look { due: vec![Due { at: at(7), late }], ..Look::default() }
    }

    #[test]
    fn what_was_never_looked_at_is_worth_a_word_and_what_is_off_is_none() {
        let never = ScheduleFound { since: None, ..found(due(true), Vec::new()) };
        assert_eq!(judge(&never).state, State::Warn);
        let off = ScheduleFound { is_enabled: false, ..never };
        assert_eq!(judge(&off).state, State::Ok);
    }

    #[test]
    fn a_report_that_is_due_before_its_week_ends_is_worth_a_word() {
        let look = Look::default;
        let early = ScheduleFound { too_early_for: Some(at(23)), ..found(look(), Vec::new()) };
        let check = judge(&ScheduleFound { next: Some(at(22)), ..early });
        assert_eq!(check.state, State::Warn);
        assert!(check.found.contains("it ends at 2026-11-16T23:00:00Z"), "{}", check.found);
        // What is wrong now goes before what will be.
        let overdue = ScheduleFound { too_early_for: Some(at(23)), ..found(due(true), Vec::new()) };
        assert_eq!(judge(&overdue).state, State::Wrong);
    }

    #[test]
    fn overdue_failed_and_abandoned_are_wrong_with_the_reason() {
        let overdue = judge(&found(due(true), Vec::new()));
        assert_eq!(overdue.state, State::Wrong);
        assert!(overdue.found.contains("was due at 2026-11-16T07:00:00Z"), "{}", overdue.found);
        let failed = TurnState::Failed { again_at: at(9) };
        let put_off = Look { put_off: vec![(at(7), at(9))], ..Look::default() };
        for look in [put_off, due(false)] {
            let check = judge(&found(look, vec![turn(at(7), failed)]));
            assert_eq!(check.state, State::Wrong);
            assert!(check.found.contains("3 times, last: the outbox is full"), "{}", check.found);
        }
        let left =
            judge(&found(due(false), vec![turn(at(7), TurnState::UnderWay { until: at(8) })]));
        assert_eq!(left.state, State::Wrong);
        assert!(left.found.contains("never finished"), "{}", left.found);
    }

    #[test]
    fn what_is_given_up_is_worth_a_word() {
        let done = turn(at(7), TurnState::Done { at: at(8) });
        let check =
            judge(&found(Look::default(), vec![Turn { given_up: true, ..done.clone() }, done]));
        assert_eq!(check.state, State::Warn);
        assert!(check.found.contains("due at 2026-11-16T07:00:00Z"), "{}", check.found);
    }

    #[test]
    fn what_is_done_under_way_or_on_time_is_good() {
        let done = turn(at(7), TurnState::Done { at: at(8) });
        let check = judge(&found(Look::default(), vec![done]));
        assert_eq!(check.state, State::Ok);
        assert!(check.found.starts_with("done at 2026-11-16T08:00:00Z"), "{}", check.found);
        assert_eq!(judge(&found(due(false), Vec::new())).state, State::Ok);
        let under_way = Look { under_way: vec![at(7)], ..Look::default() };
        assert!(judge(&found(under_way, Vec::new())).found.starts_with("under way"));
        assert!(judge(&found(Look::default(), Vec::new())).found.starts_with("nothing was due"));
    }
}
