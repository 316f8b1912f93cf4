//! A month while its runs come in, and its statement when they are all there.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::cell::{CellKey, Nanos};
use super::correction::Correction;
use super::run_ledger::{Entry, RunLedger, run_hash};
use super::settings::{SplitRule, SplitRules, word_of};
use super::split::{Cells, split};
use super::statement::{BookedTotals, Bridge, Counts, Job, Line, Residual, Statement, TotalIs};
use super::{Outlook, tables};
use crate::analysis::{BillState, GapKind, GapLine, NotCollected, TrueUp};
use crate::model::{RunIdentity, Unpriced, Usd, columns_in_cents};

/// What one run brings to a month.
#[derive(Clone, Debug)]
pub struct RunUse<'a> {
    /// The run.
    pub identity: &'a RunIdentity,
    /// Where it is booked.
    pub cell: CellKey,
    /// What it used in the month.
    pub used: Usd,
    /// What it cost as a whole, or why it is unpriced.
    pub cost: Result<Usd, &'a Unpriced>,
    /// Whether it ended in the month.
    pub ended_here: bool,
    /// Whether it had not ended.
    pub under_way: bool,
    /// Whether it came with its own cost, so that no bill of Glue or EMR Serverless holds it.
    pub off_bill: bool,
}

/// What a statement says beside its runs.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The UTC month's name.
    pub month: &'a str,
    /// What "now" is.
    pub as_of: Timestamp,
    /// The month's bill beside its estimate, where that was asked for.
    pub bill: Option<&'a TrueUp>,
    /// Who bears which line.
    pub rules: &'a SplitRules,
    /// Corrections of months closed before.
    pub corrections: &'a [Correction],
    /// Of which closed months how many runs have no price to this day.
    pub unpriced_before: &'a [(String, u64)],
    /// Budgets of teams.
    pub budgets: Vec<Outlook>,
    /// Runs that began before the month's end and had not ended, whether their use is known or not.
    pub under_way_runs: u64,
    /// Runs that ended at a time that no source gave.
    pub without_end_runs: u64,
    /// What was not collected up to the month's end.
    pub not_collected: &'a [NotCollected],
    /// Whether any run of the month can still be stored.
    pub is_kept: bool,
    /// Cost centres of teams that bear fixed shares.
    pub cost_centers: &'a BTreeMap<String, String>,
    /// What else there is to know before the month is booked.
    pub also: &'a [String],
}

/// A month to which runs are added, in any order.
#[derive(Clone, Debug, Default)]
pub struct Book {
    places: HashMap<CellKey, u32>,
    cells: Vec<CellSum>,
    runs: Vec<Entry>,
    ended_usd: Usd,
    off_bill_usd: Usd,
    bridge: Bridge,
    counts: Counts,
    /// Why runs have no price, with how many.
    unpriced: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct CellSum {
    own: Usd,
    runs: u64,
    unpriced_runs: u64,
}

impl Book {
    /// Adds a run. A run is to be added once.
    pub fn add(&mut self, run: RunUse<'_>) {
        let next = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(run.cell).or_insert(next);
        if place == next {
            self.cells.push(CellSum::default());
        }
        if let Some(cell) = self.cells.get_mut(place as usize) {
            cell.own += run.used;
            cell.runs += 1;
            cell.unpriced_runs += u64::from(run.cost.is_err());
        }
        self.runs.push(Entry { run: run_hash(run.identity), cell: place, usd: run.used });
        self.counts.runs += 1;
        if run.off_bill {
            self.off_bill_usd += run.used;
        }
        if let Err(reason) = run.cost {
            self.counts.unpriced_runs += 1;
            *self.unpriced.entry(reason.to_string()).or_default() += 1;
        }
        if run.ended_here {
            let cost = run.cost.unwrap_or_default();
            self.counts.ended_runs += 1;
            self.ended_usd += cost;
            self.bridge.used_before_usd += cost - run.used;
        } else if run.under_way {
            self.bridge.under_way_usd += run.used;
        } else {
            self.bridge.ended_later_usd += run.used;
        }
    }

    /// Whether a team has a run in the month.
    #[must_use]
    pub fn has_team(&self, team: &str) -> bool {
        self.places.keys().any(|key| key.team == team)
    }

