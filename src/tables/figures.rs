//! The columns of what a report computes: `jobs`, `teams`, `quota`, and the failures that go with a
//! mail. They are taken from the report's own figures, so no number can differ from it.

use std::fmt::Write as _;
use std::rc::Rc;

use super::column::Kind::{Integer, Money, Ratio, Text, Timestamp};
use super::column::{FAILED, Field, PRICED, Value};
use crate::analysis::{FailureFigures, JobFigures, QuotaFigures, TeamFigures};
use crate::model::RunState;

/// Figures of a period.
#[derive(Clone, Debug)]
pub struct OfPeriod<T> {
    /// The period's name.
    pub period: Rc<str>,
    /// The figures.
    pub figures: T,
}

type Job = Field<OfPeriod<JobFigures>>;
type Team = Field<OfPeriod<TeamFigures>>;
type Quota = Field<OfPeriod<QuotaFigures>>;
type Failure = Field<OfPeriod<FailureFigures>>;

const ACCOUNT_NAME: &str = "what the account is called, where it has a name";
const PERIOD: &str = "the period, as 2026-W46";

/// The columns of `jobs`: one row a job, dearest first.
pub const JOBS: &[Job] = &[
    Job::new("engine", Text, "glue, emr-serverless, or an imported engine's own word", |j| {
        Value::text(&j.figures.engine)
    }),
    Job::new("account", Text, "the AWS account", |j| Value::text(&j.figures.account)),
    Job::new("region", Text, "the AWS region", |j| Value::text(&j.figures.region)),
    Job::new("job", Text, "the job, with dates and ids in its name folded", |j| {
        Value::text(&j.figures.job)
    }),
    Job::new("team", Text, "who pays for the dearest share of its runs", |j| {
        Value::text(&j.figures.team)
    }),
    Job::new("runs", Integer, "runs that ended in the period", |j| Value::count(j.figures.runs))
        .summed(),
    Job::new("retries", Integer, "of those, retries", |j| Value::count(j.figures.retries)).summed(),
    Job::new("unpriced_runs", Integer, "of those, without a cost", |j| {
        Value::count(j.figures.unpriced_runs)
    })
    .summed(),
    Job::new("failed_runs", Integer, FAILED, |j| {
        let bad = |state: &&String| RunState::from(state.as_str()).is_bad_end();
        let states = &j.figures.by_state;
        let ended_badly: u64 = states.keys().filter(bad).map(|state| states[state]).sum();
        Value::count(ended_badly.saturating_sub(j.figures.expected_ends))
    })
    .summed(),
    Job::new("cost_usd", Money, PRICED, |j| {
        let figures = &j.figures;
        Value::of_priced(figures.cost_usd, figures.runs, figures.unpriced_runs)
    })
    .summed(),
    Job::new("change_usd", Money, "the cost less that of the period before, if known", |j| {
        Value::maybe_money(j.figures.change_usd)
    }),
    Job::new("waste_usd", Money, "its part of the waste; empty like its cost", |j| {
        let figures = &j.figures;
        Value::of_priced(figures.waste_usd, figures.runs, figures.unpriced_runs)
    })
    .summed(),
    Job::new("runtime_seconds", Integer, "seconds of work", |j| {
        Value::count(j.figures.runtime_seconds)
    })
    .summed(),
    Job::new("avg_workers", Ratio, "workers a run, averaged; 0 where none is known", |j| {
        Value::Ratio((j.figures.avg_workers * 10.0).round() / 10.0)
    }),
    Job::new("account_name", Text, ACCOUNT_NAME, |j| {
        Value::maybe(j.figures.account_name.as_deref())
    }),
    Job::new("period", Text, PERIOD, |j| Value::text(&*j.period)),
];

