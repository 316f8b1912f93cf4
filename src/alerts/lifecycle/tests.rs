//! Courses of sightings, and what is told of them.

use jiff::ToSpan;
use proptest::prelude::*;

use super::*;
use crate::alerts::finding::Subject;

const START: &str = "2026-11-09T00:00:00Z";

fn finding(severity: Severity, magnitude: u64) -> Finding {
    let subject = Subject { job: "load".into(), ..Subject::default() };
    let message = "load cost $12".to_owned();
    Finding { magnitude, ..Finding::new("job-cost", severity, subject, message) }
}

fn pace(now: Timestamp) -> Pace<'static> {
    Pace { now, baseline: false, reminders: &REMINDERS }
}

/// What is told of a course of sightings, one an hour: `+` found, `!` found far beyond, `-` clear,
/// `~` waiting, `?` blind.
fn course(marks: &str) -> String {
    let mut state: Option<AlertState> = None;
    let start: Timestamp = START.parse().unwrap();
    let (usual, far) = (finding(Severity::Warning, 1_200), finding(Severity::Warning, 9_000));
    let tell = |(hour, mark): (usize, char)| {
        let now = start + i64::try_from(hour).unwrap().hours();
        let seen = match mark {
            '+' => Seen::Found(&usual, None),
            '!' => Seen::Found(&far, None),
            '-' => Seen::Clear,
            '~' => Seen::Waiting("a retry is under way"),
            _ => Seen::Blind("not collected"),
        };
        let next = step(state.as_ref(), seen, &pace(now));
        state = next.state;
        match next.outcome {
            Ok(Notice::Open) => 'O',
            Ok(Notice::Worsened) => 'W',
            Ok(Notice::Remind) => 'R',
            Ok(Notice::Stale) => 'S',
            Ok(Notice::Resolved) => 'E',
            Err(_) => '.',
        }
    };
    marks.chars().enumerate().map(tell).collect()
}

/// The notices of a long course, each with its hour.
fn told_in(marks: &str) -> Vec<(usize, char)> {
    course(marks).char_indices().filter(|(_, told)| *told != '.').collect()
}

#[test]
fn told_when_it_opens_worsens_and_ends() {
    assert_eq!(course("--+++-"), "..O..E");
    assert_eq!(course("++!!+-"), "O.W..E");
    assert_eq!(course("+?+-"), "O..E");
    assert_eq!(course("~+~~-"), ".O..E");
}

/// After the first all-clear proved wrong, it takes six quiet hours to be believed.
#[test]
fn flapping_gives_no_false_all_clear() {
    assert_eq!(course("+-+-+-+-------"), "OEO..........E");
    let day = "+-".repeat(13);
    assert_eq!(told_in(&day), [(0, 'O'), (1, 'E'), (2, 'O')]);
    assert_eq!(told_in(&format!("+-+-{}", "+-".repeat(20))), told_in(&"+-".repeat(22)));
}

#[test]
fn what_comes_back_after_a_day_is_new() {
    assert_eq!(
        told_in(&format!("+{}+-", "-".repeat(26))),
        [(0, 'O'), (1, 'E'), (27, 'O'), (28, 'E')]
    );
}

#[test]
fn reminders_come_after_one_three_and_seven_days() {
    let told = told_in(&"+".repeat(24 * 20));
    assert_eq!(told, [(0, 'O'), (24, 'R'), (96, 'R'), (264, 'R'), (432, 'R')]);
}

#[test]
fn what_is_only_good_to_know_is_told_once() {
    let now: Timestamp = START.parse().unwrap();
    let info = finding(Severity::Info, 0);
    let first = step(None, Seen::Found(&info, None), &pace(now));
    let later = step(first.state.as_ref(), Seen::Found(&info, None), &pace(now + 2_000.hours()));
    assert_eq!(later.outcome, Err(Quiet::Told { at: now, again_at: None }));
    // Nothing is to be written for it.
    assert_eq!(later.state, first.state);
}

#[test]
fn blindness_is_no_recovery_and_goes_stale() {
    let told = told_in(&format!("+{}+-", "?".repeat(24 * 9)));
    assert_eq!(told, [(0, 'O'), (169, 'S'), (217, 'R'), (218, 'E')]);
}

