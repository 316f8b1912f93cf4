//! What pricing costs: processor time for a million runs on one core, by engine and by rate card.
//!
//! Ten thousand different runs are priced a hundred times over, because a million at once would
//! measure the memory. It prints figures beside the target and judges nothing.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

use std::fs;
use std::hint::black_box;

use jiff::civil::date;
use jiff::{Timestamp, ToSpan};
use runledger::model::{
    Architecture, Definition, Engine, ExecutionClass, JobRun, ListPrice, Resources, RunIdentity,
    RunState,
};
use runledger::pricing::{PricingSettings, RateCard, USAGE_TYPES, price};
use rust_decimal::Decimal;

const RUNS: usize = 10_000;
const ROUNDS: usize = 100;
const TARGET: &str = "1 s";
const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "ap-northeast-1", "us-west-2"];

fn main() {
    println!("{:<32} {:>9} {:>8} {:>9}   target", "", "runs", "cpu s", "priced");
    for (name, settings, listed) in cards() {
        let settings: PricingSettings = toml::from_str(settings).expect("settings");
        let card = RateCard::new(&listed, &settings).expect("a card");
        row(&format!("Glue, {name}"), &glue_runs(), &card, &settings);
        row(&format!("EMR Serverless, {name}"), &emr_runs(), &card, &settings);
    }
}

fn row(name: &str, runs: &[JobRun], card: &RateCard, settings: &PricingSettings) {
    let begin = processor_seconds();
    let mut priced = 0_usize;
    for _ in 0..ROUNDS {
        for run in runs {
            priced += usize::from(black_box(price(run, card, settings)).price.cost().is_some());
        }
    }
    let taken = processor_seconds() - begin;
    println!("{name:<32} {:>9} {taken:>8.2} {priced:>9}   {TARGET}", runs.len() * ROUNDS);
}

/// What this thread has had of a processor: other programs may want theirs meanwhile.
fn processor_seconds() -> f64 {
    let counted = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let nanoseconds = counted.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e9
}

/// The shipped card, and one with three years of refreshed prices and with discounts.
fn cards() -> [(&'static str, &'static str, Vec<ListPrice>); 2] {
    let discounts = "[[discounts]]\nsource = \"EDP\"\npercent = \"12.5\"\nengine = \"glue\"\n\
                     [[discounts]]\nsource = \"EDP\"\npercent = \"7\"\nengine = \"emr-serverless\"\n";
    [("shipped card", "", Vec::new()), ("refreshed, discounts", discounts, refreshed())]
}

/// A price for every region and usage type, changed in each month of three years.
fn refreshed() -> Vec<ListPrice> {
    let mut listed = Vec::new();
    for region in REGIONS {
        for tail in USAGE_TYPES.map(|known| known.tail) {
            for month in 0..36_i16 {
                let effective = date(2024 + month / 12, 1 + (month % 12) as i8, 1);
                listed.push(ListPrice {
                    region: region.into(),
                    usage_type: tail.into(),
                    sku: "SKU".into(),
                    operation: String::new(),
                    unit: "Hour".into(),
                    usd: Decimal::new(44_000 + i64::from(month), 5),
                    effective,
                    published: effective,
                    source: "a list".into(),
                    read_at: Timestamp::UNIX_EPOCH,
                });
            }
        }
    }
    listed
}

fn run(engine: Engine, number: usize) -> JobRun {
    let identity = RunIdentity {
        account: format!("{:012}", 111_122_223_333 + number % 40),
        region: REGIONS[number % REGIONS.len()].into(),
        application_id: (engine == Engine::EmrServerless).then(|| "00abcdefghijklmn".into()),
        engine,
        run_id: format!("jr_{number:064x}"),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Succeeded);
    let begin: Timestamp = "2026-11-09T00:00:00Z".parse().expect("a time");
    run.started_at = Some(begin + (number as i64 * 60).seconds());
    run.ended_at = Some(begin + (number as i64 * 60 + 900).seconds());
    run
}

fn glue_runs() -> Vec<JobRun> {
    let glue = |number: usize| {
        let mut run = run(Engine::Glue, number);
        let (worker, version) = [("G.1X", "5.0"), ("G.2X", "4.0"), ("G.4X", "5.1")][number % 3];
        run.worker_type = Some(worker.into());
        run.worker_count = Some(2 + number as u32 % 19);
        run.version = Some(version.into());
        run.execution_seconds = Some(30 + number as u64 % 1200);
        if number.is_multiple_of(5) {
            run.dpu_seconds = Some(Decimal::new(number as i64 * 1237, 3));
            run.execution_class = Some(ExecutionClass::Standard);
        }
        run
    };
    (0..RUNS).map(glue).collect()
}

fn emr_runs() -> Vec<JobRun> {
    let emr = |number: usize| {
        let mut run = run(Engine::EmrServerless, number);
        run.state = RunState::Success;
        run.define(Definition { architecture: Some(Architecture::X86), ..Definition::default() });
        let hours = |thousandths: i64| Decimal::new(thousandths, 3);
        let billed = Resources {
            vcpu_hours: hours(1267 + number as i64),
            memory_gb_hours: hours(5067 + number as i64),
            storage_gb_hours: hours(number as i64 % 7),
        };
        run.billed = Some(billed);
        run.used = Some(billed);
        run
    };
    (0..RUNS).map(emr).collect()
}