/// The columns of `teams`: one row a team, dearest first; `Unallocated` is one like any other.
pub const TEAMS: &[Team] = &[
    Team::new("team", Text, "who pays, or Unallocated", |t| Value::text(&t.figures.team)),
    Team::new("runs", Integer, "runs that ended in the period", |t| Value::count(t.figures.runs))
        .summed(),
    Team::new("unpriced_runs", Integer, "of those, without a cost", |t| {
        Value::count(t.figures.unpriced_runs)
    })
    .summed(),
    Team::new("cost_usd", Money, PRICED, |t| {
        let figures = &t.figures;
        Value::of_priced(figures.cost_usd, figures.runs, figures.unpriced_runs)
    })
    .summed(),
    Team::new("change_usd", Money, "the cost less that of the period before, if known", |t| {
        Value::maybe_money(t.figures.change_usd)
    }),
    Team::new("waste_usd", Money, "its part of the waste; empty like its cost", |t| {
        let figures = &t.figures;
        Value::of_priced(figures.waste_usd, figures.runs, figures.unpriced_runs)
    })
    .summed(),
    Team::new("share", Ratio, "its part of the whole, 0 to 1", |t| Value::Ratio(t.figures.share)),
    Team::new("period", Text, PERIOD, |t| Value::text(&*t.period)),
];

/// The columns of `quota`: one row an account, region and quota, nearest to its limit first.
pub const QUOTA: &[Quota] = &[
    Quota::new("account", Text, "the AWS account", |q| Value::text(&q.figures.account)),
    Quota::new("region", Text, "the AWS region", |q| Value::text(&q.figures.region)),
    Quota::new(
        "quota",
        Text,
        "glue-concurrent-runs, glue-dpus, glue-flex-dpus, emr-serverless-vcpus",
        |q| Value::text(&q.figures.quota),
    ),
    Quota::new("limit", Ratio, "the quota's value, in runs, DPU or vCPU; empty if unknown", |q| {
        q.figures.limit.map_or(Value::Null, Value::Ratio)
    }),
    Quota::new("peak", Ratio, "the peak that is certain", |q| Value::Ratio(q.figures.peak)),
    Quota::new("peak_upper", Ratio, "the peak that is possible; empty without a bound", |q| {
        q.figures.peak_upper.map_or(Value::Null, Value::Ratio)
    }),
    Quota::new("peak_at", Timestamp, "when the certain peak was", |q| {
        Value::instant(q.figures.peak_at)
    }),
    Quota::new("share", Ratio, "the certain peak's part of the limit; 0 without one", |q| {
        Value::Ratio(q.figures.share)
    }),
    Quota::new("seconds_over_80", Integer, "seconds with over 80 % of the limit in use", |q| {
        Value::count(q.figures.seconds_over_80)
    }),
    Quota::new("seconds_over_90", Integer, "seconds with over 90 % of the limit in use", |q| {
        Value::count(q.figures.seconds_over_90)
    }),
    Quota::new("shared_by", Text, "the jobs that shared the peak, with what each held", |q| {
        let mut text = String::new();
        for share in &q.figures.shared_by {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing into a text cannot fail.
            let _ = write!(text, "{comma}{} {}", share.job, share.held);
        }
        Value::text(text)
    }),
    Quota::new("period", Text, PERIOD, |q| Value::text(&*q.period)),
];

/// The columns of a mail's failures: one row a job and error, dearest first.
pub(super) const FAILURES: &[Failure] = &[
    Failure::new("engine", Text, "the engine", |f| Value::text(&f.figures.engine)),
    Failure::new("account", Text, "the AWS account", |f| Value::text(&f.figures.account)),
    Failure::new("region", Text, "the AWS region", |f| Value::text(&f.figures.region)),
    Failure::new("job", Text, "the job", |f| Value::text(&f.figures.job)),
    Failure::new("team", Text, "who pays, or Unallocated", |f| Value::text(&f.figures.team)),
    Failure::new("state", Text, "how the latest ended", |f| Value::text(&f.figures.state)),
    Failure::new("runs", Integer, "how many runs ended so", |f| Value::count(f.figures.runs)),
    Failure::new("cost_usd", Money, "what they cost", |f| Value::money(f.figures.cost_usd)),
    Failure::new("error", Text, "the error of the latest", |f| Value::text(&f.figures.error)),
    Failure::new("latest_run_id", Text, "the latest run", |f| {
        Value::text(&f.figures.latest.run_id)
    }),
    Failure::new("latest_end", Timestamp, "when it ended", |f| {
        Value::Timestamp(f.figures.latest_end)
    }),
    Failure::new("account_name", Text, ACCOUNT_NAME, |f| {
        Value::maybe(f.figures.account_name.as_deref())
    }),
    Failure::new("period", Text, PERIOD, |f| Value::text(&*f.period)),
];
