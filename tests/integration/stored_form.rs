//! The stored form: what is written has the shape that its number stands for, what was ever written
//! can be read, and a table of a newer form is left alone.
//!
//! `tests/data/stored` holds whole tables as they were written, one file a form, for ever. The
//! shape of an item is its attributes and the members of the JSON in them, without what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dynoxide::Database;
use jiff::Timestamp;
use runledger::model::{
    BillDay, BillLine, BillSource, Engine, JobRun, ListPrice, QuotaSource, QuotaValue, RunIdentity,
    RunState,
};
use runledger::store::{DEFAULT_TABLE, FORM, SourceState, Store, StoreSettings};
use serde_json::{Value, json};

use crate::harness::Sandbox;

/// Set, a table of a new form is written where there is no file of it yet.
const WRITE: &str = "RUNLEDGER_TEST_WRITE_STORED";
const NOW: &str = "2026-11-16T06:00:00Z";
const DATABASE: &str = "runledger.db";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stored")
}

/// Every stored table, by the name of its file.
fn files() -> BTreeMap<String, Vec<Value>> {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let items = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), items)
    };
    let files: BTreeMap<_, _> = names.map(read).collect();
    assert!(!files.is_empty() || std::env::var_os(WRITE).is_some(), "no stored table");
    files
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn runs(prefix: &str, day: &str) -> String {
    let run = |n: u32, state: &str, more: Value| {
        let mut run = json!({
            "Id": format!("jr_{prefix}{n}"), "JobName": "load-orders", "JobRunState": state,
            "StartedOn": format!("{day}T0{n}:00:00Z"), "CompletedOn": format!("{day}T0{n}:20:00Z"),
            "ExecutionTime": 1200, "WorkerType": "G.1X", "NumberOfWorkers": 10,
            "GlueVersion": "5.0", "Tags": {"team": "orders"},
        });
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run
    };
    let retry = json!({"PreviousRunId": format!("jr_{prefix}1"), "Attempt": 1});
    let failed = json!({"ErrorMessage": "no such table"});
    // What it tries again ended on the day before, if it ever did.
    let again = json!({"PreviousRunId": format!("jr_{prefix}0"), "ErrorMessage": "no such table"});
    let runs = [run(1, "FAILED", failed), run(2, "SUCCEEDED", retry), run(3, "FAILED", again)];
    json!({ "JobRuns": runs }).to_string()
}

fn configured() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "runledger.toml",
        "account = '111122223333'\nregion = 'eu-west-1'\n[mail]\nfrom = 'a@example.com'\n\
         [reports.weekly]\nrecipients = ['data-leaders@example.com']\n\
         [chargeback]\nrecipients = ['finance@example.com']\n\
         [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 500\n",
    );
    sandbox
}

fn ran(sandbox: &Sandbox, now: &str, words: &[&str]) -> String {
    let words: Vec<_> = ["--now", now].iter().chain(words).copied().collect();
    let done = sandbox.run(&words);
    assert!(matches!(done.code, Some(0 | 3)), "{}: {}", done.command, done.stderr);
    done.stdout
}

