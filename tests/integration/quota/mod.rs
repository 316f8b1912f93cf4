//! Quotas from outside: what fits, places that many ask for at once, and the program itself.

mod bad_days;
mod binary;
mod cloudwatch;
mod desk;
mod show;
mod trend;

use jiff::Timestamp;
use runledger::analysis::Books;
use runledger::config::Config;
use runledger::model::{Engine, JobRun, Need, QuotaPlace, RunIdentity, RunState};
use runledger::quota::Ask;
use runledger::store::Store;
use runledger::tasks::quota::{Desk, Wish};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-16T06:00:00Z")
}

fn place() -> QuotaPlace {
    QuotaPlace { account: ACCOUNT.into(), region: REGION.into(), engine: Engine::Glue }
}

/// A company with one quota of 100 DPUs.
struct Company {
    config: Config,
    books: Books,
    store: Store,
}

impl Company {
    fn over(store: Store) -> Self {
        let text = format!(
            "[[quotas]]\naccount = '{ACCOUNT}'\nregion = '{REGION}'\nquota = 'glue-dpus'\n\
             value = 100.0\n[[ownership.rules]]\njob = '^load'\nteam = 'orders'\n"
        );
        let config = Config::parse(&text, std::path::Path::new("test")).unwrap();
        Self { books: config.books(&[]).unwrap(), config, store }
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            store: &self.store,
            books: &self.books,
            quotas: &self.config.quotas,
            settings: &self.config.quota_check,
            expected: &[],
        }
    }

    /// What the reservations hold, read anew.
    async fn held(&self, now: Timestamp) -> f64 {
        let guard = self.store.guard(&place()).await.unwrap();
        let live = guard.reservations.iter().filter(|held| held.is_live(now));
        live.map(|held| held.held().each * f64::from(held.held().runs)).sum()
    }
}

fn ask(each: f64, job: Option<&str>) -> Ask {
    Ask {
        place: place(),
        team: "orders".into(),
        job: job.map(str::to_owned),
        need: Need { each, runs: 1, flex: false },
        from: now(),
        until: at("2026-11-16T08:00:00Z"),
    }
}

fn wish(key: &str) -> Wish {
    Wish { key: key.into(), run_id: None, by: "test".into(), forget_before: now() }
}

/// A Glue run of ten G.1X workers that began five minutes after [`now`].
fn run(id: &str, job: &str, state: RunState) -> JobRun {
    let identity = RunIdentity {
        account: ACCOUNT.into(),
        region: REGION.into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: id.into(),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, state);
    run.job_name = Some(job.into());
    run.started_at = Some(at("2026-11-16T06:05:00Z"));
    run.updated_at = run.started_at;
    run.worker_type = Some("G.1X".into());
    run.worker_count = Some(10);
    if run.state.is_terminal() {
        run.ended_at = Some(at("2026-11-16T06:10:00Z"));
        run.updated_at = run.ended_at;
    }
    run
}
