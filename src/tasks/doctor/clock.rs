//! This machine's clock beside AWS's. Signatures that are more than five minutes off are refused
//! (AWS, "Signature Version 4"), and a report made by a wrong clock is of another week.

use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Group};
use crate::report::format;

const WARN: SignedDuration = SignedDuration::from_secs(60);
const WRONG: SignedDuration = SignedDuration::from_mins(5);
/// The header that the time is read from has whole seconds.
const ROUNDED: SignedDuration = SignedDuration::from_secs(1);

/// Judges the time of an answer, by the clock's time before the question and after the answer:
/// whatever a call takes, the answer was written in between.
pub(super) fn judge(time: Option<Timestamp>, asked: (Timestamp, Timestamp)) -> Check {
    let (group, name) = (Group::Credentials, "clock");
    let Some(time) = time else {
        let found = "no answer of AWS to hold this machine's clock against";
        return Check::not_checked(group, name, found, "");
    };
    let ahead = asked.0.duration_since(time) - ROUNDED;
    let behind = time.duration_since(asked.1);
    let off = ahead.max(behind).max(SignedDuration::ZERO);
    let way = if ahead > behind { "ahead of" } else { "behind" };
    let span = format::duration(off.as_secs().unsigned_abs());
    let found = format!("this machine's clock is {span} {way} AWS's");
    let fix = "let the machine keep its time by NTP (chrony, systemd-timesyncd)";
    if off >= WRONG {
        Check::wrong(group, name, &found, fix)
    } else if off > WARN {
        Check::warn(group, name, &found, fix)
    } else {
        Check::ok(group, name, "this machine's clock agrees with AWS's within a minute")
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_clock_is_off_by_what_no_slow_call_explains() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        // Asked at 0, answered at 40: anything in between is right.
        let of = |time| judge(Some(at(time)), (at(0), at(40)));
        let state = |time| of(time).state;
        assert_eq!([state(-1), state(0), state(40), state(100)], [State::Ok; 4]);
        assert_eq!([state(-61), state(-62), state(101)], [State::Ok, State::Warn, State::Warn]);
        assert_eq!([state(-300), state(339)], [State::Warn, State::Warn]);
        assert_eq!([state(-301), state(340)], [State::Wrong, State::Wrong]);
        assert!(of(340).found.contains("5 m 0 s behind"), "{}", of(340).found);
        assert!(of(-3_601).found.contains("1 h 0 m ahead of"), "{}", of(-3_601).found);
        assert_eq!(judge(None, (at(0), at(1))).state, State::NotChecked);
    }
}
