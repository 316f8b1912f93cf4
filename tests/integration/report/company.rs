//! A company's week, made by hand: 120 jobs of 7 teams on both engines, one cost jump, failures,
//! a quota squeeze, unpriced runs and an account that could not be read.
//!
//! The sums are made here by adding up jobs, so a report can be held against them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runledger::analysis::{
    Action, Completeness, ConfigurationFigures, FailureFigures, Figures, JobFigures, NotCollected,
    OpenRun, PeakShare, QuotaFigures, StateFigures, TeamFigures, Totals, UnpricedReason, Waste,
};
use runledger::model::{Engine, Period, RunIdentity, Usd};

use super::standing;

/// What two jobs cost in the week before that did not run again.
const GONE: &str = "38.20";
const TEAMS: [&str; 7] =
    ["Checkout", "Search", "Growth", "Finance Data", "Logistics", "ML Platform", "Unallocated"];
const SUBJECTS: [&str; 12] = [
    "orders",
    "clickstream",
    "inventory",
    "payments",
    "customer_profile",
    "shipping_events",
    "search_index",
    "recommendations",
    "ledger",
    "returns",
    "web_sessions",
    "pricing",
];
const VERBS: [&str; 10] = [
    "ingest_hourly",
    "enrich",
    "dedupe",
    "to_warehouse",
    "daily_snapshot",
    "feature_build",
    "quality_checks",
    "compact",
    "backfill",
    "export_partner",
];

pub(super) fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The company's week 2026-W46.
pub(super) fn figures() -> Figures {
    let nothing = of_jobs(jobs());
    let Totals { cost_usd, .. } = nothing.totals;
    Figures {
        completeness: completeness(&nothing.totals),
        teams: teams(&nothing.jobs, cost_usd),
        states: states(&nothing.totals),
        configurations: configurations(&nothing.totals),
        failures: failures(&nothing.jobs),
        quotas: quotas(),
        still_running: still_running(&nothing.jobs),
        alerts: standing::alerts(),
        alerts_total: 2,
        actions: actions(),
        ..nothing
    }
}

/// The company's week with so many of its jobs, and what follows from them.
pub(super) fn small(jobs_kept: usize) -> Figures {
    let whole = figures();
    let kept = of_jobs(whole.jobs[..jobs_kept].to_vec());
    Figures {
        teams: teams(&kept.jobs, kept.totals.cost_usd),
        failures: failures(&kept.jobs),
        quotas: whole.quotas[..2].to_vec(),
        still_running: whole.still_running[..1].to_vec(),
        actions: whole.actions,
        ..kept
    }
}

/// The week of these jobs, dearest first, and nothing else.
pub(super) fn of_jobs(jobs: Vec<JobFigures>) -> Figures {
    let totals = totals(&jobs);
    Figures {
        bill: None,
        bill_missing: None,
        runledger_cost: None,
        period: Period::week("2026-W46", &TimeZone::get("Europe/Berlin").unwrap()).unwrap(),
        compared_with: "2026-W45".into(),
        as_of: at("2026-11-16T05:00:00Z"),
        team: None,
        revision: 0,
        completeness: Completeness { runs: totals.runs, ..Completeness::default() },
        before: Some(before(&totals, &jobs)),
        teams: Vec::new(),
        states: Vec::new(),
        configurations: Vec::new(),
        failures: Vec::new(),
        waste: waste(&jobs),
        quotas: Vec::new(),
        still_running: Vec::new(),
        alerts: Vec::new(),
        alerts_total: 0,
        alerts_missing: None,
        actions: Vec::new(),
        totals,
        jobs,
    }
}

/// A week in which no run ended, of which nothing is known.
pub(super) fn nothing() -> Figures {
    Figures { totals: Totals::default(), before: None, ..of_jobs(Vec::new()) }
}

fn jobs() -> Vec<JobFigures> {
    let mut jobs: Vec<JobFigures> = (0..120).map(job).collect();
    jobs.sort_by(|one, other| other.cost_usd.cmp(&one.cost_usd).then(one.job.cmp(&other.job)));
    jobs
}

