//! Later facts about a closed month: what its runs use now, less what was booked for them.
//!
//! A closed month never changes. A run that came late, or of which more became known, is priced
//! with the rates that were frozen, and the difference is booked in the next month that is open. A
//! run that is not met any more has expired, and its booking stands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cell::CellKey;
use super::run_ledger::Entry;
use super::statement::TotalIs;
use super::{Frozen, RunLedger};
use crate::analysis::{GapKind, GapLine};
use crate::model::{Engine, Usd};

/// What is booked of one closed month so far: by its own closing, and by corrections in months
/// closed since.
#[derive(Clone, Debug, Default)]
pub struct Booked {
    month: String,
    closed_on: Date,
    on_bill: bool,
    cells: Vec<CellKey>,
    /// In the order of hashes, one entry a run.
    entries: Vec<Entry>,
    total_usd: Usd,
    /// Of that, what no bill holds.
    off_bill_usd: Usd,
    /// Of that, what lines of the bill are, by kind; `None` where an older version closed it.
    lines: Option<BTreeMap<GapKind, Usd>>,
    final_bill_usd: Option<Usd>,
    /// Runs met so far that a second look must not count again.
    met: BTreeSet<u128>,
    /// Of those, without a price to this day.
    unpriced_runs: u64,
    found: BTreeMap<u128, (CellKey, Usd)>,
    /// Of what was found, what no bill holds.
    found_off_bill_usd: Usd,
}

/// What is known today of the bill of a month that is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBill {
    /// The bill, where it is final.
    pub usd: Option<Usd>,
    /// What of it the runs that are known today do not explain; `None` where not every run of the
    /// month is kept any more, or the bill is not final.
    pub lines: Option<Vec<GapLine>>,
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
    pub balance: Vec<BalancePart>,
    /// Of the runs' corrections, what is of engines that no bill holds.
    pub off_bill_usd: Usd,
    /// When the month was closed, as a UTC day.
    pub closed_on: Date,
    /// Whether it was closed on its final bill, and not on an estimate.
    pub on_bill: bool,
}

/// A part of what makes a closed month's bookings its final bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancePart {
    /// The kind of line of that month's bill; `None` where nothing tells.
    pub kind: Option<GapKind>,
    /// How much.
    pub usd: Usd,
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
    /// What closing a month on a UTC day booked.
    #[must_use]
    pub fn of(frozen: &Frozen, ledger: RunLedger, closed_on: Date) -> Self {
        let on_bill = frozen.says_total_is == TotalIs::Bill;
        // An older version closed no month on its bill that had anything beside it.
        let off_bill = frozen.off_bill_usd.unwrap_or_else(|| match on_bill {
            true => Usd::ZERO,
            false => of_other_engines(frozen),
        });
        let bill = frozen.bill_usd.unwrap_or(frozen.month_usd - off_bill);
        Self {
            month: frozen.month.clone(),
            closed_on,
            on_bill,
            cells: frozen.cells.iter().map(|cell| cell.key.clone()).collect(),
            entries: ledger.own,
            total_usd: frozen.month_usd,
            off_bill_usd: off_bill,
            lines: if on_bill { frozen.lines.clone() } else { Some(BTreeMap::new()) },
            final_bill_usd: on_bill.then_some(bill),
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

    /// The accounts that anything was booked in.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let on_bill = |cell: &&CellKey| !matches!(Engine::from(&*cell.engine), Engine::Other(_));
        let accounts = self.cells.iter().filter(on_bill).map(|cell| cell.account.as_str());
        accounts.filter(|account| !account.is_empty())
    }

    /// Adds what a month closed later booked as corrections of this one.
    pub fn add_corrections(&mut self, later: &Frozen, ledger: &RunLedger) {
        for booked in later.corrections.iter().filter(|booked| booked.month == self.month) {
            self.total_usd += booked.runs_usd + booked.balance_usd;
            self.off_bill_usd += booked.off_bill_usd;
            match (&booked.balance, &mut self.lines) {
                (Some(parts), Some(lines)) => {
                    for part in parts {
                        if let Some(kind) = part.kind {
                            *lines.entry(kind).or_default() += part.usd;
                        }
                    }
                }
                // What an older version booked in one sum cannot be told apart any more.
                _ if !booked.balance_usd.is_zero() => self.lines = None,
                _ => {}
            }
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
    /// price. `off_bill` says that no bill holds it, `owner` where it is booked if it was not there
    /// when the month was closed.
    pub fn meet(
        &mut self,
        run: u128,
        now: Option<Usd>,
        off_bill: bool,
        owner: impl FnOnce() -> CellKey,
    ) {
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
        if off_bill {
            self.found_off_bill_usd += now - before;
        }
        self.found.insert(run, (cell, now - before));
    }

    /// Runs of the closed month that have no price to this day, and are booked nowhere.
    #[must_use]
    pub const fn unpriced_runs(&self) -> u64 {
        self.unpriced_runs
    }

    /// What is to be booked, beside what is known of the bill now; `None` where nothing is.
    #[must_use]
    pub fn correction(self, bill: &NewBill) -> Option<Correction> {
        let runs_usd: Usd = self.found.values().map(|(_, usd)| *usd).sum();
        let off_bill = self.off_bill_usd + self.found_off_bill_usd;
        let missing = |bill: Usd| bill + off_bill - self.total_usd - runs_usd;
        let balance_usd = self.final_bill_usd.or(bill.usd).map_or(Usd::ZERO, missing);
        let balance = parts(balance_usd, self.lines.as_ref().zip(bill.lines.as_deref()));
        if self.found.is_empty() && balance.is_empty() {
            return None;
        }
        let corrected = |(run, (cell, usd))| Corrected { run, cell, usd };
        Some(Correction {
            month: self.month,
            runs: self.found.into_iter().map(corrected).collect(),
            balance,
            off_bill_usd: self.found_off_bill_usd,
            closed_on: self.closed_on,
            on_bill: self.on_bill,
        })
    }

    fn entry(&self, run: u128) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&run, |entry| entry.run).ok()?;
        self.entries.get(place)
    }
}

