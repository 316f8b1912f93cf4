//! Estimate and bill beside each other, cell by cell, and what each difference is called.
//!
//! A cell is a UTC day, an account and a usage type. Where more was billed than the runs used, the
//! rest is somebody else's (at the billed rate) and the runs' own part may differ by rate. Where
//! less was billed, the runs were estimated too high (at their own rate) and what was billed may
//! differ by rate. So a cell's parts add up to its difference; what is too small to be one is
//! rounding.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::billed::{
    Billed, Item, QUANTITY_DECIMALS, amount, is_emr, is_rounding, item, part_of, run_tail, usd,
};
use super::estimate::{Cell, Estimate, Place, Under};
use super::explain::{explained, reason};
use super::known_bill::{AccountBill, Known, KnownBill, days};
use super::questions::{Evidence, questions};
use super::unseen;
use super::{
    BillState, Compared, Comparison, GapKind, GapLine, OTHER_ENGINES, OverEstimate, TrueUp,
};
use crate::model::{Engine, Usd};
use crate::pricing::region_prefix;

/// How far the runs of an account, region and engine were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: Engine,
    /// Until when every run is known; `None` where no sweep came to its end.
    pub through: Option<Timestamp>,
}

/// What a comparison needs beside the runs.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The bills, as far as they were read: one for each account that is asked, read or not.
    pub bills: &'a [AccountBill],
    /// What was collected: where all runs are known, what is billed beyond them is idle capacity.
    pub collected: &'a [Collected],
    /// Accounts with EMR Serverless runs under way of whose use nothing is known, with their first
    /// UTC day.
    pub under_way: &'a [(String, Date)],
    /// Why bills could not be read, in the words of whoever tried.
    pub problems: &'a [String],
    /// See `BillSettings`.
    pub tolerance_percent: Decimal,
    /// See `BillSettings`.
    pub tolerance_usd: Usd,
}

/// What a line of the gap sums up.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) usd: Usd,
    pub(super) estimated: Decimal,
    pub(super) billed: Decimal,
    pub(super) estimate_usd: Usd,
    pub(super) bill_usd: Usd,
    pub(super) unit: String,
    pub(super) days: BTreeSet<Date>,
    /// Whether it holds more than the tolerance on a day.
    pub(super) beyond: bool,
}

type LineKey = (GapKind, Option<String>, Option<String>);

struct Comparing<'f> {
    facts: &'f Facts<'f>,
    known: KnownBill<'f>,
    /// Region prefixes under which EMR Serverless is billed, by account.
    prefixes: BTreeMap<&'f str, BTreeSet<&'f str>>,
    sums: BTreeMap<LineKey, Sum>,
    rows: Vec<Compared>,
    over: Vec<OverEstimate>,
    evidence: Vec<Evidence>,
}

/// One cell, with both sides.
struct Sides<'c> {
    day: Date,
    account: &'c str,
    tail: &'c str,
    settled: bool,
    cell: &'c Cell,
    billed: &'c Billed,
    bill_usd: Usd,
}