/// A table with an item of every kind that there is.
async fn everything(sandbox: &Sandbox) {
    sandbox.write("november.json", runs("n", "2026-11-12"));
    sandbox.write("october.json", runs("o", "2026-10-20"));
    sandbox.write("late.json", runs("l", "2026-10-21"));
    let open = r#"{"JobRuns": [{"Id": "jr_open", "JobName": "load-orders", "JobRunState": "RUNNING",
        "StartedOn": "2026-11-15T23:00:00Z", "WorkerType": "G.1X", "NumberOfWorkers": 10,
        "GlueVersion": "5.0"}]}"#;
    sandbox.write("open.json", open);
    ran(sandbox, NOW, &["init"]);
    for file in ["november.json", "october.json", "open.json"] {
        ran(sandbox, NOW, &["import", file]);
    }
    by_api(&Store::embedded(&sandbox.path(DATABASE), StoreSettings::default()).await.unwrap())
        .await;
    ran(sandbox, NOW, &["alerts", "--send"]);
    ran(sandbox, NOW, &["report", "--send"]);
    let reserve = ["quota", "reserve", "--team", "orders", "--dpu", "4", "--job", "load-orders"];
    ran(sandbox, NOW, &[&reserve[..], &["--for", "2h", "--id", "k"]].concat());
    ran(sandbox, NOW, &["schedule", "run", "weekly-report"]);
    let close = ["chargeback", "--month", "2026-10", "--close", "--force", "--why", "the form"];
    ran(sandbox, NOW, &close);
    // Past its retention: kept for the corrections of its month alone.
    ran(sandbox, "2027-06-01T00:00:00Z", &["import", "late.json"]);
    // And days that changed, one of which nobody has rolled up yet.
    sandbox.write("again.json", runs("a", "2026-11-14"));
    ran(sandbox, NOW, &["import", "again.json"]);
    let store = Store::embedded(&sandbox.path(DATABASE), StoreSettings::default()).await.unwrap();
    store.save_runs(vec![unpriced()], at(NOW)).await.unwrap();
}

/// A run of which too little is known to price it.
fn unpriced() -> JobRun {
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: "jr_unpriced".into(),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Succeeded);
    run.job_name = Some("load-orders".into());
    run.started_at = Some(at("2026-11-13T01:00:00Z"));
    run.ended_at = Some(at("2026-11-13T02:00:00Z"));
    run.updated_at = run.ended_at;
    run
}

/// What only AWS tells.
async fn by_api(store: &Store) {
    let (account, region) = ("111122223333".to_owned(), "eu-west-1".to_owned());
    let state = SourceState {
        account: account.clone(),
        region: region.clone(),
        engine: Engine::Glue,
        sessions: false,
        collected_through: Some(at("2026-11-16T05:59:00Z")),
        attempted_at: at("2026-11-16T05:59:00Z"),
        error: Some("throttled".into()),
    };
    store.put_source_state(&state).await.unwrap();
    let quota = QuotaValue {
        account: account.clone(),
        region: region.clone(),
        quota: "glue-flex-dpus".into(),
        value: 200.5,
        source: QuotaSource::Applied,
    };
    store.put_quotas(&[quota]).await.unwrap();
    store.put_prices(&[price()]).await.unwrap();
    let mut hour = store.metric_hour(at("2026-11-12T02:00:00Z")).await.unwrap();
    hour.record.put = 3;
    hour.record.out_to = Some("orders".into());
    assert!(store.put_metric_hour(&mut hour).await.unwrap());
    let source = BillSource {
        account: account.clone(),
        payer: true,
        attempted_at: at(NOW),
        problem: Some("AccessDenied".into()),
        requests: 4,
    };
    store.put_bill_source(&source).await.unwrap();
    store.put_bill_day(&account, &bill()).await.unwrap();
}

fn price() -> ListPrice {
    ListPrice {
        region: "eu-west-1".into(),
        usage_type: "EU-ETL-DPU-Hour".into(),
        sku: "ABC".into(),
        operation: "Jobrun".into(),
        unit: "DPU-Hour".into(),
        usd: "0.44".parse().unwrap(),
        effective: "2026-01-01".parse().unwrap(),
        published: "2026-01-02".parse().unwrap(),
        source: "Price List".into(),
        read_at: at("2026-11-01T00:00:00Z"),
    }
}

fn bill() -> BillDay {
    let day = "2026-11-12".parse().unwrap();
    let line = BillLine {
        account: "111122223333".into(),
        day,
        usage_type: Some("EU-ETL-DPU-Hour".into()),
        record_type: "Usage".into(),
        quantity: "3.5".parse().unwrap(),
        unit: "DPU-Hour".into(),
        amount: "1.54".parse().unwrap(),
        currency: "USD".into(),
        estimated: true,
    };
    BillDay { day, read_at: at(NOW), estimated: true, lines: vec![line] }
}