fn job(index: usize) -> JobFigures {
    let number = i128::try_from(index).unwrap();
    let noise = (number * 7_919 + 13) % 97;
    let subject = (index * 5 + 4) % 12;
    let name = format!("{}_{}", SUBJECTS[subject], VERBS[index / 12]);
    let is_emr = index % 5 == 3;
    let nanos = 1_180_000_000_000 / (number + 2) + noise * 123_456_789;
    let cost = Usd::from_nanos(nanos);
    let change = match index {
        0 => Usd::from_nanos(nanos * 67 / 100),
        1 => Usd::from_nanos(-nanos / 5),
        30 => cost,
        _ => Usd::from_nanos(nanos * (noise - 48) / 900),
    };
    let runs = 168 - u64::try_from(number + noise).unwrap() % 140;
    let failed = if index % 9 == 2 { runs / 20 + 1 } else { 0 };
    let unpriced = if index == 40 { runs } else { u64::from(index == 12) * 3 };
    let good = if is_emr { "SUCCESS" } else { "SUCCEEDED" };
    let bad = if !is_emr && index % 4 == 1 { "TIMEOUT" } else { "FAILED" };
    JobFigures {
        engine: if is_emr { "emr-serverless" } else { "glue" }.into(),
        account: if index.is_multiple_of(3) { "210987654321" } else { "123456789012" }.into(),
        account_name: None,
        region: "eu-west-1".into(),
        job: name,
        team: TEAMS[(index * 3 + index / 7) % 7].into(),
        runs,
        retries: failed / 2,
        unpriced_runs: unpriced,
        by_state: BTreeMap::from([(good.to_owned(), runs - failed), (bad.to_owned(), failed)]),
        expected_ends: 0,
        cost_usd: if index == 40 { Usd::ZERO } else { cost },
        change_usd: Some(if index == 40 { Usd::ZERO } else { change }),
        waste_usd: if failed > 0 { Usd::from_nanos(nanos / 11) } else { Usd::ZERO },
        runtime_seconds: runs * (400 + u64::try_from(noise).unwrap() * 31),
        avg_workers: if is_emr {
            0.0
        } else {
            2.0 + f64::from(u32::try_from(noise).unwrap()) / 4.0
        },
    }
}

fn totals(jobs: &[JobFigures]) -> Totals {
    let mut by_state: BTreeMap<String, u64> = BTreeMap::new();
    for (state, runs) in jobs.iter().flat_map(|job| &job.by_state) {
        *by_state.entry(state.clone()).or_default() += runs;
    }
    let waste: Usd = jobs.iter().map(|job| job.waste_usd).sum();
    Totals {
        runs: jobs.iter().map(|job| job.runs).sum(),
        jobs: jobs.len() as u64,
        chains: jobs.iter().map(|job| job.runs - job.retries).sum(),
        retries: jobs.iter().map(|job| job.retries).sum(),
        probable_reruns: 14,
        unpriced_runs: jobs.iter().map(|job| job.unpriced_runs).sum(),
        by_state,
        expected_ends: 0,
        cost_usd: jobs.iter().map(|job| job.cost_usd).sum(),
        failed_cost_usd: Usd::from_nanos(waste.nanos() * 8 / 10),
        retry_cost_usd: usd("61.370000001"),
        repeated_cost_usd: usd("74.019"),
        stopped_cost_usd: usd("12.5"),
        waste_usd: waste,
        runtime_seconds: jobs.iter().map(|job| job.runtime_seconds).sum(),
        dpu_hours: "11873.4166".parse().unwrap(),
        vcpu_hours: "6120.25".parse().unwrap(),
    }
}

fn before(now: &Totals, jobs: &[JobFigures]) -> Totals {
    let change: Usd = jobs.iter().filter_map(|job| job.change_usd).sum();
    Totals {
        runs: now.runs.saturating_sub(312),
        jobs: now.jobs + 2,
        retries: now.retries + 6,
        probable_reruns: 9,
        unpriced_runs: 0,
        // Two jobs of the week before did not run again.
        cost_usd: now.cost_usd - change + usd(GONE),
        waste_usd: now.waste_usd - usd("45.111"),
        failed_cost_usd: usd("190.5"),
        runtime_seconds: now.runtime_seconds.saturating_sub(400_000),
        dpu_hours: "11020.5".parse().unwrap(),
        ..now.clone()
    }
}

fn waste(jobs: &[JobFigures]) -> Waste {
    let sum: Usd = jobs.iter().map(|job| job.waste_usd).sum();
    let bad_end = Usd::from_nanos(sum.nanos() * 8 / 10);
    let repeated = Usd::from_nanos(sum.nanos() / 7);
    Waste { bad_end_usd: bad_end, repeated_usd: repeated, minimum_usd: sum - bad_end - repeated }
}

fn teams(jobs: &[JobFigures], total: Usd) -> Vec<TeamFigures> {
    let mut teams: Vec<TeamFigures> = TEAMS
        .iter()
        .map(|team| {
            let own = || jobs.iter().filter(|job| job.team == *team);
            let cost: Usd = own().map(|job| job.cost_usd).sum();
            let budget = match *team {
                "Checkout" => Some((usd("3200"), usd("3560.4"))),
                "ML Platform" => Some((usd("6000"), usd("4915.25"))),
                _ => None,
            };
            TeamFigures {
                unpriced_runs: 0,
                team: (*team).to_owned(),
                runs: own().map(|job| job.runs).sum(),
                cost_usd: cost,
                change_usd: own()
                    .map(|job| job.change_usd)
                    .sum::<Option<Usd>>()
                    .map(|change| if *team == "Search" { change - usd(GONE) } else { change }),
                waste_usd: own().map(|job| job.waste_usd).sum(),
                share: cost.share_of(total),
                budget_usd: budget.map(|(budget, _)| budget),
                forecast_usd: budget.map(|(_, forecast)| forecast),
                ..TeamFigures::default()
            }
        })
        .collect();
    teams.sort_by_key(|team| std::cmp::Reverse(team.cost_usd));
    teams
}

