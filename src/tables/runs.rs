//! The columns of `runs`: one row a run that ended in the period. They are also what `import`
//! reads, so runs that were exported come back with every fact that their price needs.

use rust_decimal::Decimal;

use super::column::Kind::{Decimal as Exactly, Integer, Money, Text, Timestamp};
use super::column::{Field, Value};
use crate::analysis::BookedRun;
use crate::model::{Price, Resources};
use crate::pricing::kind_of;

const SECONDS_PER_HOUR: u32 = 3_600;
/// The decimals of quantities.
pub(super) const QUANTITY: u32 = 9;

type Run = Field<BookedRun>;

/// The columns.
pub const RUNS: &[Run] = &[
    Run::new("account", Text, "the AWS account", |r| Value::text(&r.stored.run.identity.account)),
    Run::new("region", Text, "the AWS region", |r| Value::text(&r.stored.run.identity.region)),
    Run::new("engine", Text, "glue, emr-serverless, or an imported engine's own word", |r| {
        Value::text(r.stored.run.identity.engine.as_str())
    }),
    Run::new("application_id", Text, "the EMR Serverless application", |r| {
        Value::maybe(r.stored.run.identity.application_id.as_deref())
    }),
    Run::new("job", Text, "the job, with dates and ids in its name folded", |r| {
        Value::text(&r.job)
    }),
    Run::new("run_name", Text, "the job's or run's name as its source has it", |r| {
        Value::maybe(r.stored.run.job_name.as_deref())
    }),
    Run::new("run_id", Text, "the run's id; a Glue retry has its own", |r| {
        Value::text(&r.stored.run.identity.run_id)
    }),
    Run::new("attempt", Integer, "the EMR Serverless attempt, from 1; 1 elsewhere", |r| {
        Value::count(r.stored.run.identity.attempt)
    }),
    Run::new("previous_run_id", Text, "the run that this one retries", |r| {
        Value::maybe(r.stored.run.previous_run_id.as_deref())
    }),
    Run::new("kind", Text, "spark, streaming, python-shell, ray, session", |r| {
        Value::text(kind_of(&r.stored.run).as_str().to_owned())
    }),
    Run::new("state", Text, "how it ended, in AWS's word", |r| {
        Value::text(r.stored.run.state.as_str())
    }),
    Run::new("created_at", Timestamp, "when EMR Serverless took it", |r| {
        Value::instant(r.stored.run.created_at)
    }),
    Run::new("started_at", Timestamp, "when it began", |r| Value::instant(r.stored.run.started_at)),
    Run::new("ended_at", Timestamp, "when it ended, to the second: what decides its period", |r| {
        Value::instant(r.stored.run.end())
    }),
    Run::new(
        "runtime_seconds",
        Integer,
        "seconds of work: the source's own count, else from start to end",
        |r| Value::count(r.stored.run.runtime_seconds()),
    )
    .summed(),
    Run::new("execution_seconds", Integer, "the source's own count of seconds of work", |r| {
        r.stored.run.execution_seconds.map_or(Value::Null, Value::count)
    }),
    Run::new("version", Text, "the Glue version or EMR release", |r| {
        Value::maybe(r.stored.run.version.as_deref())
    }),
    Run::new("execution_class", Text, "STANDARD, FLEX; empty is STANDARD", |r| {
        Value::maybe(r.stored.run.execution_class.as_ref().map(|class| class.as_str()))
    }),
    Run::new("architecture", Text, "X86_64, ARM64: of the EMR Serverless application", |r| {
        let definition = r.stored.run.definition.as_ref();
        Value::maybe(definition.and_then(|d| Some(d.architecture.as_ref()?.as_str())))
    }),
    Run::new("worker_type", Text, "Glue's worker type", |r| {
        Value::maybe(r.stored.run.worker_type.as_deref())
    }),
    Run::new("worker_count", Integer, "Glue's number of workers", |r| {
        r.stored.run.worker_count.map_or(Value::Null, Value::count)
    }),
    Run::new("max_capacity", Exactly(QUANTITY), "Glue's MaxCapacity, in DPU", |r| {
        quantity(r.stored.run.max_capacity)
    }),
    Run::new("metered_dpu_seconds", Exactly(QUANTITY), "Glue's DPUSeconds", |r| {
        quantity(r.stored.run.dpu_seconds)
    }),
    Run::new("billed_vcpu_hours", Exactly(QUANTITY), "what EMR Serverless billed", |r| {
        billed(r, |billed| billed.vcpu_hours)
    }),
    Run::new("billed_memory_gb_hours", Exactly(QUANTITY), "what EMR Serverless billed", |r| {
        billed(r, |billed| billed.memory_gb_hours)
    }),
    Run::new(
        "billed_storage_gb_hours",
        Exactly(QUANTITY),
        "what EMR Serverless billed, above 20 GB a worker",
        |r| billed(r, |billed| billed.storage_gb_hours),
    ),
    Run::new("used_vcpu_hours", Exactly(QUANTITY), "what EMR Serverless says was used", |r| {
        used(r, |used| used.vcpu_hours)
    }),
    Run::new("used_memory_gb_hours", Exactly(QUANTITY), "what EMR Serverless says was used", |r| {
        used(r, |used| used.memory_gb_hours)
    }),
    Run::new(
        "used_storage_gb_hours",
        Exactly(QUANTITY),
        "what EMR Serverless says was used",
        |r| used(r, |used| used.storage_gb_hours),
    ),
    Run::new("trigger", Text, "the Glue trigger that started it", |r| {
        Value::maybe(r.stored.run.trigger.as_deref())
    }),
    Run::new("error", Text, "what AWS said of a bad end", |r| {
        Value::maybe(r.stored.run.error.as_deref())
    }),
    Run::new("team", Text, "who pays, or Unallocated", |r| Value::text(&r.owner.team)),
    Run::new("cost_center", Text, "the cost centre, where one is known", |r| {
        Value::maybe(r.owner.cost_center.as_deref())
    }),
    Run::new("environment", Text, "the environment, where one is known", |r| {
        Value::maybe(r.owner.environment.as_deref())
    }),
    Run::new(
        "dpu_hours",
        Exactly(QUANTITY),
        "DPU- and M-DPU-hours, billing minimum included",
        |r| Value::decimal(hours(r.priced.usage.dpu_seconds), QUANTITY),
    ),
    Run::new("vcpu_hours", Exactly(QUANTITY), "EMR Serverless vCPU-hours", |r| {
        Value::decimal(r.priced.usage.vcpu_hours, QUANTITY)
    }),
    Run::new("cost_usd", Money, "what it cost, in US dollars; empty where it is unpriced", |r| {
        Value::maybe_money(r.priced.price.cost())
    })
    .summed(),
    Run::new(
        "basis",
        Text,
        "how the cost is known: billed, metered, provisioned, upper-bound, imported; or unpriced",
        |r| Value::text(r.priced.price.basis_word()),
    ),
    Run::new("unpriced_because", Text, "why there is no cost", |r| unpriced(&r.priced.price)),
];

/// Why there is no cost.
pub(super) fn unpriced(price: &Price) -> Value<'static> {
    match price {
        Price::Priced { .. } => Value::Null,
        Price::Unpriced(reason) => Value::text(reason.to_string()),
    }
}

/// Seconds as hours.
pub(super) fn hours(seconds: Decimal) -> Decimal {
    seconds / Decimal::from(SECONDS_PER_HOUR)
}

fn quantity(number: Option<Decimal>) -> Value<'static> {
    number.map_or(Value::Null, |number| Value::decimal(number, QUANTITY))
}

fn billed(booked: &BookedRun, of: fn(&Resources) -> Decimal) -> Value<'static> {
    quantity(booked.stored.run.billed.as_ref().map(of))
}

fn used(booked: &BookedRun, of: fn(&Resources) -> Decimal) -> Value<'static> {
    quantity(booked.stored.run.used.as_ref().map(of))
}
