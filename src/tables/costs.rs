//! The columns of `costs`: one row a cost line of a run, or, on the basis `used`, a cost line and
//! UTC day. A run without a price has one row, with an empty amount and the reason.

use std::rc::Rc;

use jiff::civil::Date as Day;
use rust_decimal::Decimal;

use super::column::Kind::{Date, Decimal as Exactly, Integer, Money, Text, Timestamp};
use super::column::{Field, Value};
use super::runs::{QUANTITY, unpriced};
use crate::analysis::BookedRun;
use crate::model::{CostLine, Price, Usd};

/// The decimals of prices a unit: the price list has ten, and a discount adds some.
pub(super) const RATE: u32 = 12;

/// A cost line of a run, or what one UTC day took of it.
#[derive(Clone, Debug)]
pub struct UsageLine {
    /// The run.
    pub run: Rc<BookedRun>,
    /// The line's place among the run's, from 0; `None` for a run without a price.
    pub line: Option<usize>,
    /// The UTC day of the use, or of the run's end where the line is not split.
    pub day: Day,
    /// How much was used, in the line's unit.
    pub quantity: Decimal,
    /// What it cost.
    pub amount: Usd,
}

impl UsageLine {
    /// The run's own line, of which this is the whole or a part.
    #[must_use]
    pub fn cost_line(&self) -> Option<&CostLine> {
        match &self.run.priced.price {
            Price::Priced { lines, .. } => lines.get(self.line?),
            Price::Unpriced(_) => None,
        }
    }
}

type Line = Field<UsageLine>;

/// The columns.
pub const COSTS: &[Line] = &[
    Line::new("account", Text, "the AWS account", |l| {
        Value::text(&l.run.stored.run.identity.account)
    }),
    Line::new("region", Text, "the AWS region", |l| Value::text(&l.run.stored.run.identity.region)),
    Line::new("engine", Text, "glue, emr-serverless, or an imported engine's own word", |l| {
        Value::text(l.run.stored.run.identity.engine.as_str())
    }),
    Line::new("application_id", Text, "the EMR Serverless application", |l| {
        Value::maybe(l.run.stored.run.identity.application_id.as_deref())
    }),
    Line::new("job", Text, "the job, with dates and ids in its name folded", |l| {
        Value::text(&l.run.job)
    }),
    Line::new("run_id", Text, "the run's id", |l| Value::text(&l.run.stored.run.identity.run_id)),
    Line::new("attempt", Integer, "the EMR Serverless attempt, from 1; 1 elsewhere", |l| {
        Value::count(l.run.stored.run.identity.attempt)
    }),
    Line::new("ended_at", Timestamp, "when the run ended, to the second", |l| {
        Value::instant(l.run.stored.run.end())
    }),
    Line::new("day", Date, "the UTC day: of the run's end, or with --basis used of the use", |l| {
        Value::Date(l.day)
    }),
    Line::new("team", Text, "who pays, or Unallocated", |l| Value::text(&l.run.owner.team)),
    Line::new("cost_center", Text, "the cost centre, where one is known", |l| {
        Value::maybe(l.run.owner.cost_center.as_deref())
    }),
    Line::new("environment", Text, "the environment, where one is known", |l| {
        Value::maybe(l.run.owner.environment.as_deref())
    }),
    Line::new("component", Text, "DPU, M-DPU, vCPU, memory, storage, imported", |l| {
        l.cost_line().map_or(Value::Null, |line| Value::text(line.component))
    }),
    Line::new("quantity", Exactly(QUANTITY), "how much was used, in units, rounded", |l| {
        l.cost_line().map_or(Value::Null, |_| Value::decimal(l.quantity, QUANTITY))
    }),
    Line::new("unit", Text, "DPU-Hours, M-DPU-Hours, vCPU-Hours, GB-Hours, Runs", |l| {
        l.cost_line().map_or(Value::Null, |line| Value::text(line.unit))
    }),
    Line::new("rate_usd", Exactly(RATE), "US dollars a unit, as paid", |l| {
        l.cost_line().map_or(Value::Null, |line| Value::decimal(line.rate, RATE))
    }),
    Line::new("list_rate_usd", Exactly(RATE), "US dollars a unit on the price list", |l| {
        l.cost_line().map_or(Value::Null, |line| Value::decimal(line.list_rate, RATE))
    }),
    Line::new(
        "amount_usd",
        Money,
        "US dollars, rounded once from the exact quantity; empty where the run is unpriced",
        |l| l.cost_line().map_or(Value::Null, |_| Value::money(l.amount)),
    )
    .summed(),
    Line::new(
        "basis",
        Text,
        "how the cost is known: billed, metered, provisioned, upper-bound, imported; or unpriced",
        |l| Value::text(l.run.priced.price.basis_word()),
    ),
    Line::new("unpriced_because", Text, "why there is no cost", |l| unpriced(&l.run.priced.price)),
];