fn states(totals: &Totals) -> Vec<StateFigures> {
    let failed = totals.failed_cost_usd;
    let emr = Usd::from_nanos(totals.cost_usd.nanos() / 4);
    let cost = |state: &str| match state {
        "FAILED" => failed - usd("9.99"),
        "TIMEOUT" => usd("9.99"),
        "SUCCESS" => emr,
        _ => totals.cost_usd - failed - emr,
    };
    let mut left = totals.runtime_seconds;
    let mut states: Vec<StateFigures> = totals
        .by_state
        .iter()
        .enumerate()
        .map(|(index, (state, runs))| {
            let time = if index == 3 { left } else { totals.runtime_seconds * runs / totals.runs };
            left -= time;
            StateFigures {
                unpriced_runs: 0,
                state: state.clone(),
                runs: *runs,
                expected_ends: 0,
                cost_usd: cost(state),
                runtime_seconds: time,
            }
        })
        .collect();
    states.sort_by_key(|state| std::cmp::Reverse(state.runs));
    states
}

fn configurations(totals: &Totals) -> Vec<ConfigurationFigures> {
    let kinds = [
        ("glue", "G.1X", "STANDARD", "4.0", 38),
        ("glue", "G.2X", "STANDARD", "5.0", 27),
        ("emr-serverless", "ARM64", "STANDARD", "emr-7.9.0", 16),
        ("glue", "G.1X", "FLEX", "4.0", 9),
        ("emr-serverless", "X86_64", "STANDARD", "emr-6.15.0", 6),
        ("glue", "-", "STANDARD", "3.9", 4),
    ];
    let mut left = (totals.runs, totals.cost_usd);
    let last = kinds.len() - 1;
    let share = |(index, (engine, worker, class, version, percent)): (usize, (_, _, _, _, u64))| {
        let runs = if index == last { left.0 } else { totals.runs * percent / 100 };
        let part = Usd::from_nanos(totals.cost_usd.nanos() * i128::from(percent) / 100);
        let cost = if index == last { left.1 } else { part };
        left = (left.0 - runs, left.1 - cost);
        let text = |word: &str| word.to_owned();
        ConfigurationFigures {
            unpriced_runs: 0,
            engine: text(engine),
            worker_type: text(worker),
            execution_class: text(class),
            version: text(version),
            runs,
            cost_usd: cost,
        }
    };
    kinds.into_iter().enumerate().map(share).collect()
}

fn failures(jobs: &[JobFigures]) -> Vec<FailureFigures> {
    let errors = [
        "org.apache.spark.SparkException: Job aborted due to stage failure: Task 37 in stage 12.0 \
         failed 4 times, most recent failure: ExecutorLostFailure (executor 9 exited caused by one \
         of the running tasks) Reason: Container killed by YARN for exceeding memory limits",
        "AnalysisException: Path does not exist: s3://lake-raw/payments/dt=2026-11-13",
        "An error occurred while calling o112.pyWriteDynamicFrame. Access Denied (Service: S3, \
         Status Code: 403)",
        "",
    ];
    let bad_ends = |job: &JobFigures| {
        let bad =
            job.by_state.iter().find(|(state, runs)| !state.starts_with("SUCC") && **runs > 0);
        bad.map(|(state, runs)| (state.clone(), *runs))
    };
    jobs.iter()
        .filter_map(|job| Some((job, bad_ends(job)?)))
        .enumerate()
        .map(|(index, (job, (state, runs)))| {
            let engine = Engine::from(job.engine.as_str());
            let application =
                (engine == Engine::EmrServerless).then(|| "00f1abcd2efg3h4i".to_owned());
            FailureFigures {
                unpriced_runs: 0,
                restart: false,
                engine: job.engine.clone(),
                account: job.account.clone(),
                account_name: None,
                region: job.region.clone(),
                job: job.job.clone(),
                team: job.team.clone(),
                state,
                runs,
                cost_usd: Usd::from_nanos(job.waste_usd.nanos() * 8 / 10),
                error: errors[index % 4].into(),
                latest: RunIdentity {
                    account: job.account.clone(),
                    region: job.region.clone(),
                    engine,
                    application_id: application,
                    run_id: format!("jr_{:064x}", 0x00c0_ffee_u64 + index as u64 * 7919),
                    attempt: 1,
                },
                latest_end: at("2026-11-13T03:12:44Z"),
            }
        })
        .collect()
}

