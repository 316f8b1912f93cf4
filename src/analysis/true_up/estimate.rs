//! What runs were estimated at, by UTC day, account and usage type: the side of the comparison that
//! is ours.
//!
//! Beside the quantity stands what it would be if AWS's open rules were read the other way, so that
//! the bill can tell which reading is right.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::analysis::Books;
use crate::model::{Basis, CostLine, Engine, JobRun, Price, PricedRun, Usd};
use crate::pricing::{self, DayShare, PricingSettings, UsageType, by_day, is_memory_optimised};

/// The longest billing minimum: a run that took longer is the same under either reading.
const MINIMUM_SECONDS_MAX: u64 = 600;
/// The decimals of a quantity, as in a cost line.
const QUANTITY_DECIMALS: u32 = 9;

/// What a run's usage is billed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Under {
    /// A usage type, without its region's prefix.
    Tail(&'static str),
    /// One that nobody has seen yet.
    UnseenType,
    /// None of these services': another engine's.
    OtherEngine,
}

/// A cell's place: UTC day, account, usage type.
pub(super) type Place = (Date, String, Under);

/// What the runs of a cell used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) usd: Usd,
    /// What they used, in the unit of the usage type.
    pub(super) quantity: Decimal,
    /// Of it, by runs priced at the most they can have cost.
    pub(super) upper_bound: Decimal,
    /// Beside it, by runs without a price.
    pub(super) unpriced: Decimal,
    /// What the quantity would be more (or less) if the minimum were read the other way.
    pub(super) minimum_delta: Decimal,
    /// What the quantity would be more (it is less) if an attempt's utilisation held the earlier
    /// attempts' too.
    pub(super) attempts_delta: Decimal,
}

/// The usage of an EMR Serverless attempt that may be part of a later one's.
type Attempt = (u32, Vec<(Place, Decimal)>);

/// The estimate of some UTC days. Runs are added in any order.
#[derive(Clone, Debug)]
pub struct Estimate {
    books: Arc<Books>,
    /// How runs are priced if the minimum is read the other way.
    other_minimum: PricingSettings,
    pub(super) days: Range<Date>,
    pub(super) cells: BTreeMap<Place, Cell>,
    /// Runs that are known to have several attempts, or may have: by account, region, application
    /// and run.
    attempts: BTreeMap<[String; 4], Vec<Attempt>>,
}

impl Estimate {
    /// Of no runs yet.
    #[must_use]
    pub fn new(books: &Arc<Books>, days: Range<Date>) -> Self {
        let minimum_applies_to_metered = !books.pricing.minimum_applies_to_metered;
        let other_minimum = PricingSettings { minimum_applies_to_metered, ..books.pricing.clone() };
        let (cells, attempts) = (BTreeMap::new(), BTreeMap::new());
        Self { books: Arc::clone(books), other_minimum, days, cells, attempts }
    }

    /// Whether the billing minimum is taken to apply to `DPUSeconds`.
    pub(super) fn applies_minimum(&self) -> bool {
        self.books.pricing.minimum_applies_to_metered
    }

    /// Adds a run with its price and what it used; days that are not wanted do not count.
    pub fn add(&mut self, run: &JobRun, priced: &PricedRun, shares: &[DayShare]) {
        let shares: Vec<&DayShare> =
            shares.iter().filter(|share| self.days.contains(&share.day)).collect();
        match &priced.price {
            Price::Priced { lines, basis, .. } => {
                let mut used = Vec::with_capacity(shares.len());
                for share in shares {
                    let Some(line) = lines.get(share.line) else { continue };
                    let place = self.place(run, share, line.component);
                    let cell = self.cells.entry(place.clone()).or_default();
                    cell.usd += share.amount;
                    cell.quantity += share.quantity;
                    if *basis == Basis::UpperBound {
                        cell.upper_bound += share.quantity;
                    }
                    used.push((place, share.quantity));
                }
                self.read_minimum_otherwise(run, &used);
                self.remember_attempt(run, used);
            }
            Price::Unpriced(_) => self.add_unpriced(run, priced),
        }
    }