/// Holds an estimate against the bill of the same days.
#[must_use]
pub fn compare(estimate: Estimate, facts: &Facts<'_>) -> Comparison {
    let wanted = estimate.days.clone();
    let applies_minimum = estimate.applies_minimum();
    let cells = estimate.finish();
    let estimate_usd: Usd = cells.values().map(|cell| cell.usd).sum();
    let off_bill = |((_, _, under), _): &(&Place, &Cell)| *under == Under::OtherEngine;
    let off_bill_usd = cells.iter().filter(off_bill).map(|(_, cell)| cell.usd).sum();
    let known = KnownBill::new(facts.bills, &wanted);
    let (days_read, days_settled) = known.counts(&wanted);
    let day_count = days(&wanted).count();
    let is_known = !known.is_empty() && (known.foreign.is_empty() || known.has_dollars());
    let bill_usd = is_known.then(|| usd(known.dollar_lines().map(amount).sum()));
    let state = match bill_usd {
        None => BillState::Unknown,
        Some(_) if days_settled == day_count && known.foreign.is_empty() => BillState::Final,
        Some(_) => BillState::Partial,
    };
    let mut reason = reason(state, &known, facts.problems, (day_count, days_read, days_settled));
    let mut comparing = Comparing::new(facts, known);
    comparing.compare(cells);
    let Comparing { sums, mut rows, mut over, evidence, .. } = comparing;
    let (state, outside) = (without_others(state, &sums), on_no_bill(&sums));
    reason = outside.filter(|_| state == BillState::Partial).or(reason);
    rows.sort_by(|a, b| {
        (a.day, &a.account, &a.usage_type).cmp(&(b.day, &b.account, &b.usage_type))
    });
    over.sort_by(|a, b| {
        b.usd.cmp(&a.usd).then_with(|| (a.day, &a.account).cmp(&(b.day, &b.account)))
    });
    let lines = bill_usd.map_or_else(Vec::new, |bill| lines(sums, bill - estimate_usd));
    let gap_usd = bill_usd.map(|bill| bill - estimate_usd - not_compared(&lines));
    let over_tolerance =
        gap_usd.zip(bill_usd).is_some_and(|(gap, bill)| facts.is_beyond(gap, bill));
    let true_up = TrueUp {
        days: wanted,
        day_count,
        days_read,
        days_settled,
        state,
        reason,
        estimate_usd,
        off_bill_usd,
        bill_usd,
        gap_usd,
        over_tolerance,
        lines,
        over_estimates: over,
        questions: questions(&evidence, applies_minimum),
    };
    Comparison { true_up, rows }
}

/// A bill that does not speak for all runs is not the whole of what they cost, however final it is.
fn without_others(state: BillState, sums: &BTreeMap<LineKey, Sum>) -> BillState {
    match state {
        BillState::Final if on_no_bill(sums).is_some() => BillState::Partial,
        other => other,
    }
}

/// What runs were estimated at that are on no bill that was read, in a sentence; `None` where all
/// are on one.
fn on_no_bill(sums: &BTreeMap<LineKey, Sum>) -> Option<String> {
    let outside = |((kind, _, _), sum): &(&LineKey, &Sum)| {
        *kind == GapKind::OutsideBill && !sum.usd.is_zero()
    };
    let accounts: Vec<&str> =
        sums.iter().filter(outside).filter_map(|((_, account, _), _)| account.as_deref()).collect();
    let usd: Usd = sums.iter().filter(outside).map(|(_, sum)| -sum.usd).sum();
    (!accounts.is_empty())
        .then(|| format!("runs of {} (${usd}) are on no bill that was read", accounts.join(", ")))
}

/// The lines, largest first, with what is left as rounding.
fn lines(sums: BTreeMap<LineKey, Sum>, difference: Usd) -> Vec<GapLine> {
    let named: Usd = sums.values().map(|sum| sum.usd).sum();
    let left = Sum { usd: difference - named, ..Sum::default() };
    let all = sums.into_iter().chain([((GapKind::Rounding, None, None), left)]);
    let mut lines: Vec<GapLine> = all
        .filter(|(_, sum)| !sum.usd.is_zero())
        .map(|((kind, account, usage_type), sum)| GapLine {
            explanation: explained(kind, usage_type.as_deref(), &sum),
            kind,
            account,
            usage_type,
            usd: sum.usd,
        })
        .collect();
    // Stable: equal ones stay in the order of their keys.
    lines.sort_by_key(|line| std::cmp::Reverse(line.usd.nanos().unsigned_abs()));
    lines
}

/// What of the difference is no question of right or wrong: days to come, and other bills.
fn not_compared(lines: &[GapLine]) -> Usd {
    let other = |line: &&GapLine| {
        use GapKind::{DaysNotSettled, OtherEngines, OutsideBill};
        matches!(line.kind, DaysNotSettled | OutsideBill | OtherEngines)
    };
    lines.iter().filter(other).map(|line| line.usd).sum()
}

