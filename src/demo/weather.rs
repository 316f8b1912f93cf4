//! What a whole account suffers together: now and then a bad spell of some hours, in which storage
//! and networks answer slowly, and runs take longer and fail more often.

use super::chance::Chance;
use super::rhythm::DAY;

/// How the weather is for a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weather {
    /// How many times as long the run takes.
    pub(super) slowdown: f64,
    /// What is added to the probability that it fails.
    pub(super) extra_fault_rate: f64,
}

const CLEAR: Weather = Weather { slowdown: 1.0, extra_fault_rate: 0.0 };
const BAD: Weather = Weather { slowdown: 1.4, extra_fault_rate: 0.12 };

/// One day in this many has a bad spell, for each account and region.
const DAYS_BETWEEN_SPELLS: u32 = 12;

/// The weather of an account and region at a second of the Unix epoch.
pub(super) fn weather(seed: u64, account: &str, region: &str, second: i64) -> Weather {
    let mut chance = Chance::of(seed, &format!("weather {account} {region}"), second / DAY);
    if chance.between(1, DAYS_BETWEEN_SPELLS) != 1 {
        return CLEAR;
    }
    let begins = i64::from(chance.between(0, 20)) * 3_600;
    let ends = begins + i64::from(chance.between(2, 4)) * 3_600;
    if (begins..ends).contains(&(second % DAY)) { BAD } else { CLEAR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_spells_are_rare_and_last_some_hours() {
        let hours: Vec<bool> = (0..24 * 1_000)
            .map(|hour| weather(1, "111122223333", "us-east-1", hour * 3_600) == BAD)
            .collect();
        let bad = hours.iter().filter(|bad| **bad).count();
        // 1,000 days, one in twelve bad, three hours each.
        assert!((150..350).contains(&bad), "{bad}");
        let longest = hours.split(|bad| !bad).map(<[bool]>::len).max().unwrap();
        assert!((4..=8).contains(&longest), "{longest}");
    }
}
