//! Later facts about a closed month: what its runs use now, less what was booked for them.
//!
//! A closed month never changes. A run that came late, or of which more became known, is priced
//! with the rates that were frozen, and the difference is booked in the next month that is open. A
//! run that is not met any more has expired, and its booking stands.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::CellKey;
use super::run_ledger::Entry;
use super::statement::TotalIs;
use super::{Frozen, RunLedger};
use crate::model::Usd;

/// What is booked of one closed month so far: by its own closing, and by corrections in months
/// closed since.
#[derive(Clone, Debug, Default)]
pub struct Booked {
    month: String,
    cells: Vec<CellKey>,
    /// In the order of hashes, one entry a run.
    entries: Vec<Entry>,
    total_usd: Usd,
    final_bill_usd: Option<Usd>,
    /// Runs met so far that a second look must not count again.
    met: BTreeSet<u128>,
    /// Of those, without a price to this day.
    unpriced_runs: u64,
    found: BTreeMap<u128, (CellKey, Usd)>,
}

/// The correction of one closed month, as it is booked in a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The closed month.
    pub month: String,
    /// Its runs, in the order of their hashes.
    pub runs: Vec<Corrected>,
    /// What makes everything that is booked for the month its final bill, where that is known: the
    /// late runs of a month that was closed on its bill were in that bill already.
    pub balance_usd: Usd,
}

/// One run's correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// The run: see [`super::run_hash`].
    pub run: u128,
    /// Where it is booked: where the run was when the month was closed, if it was there.
    pub cell: CellKey,
    /// The difference.
    pub usd: Usd,
}

impl Booked {
    /// What closing a month booked.
    #[must_use]
    pub fn of(frozen: &Frozen, ledger: RunLedger) -> Self {
        Self {
            month: frozen.month.clone(),
            cells: frozen.cells.iter().map(|cell| cell.key.clone()).collect(),
            entries: ledger.own,
            total_usd: frozen.month_usd,
            final_bill_usd: (frozen.says_total_is == TotalIs::Bill).then_some(frozen.month_usd),
            ..Self::default()
        }
    }

    /// The closed month.
    #[must_use]
    pub fn month(&self) -> &str {
        &self.month
    }

    /// Whether the bill was not final when the month was closed.
    #[must_use]
    pub const fn wants_bill(&self) -> bool {
        self.final_bill_usd.is_none()
    }

    /// The month's final bill, which became known after it was closed.
    pub const fn set_bill(&mut self, usd: Usd) {
        self.final_bill_usd = Some(usd);
    }

    /// Adds what a month closed later booked as corrections of this one.
    pub fn add_corrections(&mut self, later: &Frozen, ledger: &RunLedger) {
        for booked in later.corrections.iter().filter(|booked| booked.month == self.month) {
            self.total_usd += booked.runs_usd + booked.balance_usd;
        }
        let base = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.cells.extend(later.cells.iter().map(|cell| cell.key.clone()));
        let ours = ledger.corrections.iter().filter(|(month, _)| *month == self.month);
        for entry in ours.flat_map(|(_, entries)| entries) {
            self.entries.push(Entry { cell: entry.cell.saturating_add(base), ..*entry });
        }
        // Stable: of one run's entries that of the month itself stays first, and gives the cell.
        self.entries.sort_by_key(|entry| entry.run);
        self.entries.dedup_by(|next, kept| {
            let same = next.run == kept.run;
            if same {
                kept.usd += next.usd;
            }
            same
        });
    }

    /// Whether anything was booked for the run.
    #[must_use]
    pub fn knows(&self, run: u128) -> bool {
        self.entry(run).is_some()
    }

    /// Takes what a run uses now in the closed month at the frozen rates; `None` where it has no
    /// price. `owner` says where it is booked if it was not there when the month was closed.
    pub fn meet(&mut self, run: u128, now: Option<Usd>, owner: impl FnOnce() -> CellKey) {
        if !self.met.insert(run) {
            return;
        }
        let Some(now) = now else {
            self.unpriced_runs += 1;
            return;
        };
        let booked = self.entry(run);
        let before = booked.map_or(Usd::ZERO, |entry| entry.usd);
        if now == before {
            return;
        }
        let frozen = booked.and_then(|entry| self.cells.get(usize::try_from(entry.cell).ok()?));
        let cell = frozen.cloned().unwrap_or_else(owner);
        self.found.insert(run, (cell, now - before));
    }

    /// Runs of the closed month that have no price to this day, and are booked nowhere.
    #[must_use]
    pub const fn unpriced_runs(&self) -> u64 {
        self.unpriced_runs
    }

    /// What is to be booked; `None` where nothing is.
    #[must_use]
    pub fn correction(self) -> Option<Correction> {
        let runs_usd: Usd = self.found.values().map(|(_, usd)| *usd).sum();
        let missing = |bill: Usd| bill - self.total_usd - runs_usd;
        let balance_usd = self.final_bill_usd.map_or(Usd::ZERO, missing);
        if self.found.is_empty() && balance_usd.is_zero() {
            return None;
        }
        let corrected = |(run, (cell, usd))| Corrected { run, cell, usd };
        let runs = self.found.into_iter().map(corrected).collect();
        Some(Correction { month: self.month, runs, balance_usd })
    }

    fn entry(&self, run: u128) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&run, |entry| entry.run).ok()?;
        self.entries.get(place)
    }
}

