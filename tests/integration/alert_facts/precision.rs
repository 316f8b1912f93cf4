//! That the rules about jumps are precise on a real log: few false alarms, and no jump missed that
//! a person would see. `cargo bench --bench alerts` prints the rates.

#[path = "../../bench/jumps.rs"]
mod jumps;

use crate::log::nasa_log;

#[test]
fn on_the_nasa_log_jumps_are_few_and_none_that_is_planted_is_missed() {
    let Some(lines) = nasa_log() else { return };
    let found = jumps::precision(&lines);
    assert!(found.judged > 1_000, "{found:?}");
    for (code, fired) in &found.fired {
        assert!(fired * 200 <= found.judged, "{code}: {found:?}");
    }
    assert_eq!(found.planted.len(), 2, "{found:?}");
    for (code, (planted, caught)) in &found.planted {
        assert!(*planted >= 20 && planted == caught, "{code}: {found:?}");
    }
}