    fn place(&self, run: &JobRun, share: &DayShare, component: &str) -> Place {
        let assumed = &self.books.pricing.assumed_architecture;
        let under = match UsageType::of_run(run, component, assumed) {
            // What came with its own cost was billed by whoever brought it.
            Some(known) if component != "imported" => Under::Tail(known.tail),
            None if matches!(run.identity.engine, Engine::Glue | Engine::EmrServerless)
                && component != "imported" =>
            {
                Under::UnseenType
            }
            _ => Under::OtherEngine,
        };
        (share.day, run.identity.account.clone(), under)
    }

    /// The usage of a run without a price: split over days as if it had one of 0.
    fn add_unpriced(&mut self, run: &JobRun, priced: &PricedRun) {
        let line = |component: &'static str, quantity: Decimal| CostLine {
            component,
            quantity: quantity.round_dp(QUANTITY_DECIMALS),
            unit: "",
            rate: Decimal::ZERO,
            list_rate: Decimal::ZERO,
            rate_index: None,
            amount: Usd::ZERO,
        };
        let lines = match run.identity.engine {
            Engine::Glue => {
                let component = if is_memory_optimised(run) { "M-DPU" } else { "DPU" };
                vec![line(component, priced.usage.dpu_seconds / Decimal::from(3600))]
            }
            Engine::EmrServerless => {
                let Some(used) = run.billed.or(run.used) else { return };
                // Used storage includes what is free.
                let storage = run.billed.map_or(Decimal::ZERO, |billed| billed.storage_gb_hours);
                vec![
                    line("vCPU", used.vcpu_hours),
                    line("memory", used.memory_gb_hours),
                    line("storage", storage),
                ]
            }
            Engine::Other(_) => return,
        };
        let components: Vec<_> = lines.iter().map(|line| line.component).collect();
        let (basis, minimum_extra) = (Basis::UpperBound, Usd::ZERO);
        let price = Price::Priced { lines, basis, minimum_extra };
        for share in by_day(run, &price) {
            if self.days.contains(&share.day) {
                let place = self.place(run, &share, components[share.line]);
                self.cells.entry(place).or_default().unpriced += share.quantity;
            }
        }
    }

    /// Prices a metered run with the minimum read the other way, where that may make a difference.
    fn read_minimum_otherwise(&mut self, run: &JobRun, used: &[(Place, Decimal)]) {
        let is_short = run.execution_seconds.is_some_and(|s| (1..MINIMUM_SECONDS_MAX).contains(&s));
        if run.dpu_seconds.is_none() || !is_short {
            return;
        }
        let other = pricing::price(run, &self.books.card, &self.other_minimum);
        let Price::Priced { lines, .. } = &other.price else { return };
        for share in by_day(run, &other.price) {
            let Some(line) = lines.get(share.line).filter(|_| self.days.contains(&share.day))
            else {
                continue;
            };
            let place = self.place(run, &share, line.component);
            self.cells.entry(place).or_default().minimum_delta += share.quantity;
        }
        for (place, quantity) in used {
            self.cells.entry(place.clone()).or_default().minimum_delta -= *quantity;
        }
    }

    /// Keeps what an attempt used, as long as it may be one of several: a first attempt only where
    /// it ended badly, since no other is repeated.
    fn remember_attempt(&mut self, run: &JobRun, used: Vec<(Place, Decimal)>) {
        let id = &run.identity;
        let may_be_one_of_several = id.attempt > 1 || run.state.is_bad_end();
        if id.engine == Engine::EmrServerless && may_be_one_of_several {
            let application = id.application_id.clone().unwrap_or_default();
            let key = [id.account.clone(), id.region.clone(), application, id.run_id.clone()];
            self.attempts.entry(key).or_default().push((id.attempt, used));
        }
    }

    /// The cells, once all runs are in.
    pub(super) fn finish(mut self) -> BTreeMap<Place, Cell> {
        for attempts in self.attempts.into_values() {
            let last = attempts.iter().map(|(attempt, _)| *attempt).max();
            for (attempt, used) in attempts {
                // If a later attempt's utilisation holds this one's, this one's counts twice.
                if Some(attempt) < last {
                    for (place, quantity) in used {
                        self.cells.entry(place).or_default().attempts_delta -= quantity;
                    }
                }
            }
        }
        self.cells
    }
}
