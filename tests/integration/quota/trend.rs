//! The week in which a quota will be reached: from weekly peaks that outlive their runs.

use std::sync::Arc;

use runledger::model::RunState;
use runledger::tasks::quota::keep_peaks;
use runledger::tasks::roll_up::roll_up;
use serde_json::{Value, json};

use super::at;
use super::show::{glue, of};
use crate::harness::{Sandbox, dynamodb_url, skipped};
use crate::store::on_every_store;

const CONFIG: &str = "account = '111122223333'\nregion = 'eu-west-1'\n\
    [store]\ntransaction_items = 10\n\
    [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 100\n";

/// An hour's run of so many DPUs on the Wednesday of an ISO week of 2026.
fn run(week: u32, dpus: u32) -> Value {
    let monday = jiff::civil::ISOWeekDate::new(
        2026,
        i8::try_from(week).unwrap(),
        jiff::civil::Weekday::Wednesday,
    );
    let day = monday.unwrap().date();
    let (start, end) = (format!("{day}T03:00:00Z"), format!("{day}T04:00:00Z"));
    glue(&format!("jr_{week}_{dpus}"), "load", dpus, &start, Some(&end))
}

struct Company {
    sandbox: Sandbox,
    store: String,
}

impl Company {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("runledger.toml", CONFIG);
        Self { sandbox, store: "embedded:runledger.db".to_owned() }
    }

    fn import(&self, now: &str, runs: &[Value]) {
        self.sandbox.write("runs.json", json!({ "JobRuns": runs }).to_string());
        let import = ["--store", &self.store, "--now", now, "import", "runs.json"];
        self.sandbox.run(&import).exits(0);
    }

    fn run(&self, now: &str, arguments: &str) -> crate::harness::Finished {
        let before = ["--store", &self.store, "--now", now].into_iter();
        let all: Vec<&str> = before.chain(arguments.split(' ')).collect();
        self.sandbox.run(&all).exits(0)
    }

    fn dpus(&self, now: &str, week: &str) -> Value {
        let shown = self.run(now, &format!("quota show --week {week} --format json")).json();
        of(&shown, "over_period", "glue-dpus").clone()
    }
}

/// 20 DPUs in W40, and 10 more every week: 80 in W46. So 100 are reached in W48.
#[test]
fn a_straight_line_reaches_its_week_everywhere_it_is_told() {
    let stores = [Some(None), dynamodb_url().map(Some)];
    for (number, url) in stores.into_iter().enumerate() {
        let Some(url) = url else { return skipped("no DynamoDB server") };
        let mut company = Company::new();
        if let Some(url) = url {
            company.store = format!("dynamodb:trend-{}-{number}", std::process::id());
            company.sandbox = Sandbox::new().with_dynamodb(&url);
            company.sandbox.write("runledger.toml", CONFIG);
        }
        let now = "2026-11-16T06:00:00Z";
        company.run(now, "init");
        company.sandbox.write("runledger.toml", CONFIG);
        // In two parts and in no order: what comes late counts.
        let runs: Vec<Value> = (40..=46).map(|week| run(week, 20 + (week - 40) * 10)).collect();
        let small: Vec<Value> = (40..=46).map(|week| run(week, 1)).collect();
        company.import(now, &small);
        let flat = json!({"reason": "not-growing", "per_week": 0.0, "weeks_of_history": 7});
        assert_eq!(company.dpus(now, "2026-W46")["no_forecast"], flat);
        company.import(now, &runs);
        let expected = json!({
            // One DPU more than said above, from the small ones.
            "week": "2026-W48", "earliest": "2026-W48", "latest": "2026-W48", "per_week": 10.0,
            "weeks_of_history": 7
        });
        let dpus = company.dpus(now, "2026-W46");
        assert_eq!((&dpus["peak"], &dpus["forecast"]), (&json!(81.0), &expected));
        assert_eq!(dpus["no_forecast"], Value::Null);
        let report = company.run(now, "report --week 2026-W46 --format json").json();
        assert_eq!(of(&report, "quotas", "glue-dpus")["forecast"], expected);
        let text = company.run(now, "report --week 2026-W46 --format text").stdout;
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("Will be reached in 2026-W48, by +10 a week over 7 weeks"),
            "{text}"
        );
        // The week before knew one week less; what came after it is not foreseen in it.
        assert_eq!(company.dpus(now, "2026-W45")["forecast"]["weeks_of_history"], 6);
        let early = company.dpus(now, "2026-W44");
        assert_eq!(early["no_forecast"]["reason"], "too-little-history");
        // The week that goes on has no peak yet.
        company.import(now, &[run(47, 7)]);
        let thursday = "2026-11-19T00:00:00Z";
        let current = company.dpus(thursday, "2026-W47");
        assert_eq!(
            (&current["peak"], &current["forecast"]["week"]),
            (&json!(7.0), &json!("2026-W48"))
        );
    }
}

