//! From a report's total down to the lines that make it. Every level is summed by itself, from the
//! same lines, and holds every dollar once; what a cut list leaves out is a line of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::Serialize;

use crate::analysis::Books;
use crate::model::{CostLine, Engine, JobRun, Price, RunIdentity, Usd};

const SECONDS_PER_HOUR: u32 = 3600;

/// What one run contributes: small, since there are millions, and pages of them wait.
#[derive(Clone, Debug)]
pub struct Piece {
    identity: RunIdentity,
    job: String,
    team: String,
    price: Price,
    dpu_seconds: Decimal,
}

impl Piece {
    /// A run's contribution.
    #[must_use]
    pub fn of(run: &JobRun, books: &Books) -> Self {
        let job = books.job(run);
        let priced = books.price(run);
        Self {
            identity: run.identity.clone(),
            team: books.ownership.team(run, &job),
            job,
            price: priced.price,
            dpu_seconds: priced.usage.dpu_seconds,
        }
    }

    /// The team that pays.
    #[must_use]
    pub fn team(&self) -> &str {
        &self.team
    }
}

/// A total, taken apart.
#[derive(Clone, Debug, Serialize)]
pub struct TotalExplanation {
    /// The period's name.
    pub period: String,
    /// The team, where it is one team's total.
    pub team: Option<String>,
    /// Runs that ended in the period.
    pub runs: u64,
    /// Their cost.
    pub total_usd: Usd,
    /// By engine, component and rate.
    pub lines: Vec<TotalLine>,
    /// By how the quantity came about.
    pub by_basis: Vec<Part>,
    /// By team.
    pub by_team: Vec<Part>,
    /// By job, the dearest.
    pub by_job: Vec<Part>,
    /// By run, the dearest.
    pub by_run: Vec<Part>,
    /// Runs without a price, by reason: no dollar of them is in the total.
    pub unpriced: Vec<Part>,
    /// Whether every level adds up to the total exactly.
    pub adds_up: bool,
}

/// All lines of one component at one rate.
#[derive(Clone, Debug, Serialize)]
pub struct TotalLine {
    /// The engine.
    pub engine: Engine,
    /// What was used.
    pub component: &'static str,
    /// The region of the rate.
    pub region: String,
    /// How much, in `unit`s, rounded at nine decimals.
    pub quantity: Decimal,
    /// The unit.
    pub unit: &'static str,
    /// What is paid per unit; `None` for imported costs.
    pub rate_usd: Option<Decimal>,
    /// How many cost lines these are.
    pub cost_lines: u64,
    /// The exact quantity times the rate, rounded once.
    pub product_usd: Usd,
    /// What rounding each run's line by itself made of it.
    pub rounding_usd: Usd,
    /// The sum of the lines: product and rounding.
    pub amount_usd: Usd,
}

/// A part of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Its runs.
    pub runs: u64,
    /// Its cost.
    pub usd: Usd,
}

/// Which lines are summed up together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    engine: Engine,
    component: &'static str,
    region: String,
    unit: &'static str,
    rate: Option<Decimal>,
}

#[derive(Clone, Copy, Debug, Default)]
struct GroupSum {
    /// In seconds where the engine counts seconds, else in units.
    exact: Decimal,
    cost_lines: u64,
    amount: Usd,
}

/// Takes pieces in any order, and keeps as much as there are jobs, teams and rates.
#[derive(Debug)]
pub struct TotalSum {
    shown_max: usize,
    runs: u64,
    total: Usd,
    groups: BTreeMap<Group, GroupSum>,
    by_basis: BTreeMap<String, (u64, Usd)>,
    by_team: BTreeMap<String, (u64, Usd)>,
    by_job: BTreeMap<(Engine, String, String, String), (u64, Usd)>,
    /// The dearest runs, ties by identity.
    dearest: BTreeSet<(Reverse<Usd>, RunIdentity, String)>,
    unpriced: BTreeMap<String, (u64, Usd)>,
}

impl TotalSum {
    /// Nothing yet. Lists of jobs and runs are cut after so many.
    #[must_use]
    pub const fn new(shown_max: usize) -> Self {
        Self {
            shown_max,
            runs: 0,
            total: Usd::ZERO,
            groups: BTreeMap::new(),
            by_basis: BTreeMap::new(),
            by_team: BTreeMap::new(),
            by_job: BTreeMap::new(),
            dearest: BTreeSet::new(),
            unpriced: BTreeMap::new(),
        }
    }

    /// Adds a run.
    pub fn add(&mut self, piece: Piece) {
        self.runs += 1;
        let (lines, basis) = match &piece.price {
            Price::Priced { lines, basis, .. } => (lines, basis),
            Price::Unpriced(reason) => {
                self.unpriced.entry(reason.to_string()).or_default().0 += 1;
                return;
            }
        };
        for line in lines {
            self.add_line(&piece, line);
        }
        let cost: Usd = lines.iter().map(|line| line.amount).sum();
        self.total += cost;
        count(&mut self.by_basis, basis.as_str().to_owned(), cost);
        let Piece { identity, job, team, .. } = piece;
        count(&mut self.by_team, team, cost);
        let place = (identity.engine.clone(), identity.account.clone(), identity.region.clone());
        count(&mut self.by_job, (place.0, place.1, place.2, job.clone()), cost);
        self.dearest.insert((Reverse(cost), identity, job));
        if self.dearest.len() > self.shown_max {
            self.dearest.pop_last();
        }
    }