/// What was booked of engines that are neither of AWS's two.
fn of_other_engines(frozen: &Frozen) -> Usd {
    let other = |engine: &str| matches!(Engine::from(engine), Engine::Other(_));
    let cells = frozen.cells.iter().filter(|cell| other(&cell.key.engine));
    cells.map(|cell| cell.nanos.own).sum()
}

/// A balance by kind of line: what each is now, less what is booked of it. What that does not come
/// to is a part without a kind; so is all of it, where the lines then or now are not known.
fn parts(balance: Usd, lines: Option<(&BTreeMap<GapKind, Usd>, &[GapLine])>) -> Vec<BalancePart> {
    let mut kinds = BTreeMap::<GapKind, Usd>::new();
    // Where nothing is to be booked, lines that only changed their names are none of finance's.
    if let Some((booked, now)) = lines.filter(|_| !balance.is_zero()) {
        for line in now.iter().filter(|line| line.kind != GapKind::OtherEngines) {
            *kinds.entry(line.kind).or_default() += line.usd;
        }
        for (kind, usd) in booked {
            *kinds.entry(*kind).or_default() += -*usd;
        }
    }
    let rest = balance - kinds.values().copied().sum();
    let named = kinds.into_iter().map(|(kind, usd)| BalancePart { kind: Some(kind), usd });
    let all = named.chain([BalancePart { kind: None, usd: rest }]);
    let mut parts: Vec<BalancePart> = all.filter(|part| !part.usd.is_zero()).collect();
    // Stable: equal ones stay in the order of their kinds.
    parts.sort_by_key(|part| std::cmp::Reverse(part.usd.nanos().unsigned_abs()));
    parts
}

impl Correction {
    /// What makes everything that is booked for the month its final bill.
    #[must_use]
    pub fn balance_usd(&self) -> Usd {
        self.balance.iter().map(|part| part.usd).sum()
    }

    /// A part of the balance in a sentence: what was booked when, and why it changes.
    #[must_use]
    pub(super) fn explained(&self, part: &BalancePart) -> String {
        let Self { month, closed_on, .. } = self;
        let what = part.kind.map(|kind| kind.in_words());
        match (self.on_bill, what) {
            (true, Some(what)) => format!(
                "{month} was closed on {closed_on} on its final bill; runs that became known since \
                 are under corrections and were in that bill already: its line `{what}` changes by \
                 as much"
            ),
            (true, None) => format!(
                "{month} was closed on {closed_on} on its final bill; what is corrected of its runs \
                 was in that bill already, under other lines"
            ),
            (false, Some(what)) => format!(
                "{month} was closed on {closed_on} as estimated from its runs; this is what its \
                 final bill has as `{what}`, beyond what was booked"
            ),
            (false, None) => format!(
                "{month} was closed on {closed_on} as estimated from its runs; this is the rest of \
                 what makes that its final bill"
            ),
        }
    }