impl Correction {
    /// What the runs of the correction come to.
    #[must_use]
    pub fn runs_usd(&self) -> Usd {
        self.runs.iter().map(|run| run.usd).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chargeback::{FrozenCell, FrozenCorrection, Nanos};
    use crate::pricing::{PricingSettings, RateCard};

    fn usd(nanos: i128) -> Usd {
        Usd::from_nanos(nanos)
    }

    fn key(team: &str) -> CellKey {
        CellKey {
            cost_center: String::new(),
            team: team.into(),
            account: "1".into(),
            region: "r".into(),
            engine: "glue".into(),
            job: "job".into(),
        }
    }

    fn frozen(month: &str, says_total_is: TotalIs, month_usd: Usd, teams: &[&str]) -> Frozen {
        let statement = crate::chargeback::Book::default().finish(crate::chargeback::Facts {
            month,
            as_of: jiff::Timestamp::UNIX_EPOCH,
            bill: None,
            rules: &crate::chargeback::SplitRules::default(),
            corrections: &[],
            unpriced_before: &[],
            budgets: Vec::new(),
            under_way_runs: 0,
            without_end_runs: 0,
            not_collected: &[],
            kept_since: None,
        });
        let (card, pricing) = (RateCard::default(), PricingSettings::default());
        let mut frozen = Frozen::of(&statement.0, &[], &card, &pricing);
        let cell = |team: &&str| FrozenCell { key: key(team), nanos: Nanos::default() };
        (frozen.says_total_is, frozen.month_usd) = (says_total_is, month_usd);
        frozen.cells = teams.iter().map(cell).collect();
        frozen
    }

    fn own(entries: &[(u128, u32, i128)]) -> RunLedger {
        let entry = |(run, cell, nanos): &(u128, u32, i128)| Entry {
            run: *run,
            cell: *cell,
            usd: usd(*nanos),
        };
        RunLedger { own: entries.iter().map(entry).collect(), corrections: Vec::new() }
    }

    #[test]
    fn differences_are_booked_where_the_run_was() {
        let october = frozen("2026-10", TotalIs::Estimate, usd(60), &["a", "b"]);
        let mut booked = Booked::of(&october, own(&[(1, 0, 10), (2, 1, 20), (5, 1, 30)]));
        booked.meet(1, Some(usd(10)), || key("now"));
        booked.meet(2, Some(usd(25)), || key("now"));
        booked.meet(3, Some(usd(7)), || key("now"));
        // A second look at the same run, a run without a price, and 5, which has expired.
        booked.meet(3, Some(usd(99)), || key("now"));
        booked.meet(4, None, || key("now"));
        let correction = booked.correction().unwrap();
        let runs: Vec<_> =
            correction.runs.iter().map(|r| (r.run, &*r.cell.team, r.usd.nanos())).collect();
        assert_eq!(runs, [(2, "b", 5), (3, "now", 7)]);
        assert_eq!(correction.balance_usd, Usd::ZERO);
    }

    /// Run 1 was booked with 10 in October and 5 more in November; it uses 12 now.
    #[test]
    fn what_later_months_booked_counts() {
        let october = frozen("2026-10", TotalIs::Estimate, usd(10), &["a"]);
        let mut november = frozen("2026-11", TotalIs::Estimate, usd(0), &["a", "late"]);
        let (runs_usd, balance_usd) = (usd(9), usd(0));
        november.corrections =
            vec![FrozenCorrection { month: "2026-10".into(), runs_usd, balance_usd }];
        let mut ledger = own(&[]);
        let entries = own(&[(1, 0, 5), (3, 1, 4)]).own;
        ledger.corrections =
            vec![("2026-10".into(), entries), ("2026-09".into(), own(&[(3, 0, 50)]).own)];
        let mut booked = Booked::of(&october, own(&[(1, 0, 10)]));
        booked.add_corrections(&november, &ledger);
        booked.meet(1, Some(usd(12)), || key("now"));
        booked.meet(3, Some(usd(6)), || key("now"));
        let correction = booked.correction().unwrap();
        let runs: Vec<_> =
            correction.runs.iter().map(|r| (r.run, &*r.cell.team, r.usd.nanos())).collect();
        assert_eq!(runs, [(1, "a", -3), (3, "late", 2)]);
    }

    #[test]
    fn everything_booked_for_a_month_becomes_its_bill() {
        // Closed on its bill of 100: a late run was in it.
        let mut booked =
            Booked::of(&frozen("2026-10", TotalIs::Bill, usd(100), &["a"]), own(&[(1, 0, 60)]));
        assert!(!booked.wants_bill());
        booked.meet(2, Some(usd(7)), || key("b"));
        assert_eq!(booked.correction().unwrap().balance_usd, usd(-7));
        // Closed at an estimate of 60, and billed 100 later.
        let estimated = frozen("2026-10", TotalIs::Estimate, usd(60), &["a"]);
        let mut booked = Booked::of(&estimated, own(&[(1, 0, 60)]));
        assert!(booked.wants_bill());
        booked.set_bill(usd(100));
        booked.meet(2, Some(usd(7)), || key("b"));
        assert_eq!(booked.correction().unwrap().balance_usd, usd(33));
        // Nothing new is nothing to book.
        assert_eq!(Booked::of(&estimated, own(&[(1, 0, 60)])).correction(), None);
    }
}