/// Runs are gone after 130 days, and what they amounted to is not.
#[test]
fn peaks_outlive_their_runs() {
    let company = Company::new();
    let runs: Vec<Value> = (30..=36).map(|week| run(week, 10 + (week - 30) * 5)).collect();
    company.import("2026-09-07T06:00:00Z", &runs);
    // Half a year's growth goes on; of the runs of W30 to W36 most have expired by then.
    let later: Vec<Value> = (37..=41).map(|week| run(week, 10 + (week - 30) * 5)).collect();
    company.import("2026-10-12T06:00:00Z", &later);
    let now = "2027-01-05T06:00:00Z";
    let gone = company.dpus_or_none(now, "2026-W33");
    assert_eq!(gone, None, "the runs of that week have expired");
    let shown = company.dpus(now, "2026-W41");
    // 65 in W41, and 5 a week: 100 in W48.
    assert_eq!(
        (&shown["forecast"]["week"], &shown["forecast"]["weeks_of_history"]),
        (&json!("2026-W48"), &json!(12))
    );
}

impl Company {
    fn dpus_or_none(&self, now: &str, week: &str) -> Option<f64> {
        let shown = self.run(now, &format!("quota show --week {week} --format json")).json();
        let all = shown["over_period"].as_array().unwrap();
        all.iter().find(|one| one["quota"] == "glue-dpus")?["peak"].as_f64()
    }
}

#[test]
fn a_falling_trend_and_weeks_without_use_are_no_growth() {
    let company = Company::new();
    let now = "2026-11-16T06:00:00Z";
    let falling: Vec<Value> = (40..=46).map(|week| run(week, 90 - (week - 40) * 5)).collect();
    company.import(now, &falling);
    let falls = json!({"reason": "not-growing", "per_week": -5.0, "weeks_of_history": 7});
    assert_eq!(company.dpus(now, "2026-W46")["no_forecast"], falls);
    let text = company.run(now, "quota show").stdout;
    assert!(text.contains("the peaks fall by 5 a week over 7 weeks"), "{text}");

    // Glue was used in every week, and these DPUs in W40, W45 and W46 alone.
    let company = Company::new();
    let mut runs: Vec<Value> = (40..=46).map(|week| flex(run(week, 3))).collect();
    runs.extend([run(40, 50), run(45, 50), run(46, 51)]);
    company.import(now, &runs);
    // Peaks 50, 0, 0, 0, 0, 50, 51: of 21 pairs the middle slope is none.
    let flat = json!({"reason": "not-growing", "per_week": 0.0, "weeks_of_history": 7});
    assert_eq!(company.dpus(now, "2026-W46")["no_forecast"], flat);
}

fn flex(mut run: Value) -> Value {
    run["ExecutionClass"] = json!("FLEX");
    run
}

/// Many who count at once, on every store: one record of each week, and the right one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn weeks_that_many_count_at_once_are_counted_once() {
    on_every_store(async |store| {
        let company = Arc::new(super::Company::over(store));
        let books = Arc::new(company.books.clone());
        let later = at("2026-12-01T06:00:00Z");
        let ended = super::run("r1", "load", RunState::Succeeded);
        company.store.save_runs(vec![ended], later).await.unwrap();
        roll_up(&company.store, &books, later).await.unwrap();
        let keepers = (0..6).map(|_| {
            let (company, books) = (Arc::clone(&company), Arc::clone(&books));
            tokio::spawn(async move { keep_peaks(&company.store, &books, later).await.unwrap() })
        });
        let mut weeks = 0;
        for keeper in keepers.collect::<Vec<_>>() {
            weeks += keeper.await.unwrap().weeks;
        }
        assert_eq!(weeks, 1, "one of them wrote");
        let kept = async || {
            let mondays = [jiff::civil::date(2026, 11, 16)];
            let all = company.store.week_peaks(mondays, later).await.unwrap();
            all[0].peaks.iter().map(|p| (p.quota.clone(), p.peak)).collect::<Vec<_>>()
        };
        let expected = [
            ("glue-concurrent-runs", 1.0),
            ("glue-concurrent-runs-per-job", 1.0),
            ("glue-dpus", 10.0),
        ];
        assert_eq!(kept().await, expected.map(|(quota, peak)| (quota.to_owned(), peak)));
        // A run of that week that comes late is counted by whoever rolls up next.
        let mut late = super::run("r2", "other", RunState::Succeeded);
        late.worker_count = Some(7);
        company.store.save_runs(vec![late], later).await.unwrap();
        assert_eq!(keep_peaks(&company.store, &books, later).await.unwrap().weeks, 0);
        roll_up(&company.store, &books, later).await.unwrap();
        assert_eq!(keep_peaks(&company.store, &books, later).await.unwrap().weeks, 1);
        assert_eq!(kept().await[2].1, 17.0);
    })
    .await;
}