    /// The statement, and what was booked for each run.
    #[must_use]
    pub fn finish(self, facts: Facts<'_>) -> (Statement, RunLedger) {
        let own = |place: &u32| Nanos { own: self.cells[*place as usize].own, ..Nanos::default() };
        let mut cells: Cells =
            self.places.iter().map(|(key, place)| (key.clone(), own(place))).collect();
        let own_usd: Usd = cells.values().map(|nanos| nanos.own).sum();
        for run in facts.corrections.iter().flat_map(|correction| &correction.runs) {
            cells.entry(run.cell.clone()).or_default().correction += run.usd;
        }
        let final_bill = facts.bill.filter(|bill| bill.state == BillState::Final);
        let final_bill = final_bill.filter(|bill| bill.bill_usd.is_some());
        let mut lines: Vec<Line> = final_bill
            .into_iter()
            .flat_map(|bill| &bill.lines)
            // What no bill can hold is own use beside the bill, and nobody's to give back.
            .filter(|gap| gap.kind != GapKind::OtherEngines)
            .map(|gap| line(gap, &facts, &mut cells))
            .collect();
        lines.extend(facts.corrections.iter().flat_map(earlier_month));
        let cells: Vec<(CellKey, Nanos)> = cells.into_iter().collect();
        let ledger = self.ledger(&cells, facts.corrections);
        (self.statement(facts, own_usd, final_bill, cells, lines), ledger)
    }

    fn ledger(&self, cells: &[(CellKey, Nanos)], corrections: &[Correction]) -> RunLedger {
        let place_of = |key: &CellKey| {
            let place = cells.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
            u32::try_from(place).ok()
        };
        let mut places = vec![0; self.cells.len()];
        for (key, place) in &self.places {
            places[*place as usize] = place_of(key).unwrap_or_default();
        }
        let placed = |entry: &Entry| Entry { cell: places[entry.cell as usize], ..*entry };
        let mut own: Vec<Entry> = self.runs.iter().map(placed).collect();
        own.sort_unstable();
        let section = |correction: &Correction| {
            let entry = |run: &super::Corrected| {
                Some(Entry { run: run.run, cell: place_of(&run.cell)?, usd: run.usd })
            };
            (correction.month.clone(), correction.runs.iter().filter_map(entry).collect())
        };
        RunLedger { own, corrections: corrections.iter().map(section).collect() }
    }

    fn statement(
        self,
        facts: Facts<'_>,
        own_usd: Usd,
        final_bill: Option<&TrueUp>,
        cells: Vec<(CellKey, Nanos)>,
        lines: Vec<Line>,
    ) -> Statement {
        let (jobs, residuals) = self.booked(&cells, &lines);
        let sum = |amount: fn(&Nanos) -> Usd| cells.iter().map(|(_, nanos)| amount(nanos)).sum();
        let (shared_usd, correction_usd): (Usd, Usd) = (sum(|n| n.shared), sum(|n| n.correction));
        let unallocated_usd: Usd = lines.iter().map(|line| line.unallocated_usd).sum();
        let balances: Usd = facts.corrections.iter().map(Correction::balance_usd).sum();
        let bill_usd = final_bill.and_then(|bill| bill.bill_usd);
        let unsettled = facts.bill.filter(|_| final_bill.is_none());
        let booked = booked_totals(&jobs, &residuals);
        let warnings = super::warnings::warnings(&facts, &self.unpriced, own_usd, final_bill);
        Statement {
            month: facts.month.to_owned(),
            basis: "used",
            closed: false,
            is_known: facts.is_kept || self.counts.runs > 0,
            closing: None,
            as_of: facts.as_of,
            says_total_is: if bill_usd.is_some() { TotalIs::Bill } else { TotalIs::Estimate },
            bill_usd,
            bill_so_far_usd: unsettled.and_then(|bill| bill.bill_usd),
            bill_reason: match facts.bill {
                Some(bill) => bill.reason.clone(),
                None => Some("the bill has not been read".to_owned()),
            },
            ended_usd: self.ended_usd,
            bridge_usd: own_usd - self.ended_usd,
            bridge: self.bridge,
            own_usd,
            off_bill_usd: self.off_bill_usd,
            shared_usd,
            correction_usd,
            unallocated_usd,
            total_usd: own_usd + shared_usd + correction_usd + unallocated_usd,
            earlier_months_usd: correction_usd + balances,
            booked,
            rows: tables::rows(&jobs),
            cost_centers: tables::cost_centers(&jobs),
            teams: tables::teams(&jobs),
            unallocated: tables::unallocated(&jobs, booked.unallocated_usd),
            jobs,
            lines,
            residuals,
            budgets: facts.budgets,
            counts: Counts {
                under_way_runs: facts.under_way_runs,
                without_end_runs: facts.without_end_runs,
                corrected_runs: facts.corrections.iter().map(|c| c.runs.len() as u64).sum(),
                ..self.counts
            },
            warnings,
            cells,
        }
    }

