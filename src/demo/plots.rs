//! The jobs that something befalls in the last complete week; `stories` says what a reader should
//! find of it.

use std::collections::BTreeMap;

use super::catalogue::timeout_minutes;
use super::chance::Chance;
use super::job::{Capacity, Glue, Job, Metering, Platform, Plot};
use super::rhythm::{DAY, Rhythm};
use super::teams::{Team, team};
use crate::model::JobKind;

pub(super) const JUMP: &str = "insight-sessions-stitch";
pub(super) const NIGHTLY_FAILURE: &str = "fraud-disputes-score";
pub(super) const BACKFILLS: [&str; 2] = ["orders-history-backfill", "payments-ledger-backfill"];
pub(super) const LEGACY: &str = "catalog-stock-export-old";
pub(super) const RETRY_STORM: &str = "logistics-carriers-pull";
pub(super) const DELETED: &str = "marketing-newsletters-v1";

/// The jobs of the stories, for a last complete week that begins at a second of the Unix epoch.
pub(super) fn jobs(last_week: i64) -> Vec<Job> {
    let at = |day: i64, hour: i64| last_week + day * DAY + hour * 3_600;
    let (tuesday, wednesday, thursday) = (1, 2, 3);
    vec![
        jump(at(tuesday, 9)),
        nightly_failure(at(0, 0) - 10 * DAY),
        backfill(BACKFILLS[0], "orders", 5, at(wednesday, 2), 118),
        backfill(BACKFILLS[1], "payments", 4, at(wednesday, 2), 54),
        legacy(),
        retry_storm(at(thursday, 9), at(thursday, 14)),
        deleted(),
    ]
}

/// A job of a team at its home, well kept in every respect, for a story to spoil.
fn job(name: &str, team: &Team, glue: Glue, rhythm: Rhythm, seconds: u32) -> Job {
    Job {
        name: name.to_owned(),
        account: team.account,
        region: team.region,
        tags: team.tags(&mut Chance::of(0, name, 0)),
        platform: Platform::Glue(glue),
        rhythm,
        seconds,
        spread: 0.08,
        weekly_growth: 0.0,
        fault_rate: 0.0,
        max_retries: 0,
        rerun: false,
        timeout_minutes: timeout_minutes(seconds),
        trigger: Some(name.to_owned()),
        plot: None,
    }
}

const fn spark(worker_type: &'static str, workers: u32, version: &'static str) -> Glue {
    let capacity = Capacity::Workers(worker_type, workers);
    Glue { kind: JobKind::Spark, version, capacity, metering: Metering::Fixed }
}

fn jump(since: i64) -> Job {
    let rhythm = Rhythm::Every { minutes: 180, offset: 20 };
    Job {
        plot: Some(Plot::MoreWorkers { since, count: 80 }),
        ..job(JUMP, team("customer-insight"), spark("G.1X", 10, "5.0"), rhythm, 2_000)
    }
}

fn nightly_failure(since: i64) -> Job {
    let rhythm = Rhythm::Daily { minute: 200, workdays: false };
    Job {
        max_retries: 1,
        plot: Some(Plot::Fails {
            since,
            until: i64::MAX,
            after_percent: 90,
            message: "SparkException: column 'amount_minor' of type bigint cannot be written as \
                      decimal(18,2) to table fraud.dispute_scores",
        }),
        ..job(NIGHTLY_FAILURE, team("fraud"), spark("G.2X", 20, "4.0"), rhythm, 3_000)
    }
}

fn backfill(name: &str, of: &str, workers: u32, at: i64, runs: u32) -> Job {
    job(name, team(of), spark("G.1X", workers, "5.1"), Rhythm::Burst { at, runs }, 1_300)
}

fn legacy() -> Job {
    let glue = Glue {
        kind: JobKind::Spark,
        version: "1.0",
        capacity: Capacity::TenThousandthDpus(100_000),
        metering: Metering::Fixed,
    };
    let rhythm = Rhythm::Every { minutes: 30, offset: 7 };
    Job { tags: BTreeMap::new(), ..job(LEGACY, team("catalog"), glue, rhythm, 65) }
}

fn retry_storm(since: i64, until: i64) -> Job {
    Job {
        max_retries: 9,
        plot: Some(Plot::Fails {
            since,
            until,
            after_percent: 60,
            message: "An error occurred while calling o101.getDynamicFrame. The connection \
                      attempt timed out after 60000 ms (jdbc, port 5432)",
        }),
        ..job(
            RETRY_STORM,
            team("logistics"),
            spark("G.1X", 2, "4.0"),
            Rhythm::Every { minutes: 30, offset: 12 },
            120,
        )
    }
}

fn deleted() -> Job {
    let rhythm = Rhythm::Daily { minute: 610, workdays: true };
    Job {
        plot: Some(Plot::Deleted),
        ..job(DELETED, team("marketing"), spark("G.1X", 2, "3.0"), rhythm, 60)
    }
}