    /// What the runs of the correction come to.
    #[must_use]
    pub fn runs_usd(&self) -> Usd {
        self.runs.iter().map(|run| run.usd).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chargeback::property::nothing_beside;
    use crate::chargeback::{Book, FrozenCell, FrozenCorrection, Nanos, SplitRules};
    use crate::pricing::{PricingSettings, RateCard};

    const DAY: Date = Date::constant(2026, 11, 6);

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
        let rules = SplitRules::default();
        let statement = Book::default().finish(nothing_beside(month, &rules));
        let (card, pricing) = (RateCard::default(), PricingSettings::default());
        let mut frozen = Frozen::of(&statement.0, &[], &card, &pricing);
        let cell = |team: &&str| FrozenCell { key: key(team), nanos: Nanos::default() };
        (frozen.says_total_is, frozen.month_usd) = (says_total_is, month_usd);
        frozen.bill_usd = (says_total_is == TotalIs::Bill).then_some(month_usd);
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
        let mut booked = Booked::of(&october, own(&[(1, 0, 10), (2, 1, 20), (5, 1, 30)]), DAY);
        booked.meet(1, Some(usd(10)), false, || key("now"));
        booked.meet(2, Some(usd(25)), false, || key("now"));
        booked.meet(3, Some(usd(7)), false, || key("now"));
        // A second look at the same run, a run without a price, and 5, which has expired.
        booked.meet(3, Some(usd(99)), false, || key("now"));
        booked.meet(4, None, false, || key("now"));
        let correction = booked.correction(&NewBill::default()).unwrap();
        let runs: Vec<_> =
            correction.runs.iter().map(|r| (r.run, &*r.cell.team, r.usd.nanos())).collect();
        assert_eq!(runs, [(2, "b", 5), (3, "now", 7)]);
        assert_eq!(correction.balance_usd(), Usd::ZERO);
    }

    /// Run 1 was booked with 10 in October and 5 more in November; it uses 12 now.
    #[test]
    fn what_later_months_booked_counts() {
        let october = frozen("2026-10", TotalIs::Estimate, usd(10), &["a"]);
        let mut november = frozen("2026-11", TotalIs::Estimate, usd(0), &["a", "late"]);
        let (runs_usd, balance_usd) = (usd(9), usd(0));
        november.corrections = vec![FrozenCorrection {
            month: "2026-10".into(),
            runs_usd,
            balance_usd,
            balance: None,
            off_bill_usd: Usd::ZERO,
        }];
        let mut ledger = own(&[]);
        let entries = own(&[(1, 0, 5), (3, 1, 4)]).own;
        ledger.corrections =
            vec![("2026-10".into(), entries), ("2026-09".into(), own(&[(3, 0, 50)]).own)];
        let mut booked = Booked::of(&october, own(&[(1, 0, 10)]), DAY);
        booked.add_corrections(&november, &ledger);
        booked.meet(1, Some(usd(12)), false, || key("now"));
        booked.meet(3, Some(usd(6)), false, || key("now"));
        let correction = booked.correction(&NewBill::default()).unwrap();
        let runs: Vec<_> =
            correction.runs.iter().map(|r| (r.run, &*r.cell.team, r.usd.nanos())).collect();
        assert_eq!(runs, [(1, "a", -3), (3, "late", 2)]);
    }

    #[test]
    fn everything_booked_for_a_month_becomes_its_bill() {
        // Closed on its bill of 100: a late run was in it.
        let mut booked = Booked::of(
            &frozen("2026-10", TotalIs::Bill, usd(100), &["a"]),
            own(&[(1, 0, 60)]),
            DAY,
        );
        assert!(!booked.wants_bill());
        booked.meet(2, Some(usd(7)), false, || key("b"));
        assert_eq!(booked.correction(&NewBill::default()).unwrap().balance_usd(), usd(-7));
        // Closed at an estimate of 60, and billed 100 later.
        let estimated = frozen("2026-10", TotalIs::Estimate, usd(60), &["a"]);
        let mut booked = Booked::of(&estimated, own(&[(1, 0, 60)]), DAY);
        assert!(booked.wants_bill());
        booked.meet(2, Some(usd(7)), false, || key("b"));
        let bill = NewBill { usd: Some(usd(100)), lines: None };
        assert_eq!(booked.correction(&bill).unwrap().balance_usd(), usd(33));
        // Nothing new is nothing to book.
        let booked = Booked::of(&estimated, own(&[(1, 0, 60)]), DAY);
        assert_eq!(booked.correction(&NewBill::default()), None);
    }
}