fn quotas() -> Vec<QuotaFigures> {
    let quota = |account: &str, quota: &str, limit: Option<f64>, peak: f64, upper: Option<f64>| {
        QuotaFigures {
            account: account.into(),
            region: "eu-west-1".into(),
            quota: quota.into(),
            limit,
            limit_source: None,
            peak,
            peak_upper: upper,
            peak_at: Some(at("2026-11-12T02:17:30Z")),
            shared_by: vec![
                PeakShare { job: "customer_profile_feature_build".into(), held: 320.0 },
                PeakShare { job: "orders_enrich".into(), held: 180.5 },
            ],
            share: limit.map_or(0.0, |limit| peak / limit),
            seconds_over_80: if quota == "glue-dpus" && limit.is_some() { 6_310 } else { 0 },
            seconds_over_90: if quota == "glue-dpus" && limit.is_some() { 2_540 } else { 0 },
            teams: Vec::new(),
            waited_runs: 0,
            waited_seconds: 0,
            forecast: None,
            no_forecast: None,
        }
    };
    vec![
        quota("123456789012", "glue-concurrent-runs", Some(200.0), 61.0, Some(61.0)),
        quota("123456789012", "glue-dpus", Some(1000.0), 931.0, Some(1042.5)),
        quota("123456789012", "emr-serverless-vcpus", Some(512.0), 420.0, None),
        quota("210987654321", "glue-dpus", None, 212.0, Some(212.0)),
    ]
}

fn still_running(jobs: &[JobFigures]) -> Vec<OpenRun> {
    let open = |index: usize, started: Option<&str>, seconds, so_far: Option<&str>| OpenRun {
        identity: RunIdentity {
            account: jobs[index].account.clone(),
            region: jobs[index].region.clone(),
            engine: Engine::Glue,
            application_id: None,
            run_id: format!("jr_{index:064x}"),
            attempt: 1,
        },
        job: jobs[index].job.clone(),
        team: jobs[index].team.clone(),
        state: if started.is_some() { "RUNNING" } else { "WAITING" }.into(),
        started_at: started.map(at),
        running_seconds: seconds,
        cost_so_far_usd: so_far.map(usd),
    };
    vec![
        open(6, Some("2026-11-09T04:00:00Z"), 608_400, Some("148.72")),
        open(2, Some("2026-11-16T03:30:00Z"), 5_400, Some("6.6")),
        open(9, None, 0, None),
    ]
}

fn completeness(totals: &Totals) -> Completeness {
    Completeness {
        assumed_architecture_runs: 12,
        kept_since: None,
        runs: totals.runs,
        unpriced_runs: totals.unpriced_runs,
        unpriced_reasons: vec![
            UnpricedReason {
                reason: "worker type R.8X is not known".into(),
                runs: totals.unpriced_runs - 3,
                dpu_hours: "212.75".parse().unwrap(),
                ..UnpricedReason::default()
            },
            UnpricedReason {
                reason: "billed resources are not known yet".into(),
                runs: 3,
                dpu_hours: rust_decimal::Decimal::ZERO,
                ..UnpricedReason::default()
            },
        ],
        still_running: 3,
        late_runs: 2,
        without_end: 0,
        collected_through: Some(at("2026-11-16T04:45:00Z")),
        not_collected: vec![NotCollected {
            account: "345678901234".into(),
            region: "eu-central-1".into(),
            engine: "glue".into(),
            collected_through: Some(at("2026-11-12T22:10:00Z")),
            error: Some("AccessDenied: not authorized to perform sts:AssumeRole".into()),
        }],
        by_basis: BTreeMap::from([
            ("billed", 2_011),
            ("metered", 6_940),
            ("provisioned", 2_203),
            ("upper-bound", 31),
        ]),
        undated_rates: vec!["EMR Serverless eu-west-1 (list price page)".into()],
        agreed_rates: 0,
        overdue_since: None,
        restated_before: None,
    }
}

fn actions() -> Vec<Action> {
    let action =
        |code, advice: &str, amount: &str| Action { code, advice: advice.into(), usd: usd(amount) };
    vec![
        action("set-owner", "Say who pays for the 17 jobs without a team.", "788.17"),
        action(
            "upgrade-glue",
            "Move 14 jobs from Glue 4.0 to 6.0: a DPU-hour costs 30% less there.",
            "664.91",
        ),
        action(
            "fix-failures",
            "Fix inventory_ingest_hourly: 7 of its 126 runs failed, each after about half an hour, \
             with \"Container killed by YARN for exceeding memory limits\".",
            "21.81",
        ),
    ]
}
