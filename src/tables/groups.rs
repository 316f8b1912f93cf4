//! The columns of `chains` and `hourly`: runs put together, with what they cost. Each adds up to
//! what `runs` adds up to.

use super::column::Kind::{Boolean, Decimal as Exactly, Integer, Money, Text, Timestamp};
use super::column::{FAILED, Field, PRICED, Value};
use super::runs::{QUANTITY, hours};
use crate::analysis::{Chain, HourFigures};

type OfChain = Field<Chain>;
type OfHour = Field<HourFigures>;

/// The columns of `chains`: one row a run and its retries, as far as they ended in the period.
/// Chains of one run come first.
pub const CHAINS: &[OfChain] = &[
    OfChain::new("account", Text, "the AWS account", |c| Value::text(&c.first.account)),
    OfChain::new("region", Text, "the AWS region", |c| Value::text(&c.first.region)),
    OfChain::new("engine", Text, "glue, emr-serverless, or an imported engine's own word", |c| {
        Value::text(c.first.engine.as_str())
    }),
    OfChain::new("application_id", Text, "the EMR Serverless application", |c| {
        Value::maybe(c.first.application_id.as_deref())
    }),
    OfChain::new("job", Text, "the job, with dates and ids in its name folded", |c| {
        Value::text(&c.job)
    }),
    OfChain::new("team", Text, "who pays for the last run, or Unallocated", |c| {
        Value::text(&c.team)
    }),
    OfChain::new("first_run_id", Text, "the first run of the chain in the period", |c| {
        Value::text(&c.first.run_id)
    }),
    OfChain::new("first_attempt", Integer, "its attempt", |c| Value::count(c.first.attempt)),
    OfChain::new("last_run_id", Text, "the last run of the chain in the period", |c| {
        Value::text(&c.last.run_id)
    }),
    OfChain::new("last_attempt", Integer, "its attempt", |c| Value::count(c.last.attempt)),
    OfChain::new(
        "begins_earlier",
        Boolean,
        "whether the first of the runs retries one that is not of the period",
        |c| Value::Boolean(c.begins_earlier),
    ),
    OfChain::new("state", Text, "how the last run ended, in AWS's word", |c| {
        Value::text(c.state.as_str())
    }),
    OfChain::new("started_at", Timestamp, "when the first run began", |c| {
        Value::instant(c.started_at)
    }),
    OfChain::new("ended_at", Timestamp, "when the last run ended", |c| {
        Value::Timestamp(c.ended_at)
    }),
    OfChain::new("runs", Integer, "how many runs", |c| Value::count(c.runs)).summed(),
    OfChain::new("unpriced_runs", Integer, "of those, without a cost", |c| {
        Value::count(c.unpriced_runs)
    })
    .summed(),
    OfChain::new("runtime_seconds", Integer, "seconds of work", |c| {
        Value::count(c.runtime_seconds)
    })
    .summed(),
    OfChain::new("cost_usd", Money, PRICED, |c| {
        Value::of_priced(c.cost_usd, c.runs, c.unpriced_runs)
    })
    .summed(),
];

/// The columns of `hourly`: one row a UTC hour, job and team with a run that ended in it.
pub const HOURLY: &[OfHour] = &[
    OfHour::new("hour", Timestamp, "when the UTC hour begins", |h| Value::Timestamp(h.hour)),
    OfHour::new("account", Text, "the AWS account", |h| Value::text(&h.job.account)),
    OfHour::new("region", Text, "the AWS region", |h| Value::text(&h.job.region)),
    OfHour::new("engine", Text, "glue, emr-serverless, or an imported engine's own word", |h| {
        Value::text(h.job.engine.as_str())
    }),
    OfHour::new("job", Text, "the job, with dates and ids in its name folded", |h| {
        Value::text(&h.job.job)
    }),
    OfHour::new("team", Text, "who pays, or Unallocated", |h| Value::text(&h.team)),
    OfHour::new("runs", Integer, "runs that ended in the hour", |h| Value::count(h.runs)).summed(),
    OfHour::new("failed_runs", Integer, FAILED, |h| Value::count(h.failed_runs)).summed(),
    OfHour::new("unpriced_runs", Integer, "of those, without a cost", |h| {
        Value::count(h.unpriced_runs)
    })
    .summed(),
    OfHour::new("runtime_seconds", Integer, "seconds of work", |h| Value::count(h.runtime_seconds))
        .summed(),
    OfHour::new(
        "dpu_hours",
        Exactly(QUANTITY),
        "DPU- and M-DPU-hours, billing minimum included",
        |h| Value::decimal(hours(h.dpu_seconds), QUANTITY),
    ),
    OfHour::new("vcpu_hours", Exactly(QUANTITY), "EMR Serverless vCPU-hours", |h| {
        Value::decimal(h.vcpu_hours, QUANTITY)
    }),
    OfHour::new("cost_usd", Money, PRICED, |h| {
        Value::of_priced(h.cost_usd, h.runs, h.unpriced_runs)
    })
    .summed(),
];