    /// Cells and lines in cents: the sums of own, shared, corrections and what stays of lines among
    /// each other, then each over its cells. So own use does not move when a bill comes.
    fn booked(&self, cells: &[(CellKey, Nanos)], lines: &[Line]) -> (Vec<Job>, Vec<Residual>) {
        let column = |amount: fn(&Nanos) -> Usd| -> Vec<Usd> {
            cells.iter().map(|(_, nanos)| amount(nanos)).collect()
        };
        let (own, shared) = (column(|nanos| nanos.own), column(|nanos| nanos.shared));
        let correction = column(|nanos| nanos.correction);
        let left: Vec<Usd> = lines.iter().map(|line| line.unallocated_usd).collect();
        let [own, shared, correction, left] = columns_in_cents([&own, &shared, &correction, &left]);
        let booked = own.into_iter().zip(shared).zip(correction);
        let mut jobs = Vec::with_capacity(cells.len());
        for ((key, _), ((own_usd, shared_usd), correction_usd)) in cells.iter().zip(booked) {
            let sum = self.places.get(key).map(|place| self.cells[*place as usize]);
            let CellSum { runs, unpriced_runs, .. } = sum.unwrap_or_default();
            let usd = own_usd + shared_usd + correction_usd;
            let key = key.clone();
            jobs.push(Job { key, runs, unpriced_runs, own_usd, shared_usd, correction_usd, usd });
        }
        let residuals = lines.iter().zip(left);
        let residuals = residuals.filter(|(line, _)| !line.unallocated_usd.is_zero());
        (jobs, residuals.map(|(line, usd)| residual(line, usd)).collect())
    }
}

fn booked_totals(jobs: &[Job], residuals: &[Residual]) -> BookedTotals {
    let sum = |amount: fn(&Job) -> Usd| jobs.iter().map(amount).sum();
    let mut booked = BookedTotals {
        own_usd: sum(|job| job.own_usd),
        shared_usd: sum(|job| job.shared_usd),
        correction_usd: sum(|job| job.correction_usd),
        unallocated_usd: residuals.iter().map(|residual| residual.usd).sum(),
        total_usd: Usd::ZERO,
    };
    booked.total_usd =
        booked.own_usd + booked.shared_usd + booked.correction_usd + booked.unallocated_usd;
    booked
}

fn line(gap: &GapLine, facts: &Facts<'_>, cells: &mut Cells) -> Line {
    let rule = facts.rules.rule(gap.kind);
    let outcome = split(cells, gap.usd, gap.account.as_deref(), &rule, facts.cost_centers);
    Line {
        name: word_of(gap.kind),
        month: None,
        kind: Some(word_of(gap.kind)),
        account: gap.account.clone(),
        usage_type: gap.usage_type.clone(),
        usd: gap.usd,
        split: rule.in_words().to_owned(),
        unallocated_usd: outcome.left,
        explanation: gap.explanation.clone(),
        reason: outcome.reason.map(str::to_owned),
    }
}

/// What makes an earlier month's bookings its final bill, by what the bill has there: nobody's,
/// because whose it was before was decided when that month was closed.
fn earlier_month(correction: &Correction) -> impl Iterator<Item = Line> {
    correction.balance.iter().map(|part| Line {
        name: "earlier-month".to_owned(),
        month: Some(correction.month.clone()),
        kind: part.kind.map(word_of),
        account: None,
        usage_type: None,
        usd: part.usd,
        split: SplitRule::None.in_words().to_owned(),
        unallocated_usd: part.usd,
        explanation: correction.explained(part),
        reason: Some(format!("with it, all that is booked for {} is its bill", correction.month)),
    })
}

fn residual(line: &Line, usd: Usd) -> Residual {
    let mut reason = line.explanation.clone();
    if let Some(why) = &line.reason {
        reason = format!("{reason}; {why}");
    }
    Residual {
        name: line.name.clone(),
        month: line.month.clone(),
        kind: line.kind.clone(),
        account: line.account.clone(),
        usage_type: line.usage_type.clone(),
        usd,
        reason,
    }
}
