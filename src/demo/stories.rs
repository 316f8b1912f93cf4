//! What happens to the company in the last complete week: the stories that its report must tell,
//! as a table for whoever checks the report, and the jobs that they happen to.
//!
//! Stories without a job of their own (untagged and unpriced runs, streams that restart) come from
//! the ordinary jobs of `patterns` and `catalogue`.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::job::{Capacity, Glue, Job, Metering, Platform, Plot};
use super::rhythm::{DAY, Rhythm};
use super::teams::{GOODS, IRELAND, NUMBERS, SHOP, Team, VIRGINIA, team};
use crate::model::JobKind;

/// What a reader of the last complete week's report should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// A word for it.
    pub code: &'static str,
    /// The account in which it happens; empty where it happens in several.
    pub account: &'static str,
    /// The region in which it happens; empty where it happens in several.
    pub region: &'static str,
    /// The jobs it happens to; empty where they are many.
    pub jobs: &'static [&'static str],
    /// What the report says about it.
    pub finding: &'static str,
}

/// Every story, dearest first.
#[must_use]
pub const fn stories() -> &'static [Story] {
    &STORIES
}

static STORIES: [Story; 9] = [
    Story {
        code: "cost-jump",
        account: NUMBERS,
        region: VIRGINIA,
        jobs: &[JUMP],
        finding: "runs eight times a day; since Tuesday 09:00 with 80 workers, not 10, and hardly \
                  any faster: the largest change of all jobs",
    },
    Story {
        code: "nightly-failure",
        account: SHOP,
        region: VIRGINIA,
        jobs: &[NIGHTLY_FAILURE],
        finding: "fails every night for more than two weeks with one and the same error after \
                  most of its work, and so does its one retry: the dearest failure",
    },
    Story {
        code: "quota-squeeze",
        account: SHOP,
        region: VIRGINIA,
        jobs: &[BACKFILLS[0], BACKFILLS[1]],
        finding: "160 backfill runs started at 02:00 on Wednesday: concurrent runs and DPUs peak \
                  above 80 % of the account's quotas, as in no other account",
    },
    Story {
        code: "legacy-minimum",
        account: GOODS,
        region: VIRGINIA,
        jobs: &[LEGACY],
        finding: "Glue 1.0 with 10 DPU, about a minute of work in each run, ten minutes billed: \
                  nearly all of its cost is the minimum, and it has no owner",
    },
    Story {
        code: "retry-storm",
        account: GOODS,
        region: IRELAND,
        jobs: &[RETRY_STORM],
        finding: "while a database did not answer on Thursday from 09:00 to 14:00, each of its \
                  starts was retried up to nine times: most retries of all jobs, little money",
    },
    Story {
        code: "untagged",
        account: "",
        region: "",
        jobs: &[],
        finding: "some of the jobs have no tag that names a team: a visible line of their own",
    },
    Story {
        code: "unpriced",
        account: "",
        region: IRELAND,
        jobs: &[],
        finding: "ARM applications, Glue 6.0 and one Ray job run where the rate card has no rate \
                  for them: stated as unpriced, not as free",
    },
    Story {
        code: "stream-restart",
        account: "",
        region: "",
        jobs: &[],
        finding: "streams restart on Sunday at 22:00 and leave an EXPIRED run behind: no waste",
    },
    Story {
        code: "deleted-job",
        account: NUMBERS,
        region: IRELAND,
        jobs: &[DELETED],
        finding: "a trigger tries to start a job that was deleted: ERROR, at no cost",
    },
];

const JUMP: &str = "insight-sessions-stitch";
const NIGHTLY_FAILURE: &str = "fraud-disputes-score";
const BACKFILLS: [&str; 2] = ["orders-history-backfill", "payments-ledger-backfill"];
const LEGACY: &str = "catalog-stock-export-old";
const RETRY_STORM: &str = "logistics-carriers-pull";
const DELETED: &str = "marketing-newsletters-v1";

/// A quota of the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The account.
    pub account: &'static str,
    /// The region.
    pub region: &'static str,
    /// `glue-concurrent-runs`, `glue-dpus`, `glue-flex-dpus` or `emr-serverless-vcpus`.
    pub key: &'static str,
    /// Its value, in what the key counts.
    pub value: u32,
}

/// The quotas of the company: such that the squeeze shows, and nothing else comes near.
#[must_use]
pub fn quotas() -> Vec<Quota> {
    let places = [
        (SHOP, VIRGINIA),
        (GOODS, VIRGINIA),
        (GOODS, IRELAND),
        (NUMBERS, VIRGINIA),
        (NUMBERS, IRELAND),
    ];
    let values = [
        ("glue-concurrent-runs", 200),
        ("glue-dpus", 1_000),
        ("glue-flex-dpus", 100),
        ("emr-serverless-vcpus", 1_000),
    ];
    places
        .into_iter()
        .flat_map(|(account, region)| {
            values.map(|(key, value)| Quota { account, region, key, value })
        })
        .collect()
}

/// The jobs of the stories, for a last complete week that begins at a second of the Unix epoch.
pub(super) fn jobs(last_week: i64) -> Vec<Job> {
    let at = |day: i64, hour: i64| last_week + day * DAY + hour * 3_600;
    let (tuesday, wednesday, thursday) = (1, 2, 3);
    vec![
        jump(at(tuesday, 9)),
        nightly_failure(at(0, 0) - 10 * DAY),
        backfill(BACKFILLS[0], "orders", at(wednesday, 2), 110),
        backfill(BACKFILLS[1], "payments", at(wednesday, 2), 50),
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
        timeout_minutes: 480,
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
        ..job(JUMP, team("customer-insight"), spark("G.1X", 10, "5.0"), rhythm, 1_500)
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
        ..job(NIGHTLY_FAILURE, team("fraud"), spark("G.2X", 15, "4.0"), rhythm, 3_000)
    }
}

fn backfill(name: &str, of: &str, at: i64, runs: u32) -> Job {
    job(name, team(of), spark("G.1X", 4, "5.1"), Rhythm::Burst { at, runs }, 1_300)
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
