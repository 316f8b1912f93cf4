//! Seeded chance: the only source of variety in the simulated company.
//!
//! Every decision draws from a stream of its own, named by what it is about (a job, and the second
//! of its start), so no decision shifts another one: the past stays the same when `now` moves on.
//! Only additions, multiplications and divisions are used, which IEEE 754 defines to the last bit,
//! and no `exp` or `ln`, which each platform rounds in its own way: equal seeds give equal bytes
//! everywhere. This is no source of secrets.

use std::fmt::Write as _;

/// A stream of numbers: `SplitMix64`, by Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream that belongs to a subject (a job's name, say) and a number (the second in which
    /// it starts) under a seed.
    pub(super) fn of(seed: u64, subject: &str, number: i64) -> Self {
        // FNV-1a tells subjects apart; one draw in between keeps neighbouring seeds unalike.
        let mut state = Self(seed).next() ^ 0xcbf2_9ce4_8422_2325;
        for byte in subject.bytes().chain(number.to_le_bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(state)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        // Thirty-two bits, because every `u32` is exactly an `f64`.
        f64::from((self.next() >> 32) as u32) / 4_294_967_296.0
    }

    /// Whether something of this probability happens.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        let step = ((self.next() >> 32) * span) >> 32;
        low + u32::try_from(step).unwrap_or(0)
    }

    /// One of several things; there must be at least one.
    pub(super) fn pick<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        let last = u32::try_from(things.len().saturating_sub(1)).unwrap_or(u32::MAX);
        &things[self.between(0, last) as usize]
    }

    /// Puts things into an order of chance (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for index in (1..things.len()).rev() {
            let other = self.between(0, u32::try_from(index).unwrap_or(u32::MAX)) as usize;
            things.swap(index, other);
        }
    }

    /// A factor whose logarithm is normally distributed around 0: how much longer than usual a run
    /// takes. Half of all factors are below 1, and a few are far above.
    pub(super) fn factor(&mut self, spread: f64) -> f64 {
        // Twelve uniform numbers add up to a good normal one, of mean 6 and deviation 1.
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        // e^x as (1 + x/1024)^1024, by squaring ten times.
        (0..10).fold(1.0 + normal * spread / 1024.0, |power, _| power * power)
    }

    /// So many hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            // Writing into a string cannot fail.
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(digits);
        text
    }

    /// So many of the digits and small letters that EMR Serverless makes its ids of.
    pub(super) fn id(&mut self, characters: usize) -> String {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..characters).map(|_| char::from(*self.pick(ALPHABET))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut chance = Chance(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn streams_differ_by_seed_subject_and_number() {
        let first = |seed, subject, number| Chance::of(seed, subject, number).hex(64);
        let one = first(1, "load", 10);
        assert_eq!(one, first(1, "load", 10));
        assert_eq!(one.len(), 64);
        for other in [first(2, "load", 10), first(1, "loads", 10), first(1, "load", 11)] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn whole_numbers_keep_to_their_bounds_and_reach_them() {
        let mut chance = Chance::of(7, "bounds", 0);
        let drawn: std::collections::BTreeSet<u32> =
            (0..200).map(|_| chance.between(3, 6)).collect();
        assert_eq!(drawn, [3, 4, 5, 6].into());
    }

    #[test]
    fn factors_are_log_normal() {
        let mut chance = Chance::of(7, "factors", 0);
        let mut factors: Vec<f64> = (0..20_000).map(|_| chance.factor(0.5)).collect();
        factors.sort_by(f64::total_cmp);
        assert!((0.97..1.03).contains(&factors[10_000]), "the median is 1");
        // One deviation above and below: e^0.5 and e^-0.5, at the 84.1st and 15.9th percentile.
        assert!((1.58..1.72).contains(&factors[16_820]));
        assert!((0.58..0.64).contains(&factors[3_180]));
    }

    #[test]
    fn a_shuffle_loses_nothing() {
        let mut things: Vec<u32> = (0..100).collect();
        Chance::of(7, "shuffle", 0).shuffle(&mut things);
        assert_ne!(things, (0..100).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..100).collect::<Vec<_>>());
    }
}
