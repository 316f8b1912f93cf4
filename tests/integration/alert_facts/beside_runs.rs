//! Facts that are no runs: quotas and who uses them, sources, reports.

use jiff::ToSpan;
use runledger::model::{Engine, JobRun, RunState};
use runledger::store::{SourceState, Store, StoreSettings};

use super::{NOW, config, facts};
use crate::harness::Sandbox;
use crate::store::{at, ended, on_every_store};

/// A Glue run of ten DPUs that began some hours before 6:00, and ended some hours before.
fn of_ten(number: u32, team: &str, began: i64, over: Option<i64>) -> JobRun {
    let end = at(NOW) - over.unwrap_or(0).hours();
    let mut run = ended(number, &end.to_string());
    run.started_at = Some(at(NOW) - began.hours());
    (run.worker_type, run.worker_count) = (Some("G.1X".into()), Some(10));
    run.version = Some("4.0".into());
    run.tags = Some([("team".to_owned(), team.to_owned())].into());
    if over.is_none() {
        run.state = RunState::Running;
        run.updated_at = run.started_at;
        (run.ended_at, run.execution_seconds) = (None, None);
    }
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_tell_the_peak_of_the_day_and_who_uses_and_waits_now() {
    let config = config(
        "[[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\n\
         value = 40\n[[quotas.shares]]\nteam = 'orders'\nbaseline = 5\nburst = 15\n\
         [[quotas.shares]]\nteam = 'sales'\nbaseline = 10\n",
    );
    on_every_store(async |store| {
        let waiting = JobRun { state: RunState::Waiting, ..of_ten(9, "sales", 1, None) };
        let runs = vec![
            // Three at once, four hours ago; a fourth touched none of the last day.
            of_ten(1, "orders", 5, Some(3)),
            of_ten(2, "sales", 5, Some(3)),
            of_ten(3, "search", 5, Some(2)),
            of_ten(4, "orders", 30, Some(25)),
            of_ten(5, "orders", 2, None),
            of_ten(6, "orders", 1, None),
            waiting,
        ];
        store.save_runs(runs, at(NOW)).await.unwrap();
        let facts = facts(&store, &config, NOW).await;
        let quota = facts.quotas.iter().find(|quota| quota.quota == "glue-dpus").unwrap();
        assert_eq!((quota.limit, quota.now, quota.peak), (40.0, 20.0, 30.0));
        assert_eq!(quota.peak_at, Some(at("2026-11-16T01:00:00Z")));
        let teams: Vec<_> = quota
            .by_team
            .iter()
            .map(|team| (team.team.as_str(), team.used, team.share, team.waiting))
            .collect();
        let wanted = [("orders", 20.0, Some(15.0), 0), ("sales", 0.0, Some(10.0), 1)];
        assert_eq!(teams, wanted);
        assert_eq!(facts.quotas.len(), 1, "quotas without a value are no facts");
    })
    .await;
}

fn source(engine: &str, region: &str, sessions: bool, through: Option<&str>) -> SourceState {
    SourceState {
        account: "111122223333".into(),
        region: region.into(),
        engine: Engine::from(engine),
        sessions,
        collected_through: through.map(at),
        attempted_at: at("2026-11-16T05:59:00Z"),
        error: through.is_none().then(|| "AccessDenied".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_are_those_that_are_wanted_and_those_that_were() {
    let config = config(
        "[[collect.targets]]\naccount = '111122223333'\nregions = ['eu-west-1', 'eu-west-2']\n\
         role_arn = 'arn:aws:iam::111122223333:role/read'\n",
    );
    on_every_store(async |store| {
        for state in [
            source("glue", "eu-west-1", false, Some("2026-11-16T05:58:00Z")),
            source("glue", "eu-west-1", true, None),
            source("glue", "us-east-1", false, Some("2026-10-01T00:00:00Z")),
        ] {
            store.put_source_state(&state).await.unwrap();
        }
        let facts = facts(&store, &config, NOW).await;
        let told: Vec<_> = facts
            .sources
            .iter()
            .map(|s| {
                let through = s.collected_through.map(|at| at.strftime("%m-%d").to_string());
                let through = through.unwrap_or_else(|| "never".to_owned());
                let error = s.error.as_deref().unwrap_or("-");
                format!("{} {} {through} {error} {}", s.region, s.engine, s.wanted)
            })
            .collect();
        let wanted = [
            "eu-west-1 emr-serverless never - true",
            "eu-west-1 glue 11-16 - true",
            "eu-west-1 glue sessions never AccessDenied true",
            "eu-west-2 emr-serverless never - true",
            "eu-west-2 glue never - true",
            "us-east-1 glue 10-01 - false",
        ];
        assert_eq!(told, wanted);
    })
    .await;
}

const REPORTS: &str = "[mail]\nfrom = 'runledger@example.com'\nvia = 'outbox'\n\
    [reports.weekly]\nrecipients = ['ada@example.com', 'bob@example.com']\n\
    [reports.weekly.teams]\norders = ['carol@example.com']\n";

/// A report is missing where it was not sent, to whom it was not; a copy is not the report.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_are_due_until_the_last_of_their_readers_has_them() {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", REPORTS);
    sandbox.write(
        "runs.csv",
        "account,region,engine,job,run_id,state,ended_at,cost_usd\n\
         111122223333,eu-west-1,spark-on-k8s,load,r1,SUCCEEDED,2026-11-10T10:30:00Z,1.50\n",
    );
    let at_noon = "2026-11-16T13:00:00Z";
    sandbox.run(&["--now", at_noon, "import", "runs.csv"]).exits(0);
    let config = config(REPORTS);
    let due = async |now: &str| {
        let file = sandbox.path("runledger.db");
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let facts = facts(&store, &config, now).await;
        let told = facts.reports.iter().map(|r| (r.period.clone(), r.due.to_string(), r.missing));
        told.collect::<Vec<_>>()
    };
    let w46 = |missing| vec![("2026-W46".to_owned(), "2026-11-16T07:00:00Z".to_owned(), missing)];
    assert_eq!(due(at_noon).await, [], "nobody has promised what was before the first look");
    let look = ["--now", "2026-11-10T12:00:00Z", "schedule", "run", "weekly-report"];
    sandbox.run(&look).exits(0);
    assert_eq!(due(at_noon).await, w46(3));
    // It is missing as long as nobody has it, and not only until the next one is due.
    assert_eq!(due("2026-11-24T13:00:00Z").await, w46(3));
    // In the morning last week's is not due yet, and of the week before there is nothing to report.
    assert_eq!(due(NOW).await, []);
    let report = ["--now", at_noon, "report", "--last-week", "--send"];
    sandbox.run(&[&report[..], &["--to", "ada@example.com"]].concat()).exits(0);
    assert_eq!(due(at_noon).await, w46(3));
    sandbox.run(&[&report[..], &["--team", "orders"]].concat()).exits(0);
    assert_eq!(due(at_noon).await, w46(2));
    sandbox.run(&report).exits(0);
    assert_eq!(due(at_noon).await, w46(0));
}