impl Facts<'_> {
    /// Whether a difference is beyond the tolerance, beside what was billed.
    fn is_beyond(&self, difference: Usd, billed: Usd) -> bool {
        let decimal = |usd: Usd| Decimal::from_i128_with_scale(usd.nanos().abs(), 9);
        decimal(difference) > decimal(self.tolerance_usd)
            && decimal(difference) * Decimal::ONE_HUNDRED > self.tolerance_percent * decimal(billed)
    }

    /// Whether every run of EMR Serverless is known that used something of an account on a day, in
    /// as many regions as it is billed in.
    fn all_emr_runs_known(&self, account: &str, day: Date, regions_billed: usize) -> bool {
        let end = day.saturating_add(SignedDuration::from_hours(24)).to_zoned(TimeZone::UTC);
        let end = end.map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        let swept: Vec<_> = self
            .collected
            .iter()
            .filter(|c| c.account == account && c.engine == Engine::EmrServerless)
            .collect();
        let under_way = self.under_way.iter().any(|(of, from)| of == account && *from <= day);
        !under_way
            && regions_billed <= swept.iter().map(|c| &c.region).collect::<BTreeSet<_>>().len()
            && swept.iter().all(|c| c.through.is_some_and(|through| through >= end))
    }
}

impl<'f> Comparing<'f> {
    fn new(facts: &'f Facts<'f>, known: KnownBill<'f>) -> Self {
        let mut prefixes = BTreeMap::<_, BTreeSet<_>>::new();
        for line in known.dollar_lines() {
            let named = line.usage_type.as_deref().zip(run_tail(line));
            if let Some((usage_type, tail)) = named.filter(|(_, tail)| is_emr(tail)) {
                let prefix = region_prefix(usage_type, tail);
                prefixes.entry(line.account.as_str()).or_default().insert(prefix);
            }
        }
        let (sums, rows, over, evidence) = Default::default();
        Self { facts, known, prefixes, sums, rows, over, evidence }
    }