    fn add_line(&mut self, piece: &Piece, line: &CostLine) {
        let engine = piece.identity.engine.clone();
        let exact = match (&engine, line.rate_index) {
            (_, None) => Decimal::ZERO,
            (Engine::Glue, _) => piece.dpu_seconds,
            _ => line.quantity,
        };
        let rate = line.rate_index.map(|_| line.rate);
        let region = piece.identity.region.clone();
        let group = Group { engine, component: line.component, region, unit: line.unit, rate };
        let sum = self.groups.entry(group).or_default();
        sum.exact = sum.exact.saturating_add(exact);
        sum.cost_lines += 1;
        sum.amount += line.amount;
    }

    /// The total, taken apart.
    #[must_use]
    pub fn explanation(self, period: &str, team: Option<&str>) -> TotalExplanation {
        let priced_runs = self.runs - self.unpriced.values().map(|(runs, _)| runs).sum::<u64>();
        let run = |(cost, identity, job): (Reverse<Usd>, RunIdentity, String)| {
            let attempt = match identity.attempt {
                1 => String::new(),
                attempt => format!(" attempt {attempt}"),
            };
            Part { name: format!("{}{attempt} of {job}", identity.run_id), runs: 1, usd: cost.0 }
        };
        let job = |((engine, account, region, job), (runs, usd))| Part {
            name: format!("{job} ({engine}, {account} {region})"),
            runs,
            usd,
        };
        let mut jobs: Vec<Part> = self.by_job.into_iter().map(job).collect();
        dearest_first(&mut jobs);
        let whole = Part { name: String::new(), runs: priced_runs, usd: self.total };
        let lines: Vec<TotalLine> = self.groups.into_iter().map(total_line).collect();
        let explanation = TotalExplanation {
            period: period.to_owned(),
            team: team.map(str::to_owned),
            runs: self.runs,
            total_usd: self.total,
            lines,
            by_basis: parts(self.by_basis),
            by_team: parts(self.by_team),
            by_job: with_rest(jobs, self.shown_max, &whole, "other jobs"),
            by_run: with_rest(
                self.dearest.into_iter().map(run).collect(),
                self.shown_max,
                &whole,
                "other runs",
            ),
            unpriced: parts(self.unpriced),
            adds_up: false,
        };
        TotalExplanation { adds_up: explanation.check(), ..explanation }
    }
}

impl TotalExplanation {
    /// Whether every level holds every dollar once.
    fn check(&self) -> bool {
        let levels = [&self.by_basis, &self.by_team, &self.by_job, &self.by_run];
        let sum = |parts: &Vec<Part>| parts.iter().map(|part| part.usd).sum::<Usd>();
        let lines: Usd = self.lines.iter().map(|l| l.product_usd + l.rounding_usd).sum();
        lines == self.total_usd && levels.into_iter().all(|level| sum(level) == self.total_usd)
    }
}

fn count<K: Ord>(parts: &mut BTreeMap<K, (u64, Usd)>, key: K, cost: Usd) {
    let part = parts.entry(key).or_default();
    part.0 += 1;
    part.1 += cost;
}

fn parts(sums: BTreeMap<String, (u64, Usd)>) -> Vec<Part> {
    let mut parts: Vec<Part> =
        sums.into_iter().map(|(name, (runs, usd))| Part { name, runs, usd }).collect();
    dearest_first(&mut parts);
    parts
}

/// The dearest first, ties by name.
fn dearest_first(parts: &mut [Part]) {
    parts.sort_by(|a, b| b.usd.cmp(&a.usd).then_with(|| a.name.cmp(&b.name)));
}

/// The first parts, and what the others come to.
fn with_rest(mut parts: Vec<Part>, shown_max: usize, whole: &Part, others: &str) -> Vec<Part> {
    parts.truncate(shown_max);
    let runs = whole.runs - parts.iter().map(|part| part.runs).sum::<u64>();
    let usd = whole.usd - parts.iter().map(|part| part.usd).sum();
    if runs > 0 {
        parts.push(Part { name: others.to_owned(), runs, usd });
    }
    parts
}

fn total_line((group, sum): (Group, GroupSum)) -> TotalLine {
    let Group { engine, component, region, unit, rate } = group;
    let divisor = if engine == Engine::Glue { SECONDS_PER_HOUR } else { 1 };
    // Beyond the range of the arithmetic, and where there is no rate, the lines are all there is.
    let product = rate.and_then(|rate| Usd::of_usage(sum.exact, divisor, rate).ok());
    let product_usd = product.unwrap_or(sum.amount);
    let hours = sum.exact / Decimal::from(divisor);
    TotalLine {
        engine,
        component,
        region,
        quantity: if rate.is_some() {
            hours.round_dp(9).normalize()
        } else {
            sum.cost_lines.into()
        },
        unit,
        rate_usd: rate,
        cost_lines: sum.cost_lines,
        product_usd,
        rounding_usd: sum.amount - product_usd,
        amount_usd: sum.amount,
    }
}