fn dump(database: &Path) -> Vec<Value> {
    let database = Database::new(database.to_str().unwrap()).unwrap();
    let request = serde_json::from_value(json!({ "TableName": DEFAULT_TABLE })).unwrap();
    let answer = serde_json::to_value(database.scan(request).unwrap()).unwrap();
    assert!(answer["LastEvaluatedKey"].is_null(), "more than one page");
    let mut items: Vec<Value> = answer["Items"].as_array().unwrap().clone();
    items.sort_by_key(|item| (text(item, "pk"), text(item, "sk")));
    items
}

fn text(item: &Value, key: &str) -> String {
    item[key]["S"].as_str().unwrap_or_default().to_owned()
}

/// What kind of item it is: what its partition begins with.
fn kind(item: &Value) -> String {
    let partition = text(item, "pk");
    partition.split('#').next().unwrap_or_default().to_owned()
}

/// The shape of each kind of item.
fn shapes(items: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in items {
        let shape = shapes.entry(kind(item)).or_default();
        for (name, value) in item.as_object().unwrap() {
            for (letter, value) in value.as_object().unwrap() {
                shape.insert(format!("{name}:{letter}"));
                let inner = value.as_str().and_then(|text| serde_json::from_str(text).ok());
                members(&inner.unwrap_or(Value::Null), name, shape);
            }
        }
    }
    shapes
}

fn members(value: &Value, path: &str, shape: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{path}.{name}");
                members(value, &path, shape);
                shape.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, path, shape)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_written_has_the_shape_of_its_number() {
    let sandbox = configured();
    everything(&sandbox).await;
    let written = dump(&sandbox.path(DATABASE));
    let name = format!("form-{FORM}");
    if let Ok(new) = std::env::var(WRITE)
        && new.starts_with(&name)
        && !files().contains_key(&new)
    {
        let text = serde_json::to_string_pretty(&written).unwrap();
        std::fs::write(folder().join(format!("{new}.json")), text + "\n").unwrap();
    }
    let files = files();
    // `form-1.json`, and after an addition that needs no new number `form-1-b.json`.
    let of_form = files.iter().rfind(|(file, _)| file.starts_with(&name));
    let (file, frozen) = of_form.unwrap_or_else(|| panic!("{name}.json is missing: set {WRITE}"));
    let (frozen, written) = (shapes(frozen), shapes(&written));
    let kinds: BTreeSet<_> = frozen.keys().chain(written.keys()).collect();
    for kind in kinds {
        let (was, is) = (frozen.get(kind), written.get(kind));
        assert!(
            was == is,
            "items of kind {kind} are not as in {file}.json: {was:#?} was, {is:#?} is. See \
             src/store/form.rs: what an older program would lose or misread takes a new number and \
             a new file (run this test with {WRITE}={name}, or {name}-b); the old files stay"
        );
    }
}

/// The kinds are those that the architecture names.
#[test]
fn every_kind_of_item_is_kept_for_ever() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split("## The store's keys").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.filter_map(|row| row.split('|').nth(2)?.trim().strip_prefix('`'));
    let named: BTreeSet<String> =
        cells.map(|cell| cell.split(['#', '`']).next().unwrap().to_owned()).collect();
    assert!(named.len() > 15, "{named:?}");
    for (file, items) in files() {
        let kept: BTreeSet<String> = items.iter().map(kind).collect();
        assert_eq!(kept, named, "{file}.json");
    }
}

/// A table of the items of a file.
async fn restored(items: &[Value]) -> Sandbox {
    let sandbox = configured();
    let path = sandbox.path(DATABASE);
    drop(Store::embedded(&path, StoreSettings::default()).await.unwrap());
    let database = Database::new(path.to_str().unwrap()).unwrap();
    for item in items {
        let request = json!({ "TableName": DEFAULT_TABLE, "Item": item });
        database.put_item(serde_json::from_value(request).unwrap()).unwrap();
    }
    sandbox
}