    fn compare(&mut self, mut cells: BTreeMap<Place, Cell>) {
        let mut runs = BTreeMap::<(Date, String, &'static str), Billed>::new();
        let mut others = BTreeMap::<(Date, String, Item), Billed>::new();
        for line in self.known.dollar_lines() {
            let place = (line.day, line.account.clone());
            let billed = match item(line) {
                Item::Runs(tail) => runs.entry((place.0, place.1, tail)).or_default(),
                item => others.entry((place.0, place.1, item)).or_default(),
            };
            billed.amount += amount(line);
            billed.quantity += line.quantity.round_dp(QUANTITY_DECIMALS);
            if billed.unit.is_empty() || (!line.unit.is_empty() && line.unit < billed.unit) {
                billed.unit.clone_from(&line.unit);
            }
        }
        let unseen = unseen::found(&cells, &mut others);
        for (day, account, tail) in runs.keys() {
            cells.entry((*day, account.clone(), Under::Tail(tail))).or_default();
        }
        for (account, found) in &unseen {
            for day in found.days.keys() {
                cells.entry((*day, account.clone(), Under::UnseenType)).or_default();
            }
        }
        let nothing = Billed::default();
        for ((day, account, under), cell) in &cells {
            let (tail, billed): (&str, _) = match (under, unseen.get(account)) {
                (Under::Tail(tail), _) => (tail, runs.get(&(*day, account.clone(), *tail))),
                (Under::UnseenType, Some(found)) => (&found.tail, found.days.get(day)),
                _ => {
                    self.without_type(*day, account, *under, cell);
                    continue;
                }
            };
            let billed = billed.unwrap_or(&nothing);
            let (bill_usd, settled) = (usd(billed.amount), false);
            let mut sides = Sides { day: *day, account, tail, settled, cell, billed, bill_usd };
            let known = self.known.known(*day, account);
            sides.settled = known == Known::Settled;
            match known {
                Known::Settled | Known::Unsettled => self.cell(&sides),
                missing => self.not_on_bill(*day, account, missing, cell.usd),
            }
            self.row(&sides, known);
        }
        for ((day, account, item), billed) in &others {
            self.other(*day, account, item, billed);
        }
    }

    /// A cell of which both sides are known.
    fn cell(&mut self, sides: &Sides<'_>) {
        let Sides { cell, bill_usd, .. } = *sides;
        let billed = sides.billed.quantity.max(Decimal::ZERO);
        if sides.settled {
            self.evidence.push(Evidence::of(sides.tail, cell, billed));
        }
        let difference = billed - cell.quantity;
        let rate_part = if is_rounding(difference, billed.max(cell.quantity)) {
            bill_usd - cell.usd
        } else if difference > Decimal::ZERO {
            self.beyond_runs(sides, billed)
        } else {
            self.below_runs(sides, billed)
        };
        let of = bill_usd.max(cell.usd).nanos();
        if !is_rounding(rate_part.nanos().into(), of.into()) {
            self.add(GapKind::RateVariance, sides, rate_part);
        }
    }

    /// More was billed than the runs used: the rest has other names. Returns what the runs' own
    /// part differs by.
    fn beyond_runs(&mut self, sides: &Sides<'_>, billed: Decimal) -> Usd {
        let Sides { cell, bill_usd, .. } = *sides;
        let runs = part_of(bill_usd, cell.quantity, billed);
        let rest = billed - cell.quantity;
        let unpriced = part_of(bill_usd, cell.unpriced.min(rest), billed);
        self.add(GapKind::UnpricedRuns, sides, unpriced);
        let left = bill_usd - runs - unpriced;
        // What is as little of the bill as rounding is not worth a name.
        let left_quantity = rest - cell.unpriced.min(rest);
        if !is_rounding(left_quantity, billed) {
            self.add(self.kind_of_rest(sides), sides, left);
        }
        runs - cell.usd
    }

    /// Less was billed than the runs used. Returns what the billed part differs by.
    fn below_runs(&mut self, sides: &Sides<'_>, billed: Decimal) -> Usd {
        let Sides { cell, bill_usd, .. } = *sides;
        let over = cell.quantity - billed;
        let over_usd = part_of(cell.usd, over, cell.quantity);
        if sides.settled {
            let bound = part_of(cell.usd, over.min(cell.upper_bound), cell.quantity);
            let error = over_usd - bound;
            self.add(GapKind::UpperBound, sides, -bound);
            self.add(GapKind::OverEstimate, sides, -error);
            if self.facts.is_beyond(error, bill_usd) {
                let account = Some(sides.account.to_owned());
                let key = (GapKind::OverEstimate, account, Some(sides.tail.to_owned()));
                self.sum(key, sides.day).beyond = true;
                self.over.push(OverEstimate {
                    day: sides.day,
                    account: sides.account.to_owned(),
                    usage_type: sides.tail.to_owned(),
                    estimated_quantity: cell.quantity.normalize(),
                    billed_quantity: billed.normalize(),
                    usd: error,
                });
            }
        } else {
            let key = (GapKind::DaysNotSettled, Some(sides.account.to_owned()), None);
            self.sum(key, sides.day).usd += -over_usd;
        }
        bill_usd - (cell.usd - over_usd)
    }

    fn kind_of_rest(&self, sides: &Sides<'_>) -> GapKind {
        if sides.tail.contains("Session") {
            return GapKind::SessionsNotSeen;
        }
        if !is_emr(sides.tail) {
            return GapKind::RunsNotCaptured;
        }
        let regions = self.prefixes.get(sides.account).map_or(0, BTreeSet::len);
        if self.facts.all_emr_runs_known(sides.account, sides.day, regions) {
            GapKind::IdleCapacity
        } else {
            GapKind::IdleOrNotCaptured
        }
    }

    /// Usage that has no usage type to be found on the bill by.
    fn without_type(&mut self, day: Date, account: &str, under: Under, cell: &Cell) {
        let known = match under {
            Under::OtherEngine => Known::Nowhere,
            _ => self.known.known(day, account),
        };
        let is_read = matches!(known, Known::Settled | Known::Unsettled);
        if is_read || under == Under::OtherEngine {
            let kind = if is_read { GapKind::OtherUsage } else { GapKind::OtherEngines };
            self.sum((kind, Some(account.to_owned()), None), day).usd += -cell.usd;
        } else {
            self.not_on_bill(day, account, known, cell.usd);
        }
        if !cell.usd.is_zero() {
            let word = if under == Under::OtherEngine { OTHER_ENGINES } else { "unknown" };
            self.rows.push(Compared {
                day,
                account: account.to_owned(),
                usage_type: word.to_owned(),
                unit: String::new(),
                settled: known == Known::Settled,
                estimated_quantity: cell.quantity.normalize(),
                billed_quantity: Decimal::ZERO,
                estimate_usd: cell.usd,
                bill_usd: is_read.then_some(Usd::ZERO),
            });
        }
    }

    fn not_on_bill(&mut self, day: Date, account: &str, known: Known, estimate: Usd) {
        let kind = match known {
            Known::Unread => GapKind::DaysNotSettled,
            _ => GapKind::OutsideBill,
        };
        self.sum((kind, Some(account.to_owned()), None), day).usd += -estimate;
    }

    /// What is billed and is no usage of runs.
    fn other(&mut self, day: Date, account: &str, item: &Item, billed: &Billed) {
        let (Item::Usage(kind, name) | Item::Record(kind, name)) = item else { return };
        let bill_usd = usd(billed.amount);
        let key = (*kind, Some(account.to_owned()), Some(name.clone()));
        let sum = self.sum(key, day);
        sum.usd += bill_usd;
        sum.billed += billed.quantity;
        sum.unit.clone_from(&billed.unit);
        self.rows.push(Compared {
            day,
            account: account.to_owned(),
            usage_type: name.clone(),
            unit: billed.unit.clone(),
            settled: self.known.known(day, account) == Known::Settled,
            estimated_quantity: Decimal::ZERO,
            billed_quantity: billed.quantity.normalize(),
            estimate_usd: Usd::ZERO,
            bill_usd: Some(bill_usd),
        });
    }

    /// Adds a part of a cell's difference, with both sides for the explanation.
    fn add(&mut self, kind: GapKind, sides: &Sides<'_>, usd: Usd) {
        if usd.is_zero() {
            return;
        }
        let key = (kind, Some(sides.account.to_owned()), Some(sides.tail.to_owned()));
        let sum = self.sum(key, sides.day);
        sum.usd += usd;
        sum.estimated += sides.cell.quantity;
        sum.billed += sides.billed.quantity;
        sum.estimate_usd += sides.cell.usd;
        sum.bill_usd += sides.bill_usd;
        if !sides.billed.unit.is_empty() {
            sum.unit.clone_from(&sides.billed.unit);
        }
    }

    fn sum(&mut self, key: LineKey, day: Date) -> &mut Sum {
        let sum = self.sums.entry(key).or_default();
        sum.days.insert(day);
        sum
    }

    fn row(&mut self, sides: &Sides<'_>, known: Known) {
        self.rows.push(Compared {
            day: sides.day,
            account: sides.account.to_owned(),
            usage_type: sides.tail.to_owned(),
            unit: sides.billed.unit.clone(),
            settled: sides.settled,
            estimated_quantity: sides.cell.quantity.normalize(),
            billed_quantity: sides.billed.quantity.normalize(),
            estimate_usd: sides.cell.usd,
            bill_usd: matches!(known, Known::Settled | Known::Unsettled).then_some(sides.bill_usd),
        });
    }
}
