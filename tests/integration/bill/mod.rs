//! The bill through the real SDK, from a Cost Explorer on this machine: what is asked, what is
//! paid for, and what is kept.

use jiff::Timestamp;
use jiff::civil::Date;
use runledger::analysis::{BillState, GapKind, TrueUp};
use runledger::config::Config;
use runledger::model::{BillDay, Engine, JobRun, RunIdentity, RunState};
use runledger::sources::{AwsAccounts, BillSettings, BillTarget};
use runledger::store::{Store, StoreSettings};
use runledger::tasks::bill::{Refreshed, comparison, refresh};

use super::fakes::{Fakes, HOME, Trouble};
use super::harness::Sandbox;

mod binary;
mod refresh;

/// A Tuesday morning, when the week before is settled.
const NOW: &str = "2026-11-17T06:00:00Z";

struct Scene {
    fakes: Fakes,
    store: Store,
    settings: BillSettings,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runledger.db");
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let settings = BillSettings { accounts: vec![target(HOME)], ..BillSettings::default() };
        Self { fakes: Fakes::start().await, store, settings, _folder: folder }
    }

    async fn refresh_at(&self, now: &str, days: (&str, &str), max: u32) -> Refreshed {
        let aws = AwsAccounts::new(self.fakes.config().await);
        let days = date(days.0)..date(days.1);
        refresh(&self.store, &aws, &self.settings, days, max, at(now)).await.unwrap()
    }

    /// The week of 9 November, whatever it costs.
    async fn refresh(&self) -> Refreshed {
        self.refresh_at(NOW, WEEK, 100).await
    }

    async fn days(&self, account: &str) -> Vec<BillDay> {
        self.store.bill_days(account, date("2026-10-01")..date("2026-12-01")).await.unwrap()
    }

    async fn true_up(&self) -> TrueUp {
        let books = std::sync::Arc::new(Config::default().books(&[]).unwrap());
        let days = date(WEEK.0)..date(WEEK.1);
        comparison(&self.store, &books, &self.settings, days, at(NOW)).await.unwrap().true_up
    }

    /// How many requests Cost Explorer was asked, by the service's own count.
    fn asked(&self) -> usize {
        self.fakes.log().iter().filter(|asked| asked.service == "ce").count()
    }
}

const WEEK: (&str, &str) = ("2026-11-09", "2026-11-16");

fn target(account: &str) -> BillTarget {
    BillTarget { account: account.into(), payer: false, role_arn: None, external_id: None }
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Changes what Cost Explorer knows in an account.
fn bill(
    fakes: &Fakes,
    account: &str,
    change: impl FnOnce(&mut super::fakes::cost_explorer::CostExplorer),
) {
    fakes.place(account, "us-east-1", |place| change(&mut place.bill));
}

/// A run of 10 DPU for an hour: $4.40.
fn run(account: &str, day: &str, id: &str) -> JobRun {
    let identity = RunIdentity {
        account: account.into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: id.into(),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Succeeded);
    run.job_name = Some("load".into());
    run.started_at = Some(at(&format!("{day}T12:00:00Z")));
    run.ended_at = Some(at(&format!("{day}T13:00:00Z")));
    run.execution_seconds = Some(3600);
    run.max_capacity = Some(10.into());
    run.version = Some("4.0".into());
    run
}