#[test]
fn waiting_is_silent_until_it_is_forgotten() {
    let months = format!("+{}+", "~".repeat(24 * 36));
    assert_eq!(told_in(&months), [(0, 'O'), (24 * 36 + 1, 'O')]);
}

#[test]
fn what_is_silenced_is_not_told_until_it_no_longer_is() {
    let now: Timestamp = START.parse().unwrap();
    let found = finding(Severity::Critical, 0);
    let tag = Quiet::Tag { tag: "remediate=false".into() };
    let first = step(None, Seen::Found(&found, Some(&tag)), &pace(now));
    assert_eq!(first.outcome, Err(tag));
    let second = step(first.state.as_ref(), Seen::Found(&found, None), &pace(now));
    assert_eq!(second.outcome, Ok(Notice::Open));
}

#[test]
fn the_baseline_is_told_only_when_it_becomes_worse() {
    let now: Timestamp = START.parse().unwrap();
    let first_day = Pace { baseline: true, ..pace(now) };
    let found = finding(Severity::Warning, 1_000);
    let known = step(None, Seen::Found(&found, None), &first_day);
    assert_eq!(known.outcome, Err(Quiet::Baseline));
    let later = step(known.state.as_ref(), Seen::Found(&found, None), &pace(now + 900.hours()));
    assert_eq!(later, known);
    let over = step(known.state.as_ref(), Seen::Clear, &pace(now));
    assert_eq!(over.outcome, Err(Quiet::NeverTold));
    let far = finding(Severity::Warning, 1_500);
    let worse = step(known.state.as_ref(), Seen::Found(&far, None), &pace(now));
    assert_eq!(worse.outcome, Ok(Notice::Worsened));
}

/// What ended after the first day and comes back is found anew, however soon.
#[test]
fn the_baseline_ends_with_its_alert() {
    let now: Timestamp = START.parse().unwrap();
    let found = finding(Severity::Warning, 0);
    let first_day = Pace { baseline: true, ..pace(now) };
    let known = step(None, Seen::Found(&found, None), &first_day);
    let over = step(known.state.as_ref(), Seen::Clear, &pace(now + 1.hour()));
    assert_eq!(over.outcome, Err(Quiet::NeverTold));
    for hours in [1, 23, 72] {
        let at = now + 1.hour() + hours.hours();
        let back = step(over.state.as_ref(), Seen::Found(&found, None), &pace(at));
        assert_eq!(back.outcome, Ok(Notice::Open), "after {hours} h");
        assert_eq!(back.state.unwrap().opened_at, at);
        // Not so where it is silenced for another reason, which may end.
        let mute = Quiet::Muted { until: None, why: "moved".into() };
        let muted = step(over.state.as_ref(), Seen::Found(&found, Some(&mute)), &pace(at));
        let heard = step(muted.state.as_ref(), Seen::Found(&found, None), &pace(at));
        assert_eq!((muted.outcome, heard.outcome), (Err(mute), Ok(Notice::Open)));
    }
}

proptest! {
    /// Whatever happens: nothing is told to be over that was not told before, and nothing opens
    /// twice without an end between.
    #[test]
    fn in_order(marks in "[+!~?-]{1,300}") {
        let mut open = false;
        for notice in course(&marks).chars().filter(|told| *told != '.') {
            match notice {
                'O' => { prop_assert!(!open); open = true; }
                'E' => { prop_assert!(open); open = false; }
                _ => prop_assert!(open),
            }
        }
    }

    /// However fast it comes and goes: an end takes six quiet hours, all but the first.
    #[test]
    fn few(marks in "[+-]{240}") {
        let told = told_in(&marks).len();
        prop_assert!(told <= 2 + 2 * 240 / 6, "{}", told);
    }

    /// What grows for ever is told as often as it grows by half.
    #[test]
    fn growth_is_told_boundedly_often(mut magnitudes in prop::collection::vec(any::<u64>(), 300)) {
        magnitudes.sort_unstable();
        let now: Timestamp = START.parse().unwrap();
        let (mut state, mut told) = (None, 0);
        for magnitude in magnitudes {
            let found = finding(Severity::Warning, magnitude);
            let next = step(state.as_ref(), Seen::Found(&found, None), &pace(now));
            told += u32::from(next.outcome.is_ok());
            state = next.state;
        }
        // The 64 bits of a magnitude hold 110 steps of a half.
        prop_assert!(told <= 112, "{}", told);
    }
}
