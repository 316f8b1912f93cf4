//! What a job of the simulated company is: where it runs, on what, when, and how well.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::rhythm::Rhythm;
use crate::model::{Architecture, JobKind};

/// A job with everything that decides how its runs come out.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Its name; for EMR Serverless the part of a run's name that does not change.
    pub(super) name: String,
    /// The account in which it runs.
    pub(super) account: &'static str,
    /// The region in which it runs.
    pub(super) region: &'static str,
    /// Its tags.
    pub(super) tags: BTreeMap<String, String>,
    /// What it runs on.
    pub(super) platform: Platform,
    /// When it starts.
    pub(super) rhythm: Rhythm,
    /// The median of its run time, in seconds.
    pub(super) seconds: u32,
    /// How widely the run time spreads: the deviation of its logarithm.
    pub(super) spread: f64,
    /// By what part the run time grows from week to week, as its data does.
    pub(super) weekly_growth: f64,
    /// The probability that a run fails on an ordinary day.
    pub(super) fault_rate: f64,
    /// Glue `MaxRetries`, EMR Serverless `maxAttempts` less one.
    pub(super) max_retries: u32,
    /// Whether an orchestrator starts it again when all of that was in vain.
    pub(super) rerun: bool,
    /// The configured timeout.
    pub(super) timeout_minutes: u32,
    /// The Glue trigger that starts it, where one does.
    pub(super) trigger: Option<String>,
    /// What befalls it in the course of the weeks, if anything does.
    pub(super) plot: Option<Plot>,
}

/// What a job runs on.
#[derive(Clone, Debug)]
pub(super) enum Platform {
    /// AWS Glue.
    Glue(Glue),
    /// Amazon EMR Serverless.
    Emr(Emr),
}

/// How a Glue job is set up.
#[derive(Clone, Debug)]
pub(super) struct Glue {
    /// Its command.
    pub(super) kind: JobKind,
    /// `GlueVersion`.
    pub(super) version: &'static str,
    /// What it is given to work with.
    pub(super) capacity: Capacity,
    /// How AWS counts what it takes.
    pub(super) metering: Metering,
}

/// A Glue job's capacity, in either of the ways in which one is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capacity {
    /// Workers of a type.
    Workers(&'static str, u32),
    /// `MaxCapacity` alone, in ten-thousandths of a DPU: Python shell, and Spark before 2.0.
    TenThousandthDpus(u32),
}

impl Capacity {
    /// The capacity in DPU (M-DPU for memory-optimised and Ray workers): what AWS puts into
    /// `MaxCapacity`, however the job was configured.
    pub(super) fn dpus(self) -> Decimal {
        match self {
            Self::Workers(worker_type, count) => {
                Decimal::from(quarter_dpus(worker_type) * count) / Decimal::from(4)
            }
            Self::TenThousandthDpus(parts) => Decimal::new(i64::from(parts), 4).normalize(),
        }
    }
}

/// What one worker of a type holds, in quarters of a DPU.
/// <https://docs.aws.amazon.com/glue/latest/dg/worker-types.html>
fn quarter_dpus(worker_type: &str) -> u32 {
    match worker_type {
        "G.025X" => 1,
        "G.2X" | "R.2X" | "Z.2X" => 8,
        "G.4X" => 16,
        "G.8X" => 32,
        _ => 4,
    }
}

/// Whether AWS meters a Glue run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metering {
    /// Capacity times time: the run has no `DPUSeconds`.
    Fixed,
    /// Auto scaling: `DPUSeconds` stay below capacity times time.
    AutoScaled,
    /// Spare capacity, which AWS meters too.
    Flex,
}

/// How an EMR Serverless job is set up.
#[derive(Clone, Debug)]
pub(super) struct Emr {
    /// Where it runs.
    pub(super) application: &'static Application,
    /// What its driver and executors hold together.
    pub(super) vcpus: u32,
    /// Memory for each vCPU, in GB.
    pub(super) gb_per_vcpu: u32,
    /// Whether the scheduler puts the date, or the minute, into a run's name.
    pub(super) dated: bool,
    /// Whether the tags are the run's own, rather than only its application's.
    pub(super) tags_runs: bool,
    /// `flexExecution.enabled`.
    pub(super) flex: bool,
}

/// An EMR Serverless application.
#[derive(Debug)]
pub(super) struct Application {
    /// Its name.
    pub(super) name: &'static str,
    /// The name of the team it belongs to; `None` where no tag says so.
    pub(super) team: Option<&'static str>,
    /// The account it is in.
    pub(super) account: &'static str,
    /// The region it is in.
    pub(super) region: &'static str,
    /// Its processors.
    pub(super) architecture: Architecture,
    /// `maximumCapacity`, in vCPU.
    pub(super) maximum_vcpus: u32,
    /// The EMR release.
    pub(super) release: &'static str,
}

/// What befalls a job. Seconds are those of the Unix epoch.
#[derive(Clone, Debug)]
pub(super) enum Plot {
    /// Somebody gives it more workers, and it gets a little faster.
    MoreWorkers {
        /// The first start with the new number.
        since: i64,
        /// The new number.
        count: u32,
    },
    /// Every run that begins in a span of time fails in the same way.
    Fails {
        /// The first second of the span.
        since: i64,
        /// The first second after it.
        until: i64,
        /// What part of its time a run takes until it fails, in percent.
        after_percent: u32,
        /// What AWS says about it.
        message: &'static str,
    },
    /// The job was deleted, but a trigger still tries to start it.
    Deleted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_what_aws_fills_in() {
        let dpus = |capacity: Capacity| capacity.dpus().to_string();
        assert_eq!(dpus(Capacity::Workers("G.1X", 10)), "10");
        assert_eq!(dpus(Capacity::Workers("G.025X", 3)), "0.75");
        assert_eq!(dpus(Capacity::Workers("G.8X", 5)), "40");
        assert_eq!(dpus(Capacity::Workers("Z.2X", 4)), "8");
        assert_eq!(dpus(Capacity::TenThousandthDpus(625)), "0.0625");
        assert_eq!(dpus(Capacity::TenThousandthDpus(10_000)), "1");
    }
}