/// By hand: 10 DPU for 1,200 s at $0.44 are 1.466666667; three of them on each of two days.
#[tokio::test]
async fn what_was_ever_written_can_be_read() {
    for (file, items) in files() {
        let sandbox = restored(&items).await;
        let json = |words: &[&str]| -> Value {
            serde_json::from_str(&ran(&sandbox, NOW, words))
                .unwrap_or_else(|e| panic!("{file}: {e}"))
        };
        let report = json(&["report", "--format", "json"]);
        assert_eq!(report["totals"]["cost_usd"], "8.800000002", "{file}");
        assert_eq!(report["totals"]["runs"], 7, "{file}");
        assert_eq!(report["completeness"]["unpriced_runs"], 1, "{file}");
        assert_eq!(report["completeness"]["still_running"], 1, "{file}");
        let month = json(&["chargeback", "--month", "2026-10", "--format", "json"]);
        assert_eq!(
            (&month["closed"], &month["total_usd"]),
            (&json!(true), &json!("4.400000001")),
            "{file}"
        );
        let alerts = json(&["alerts", "--format", "json"]);
        let open = alerts["findings"].as_array().unwrap();
        assert!(open.iter().any(|alert| alert["code"] == "run-failed"), "{file}: {alerts}");
        assert!(ran(&sandbox, NOW, &["history"]).contains("report"), "{file}");
        assert!(ran(&sandbox, NOW, &["schedule", "list"]).contains("weekly-report"), "{file}");
        assert!(ran(&sandbox, NOW, &["quota", "show"]).contains("glue-dpus"), "{file}");
        // It was sent, and is known to be.
        ran(&sandbox, NOW, &["report", "--send"]);
        assert!(!sandbox.path("outbox").exists(), "{file}: sent again");
        let path = sandbox.path(DATABASE);
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        read_by_api(&store, &file).await;
    }
}

async fn read_by_api(store: &Store, file: &str) {
    let now = at(NOW);
    let states = store.source_states().await.unwrap();
    assert!(states.iter().any(|state| state.error.as_deref() == Some("throttled")), "{file}");
    assert_eq!(store.quotas().await.unwrap()[0].value, 200.5, "{file}");
    assert_eq!(store.prices().await.unwrap(), [price()], "{file}");
    let hour = store.metric_hour(at("2026-11-12T02:00:00Z")).await.unwrap();
    assert_eq!(hour.record.put, 3, "{file}");
    assert_eq!(store.bill_sources().await.unwrap()[0].requests, 4, "{file}");
    let days = "2026-11-01".parse().unwrap().."2026-12-01".parse().unwrap();
    assert_eq!(store.bill_days("111122223333", days).await.unwrap(), [bill()], "{file}");
    let peaks = store.week_peaks(["2026-11-09".parse().unwrap()], now).await.unwrap();
    assert_eq!(peaks.len(), 1, "{file}");
    assert_eq!(store.late_runs("2026-10", now).await.unwrap().len(), 3, "{file}");
}

#[tokio::test]
async fn a_newer_form_is_left_alone() {
    let number = json!({ "N": (FORM + 1).to_string() });
    let newer = json!({ "pk": {"S": "FORM"}, "sk": {"S": "form"}, "form": number });
    let sandbox = restored(&[newer]).await;
    sandbox.write("runs.json", runs("n", "2026-11-12"));
    let before = dump(&sandbox.path(DATABASE));
    for words in [
        &["import", "runs.json"][..],
        &["report"],
        &["report", "--send"],
        &["alerts", "--send"],
        &["init"],
    ] {
        let done = sandbox.run(words);
        assert_eq!(done.code, Some(2), "{}: {}", done.command, done.stderr);
        assert!(done.stderr.contains("a newer Runledger wrote"), "{}", done.stderr);
        assert!(done.stderr.contains("hint: start the newer version"), "{}", done.stderr);
    }
    let doctor = sandbox.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("a newer Runledger wrote"), "{}", doctor.stdout);
    assert_eq!(dump(&sandbox.path(DATABASE)), before);
}
