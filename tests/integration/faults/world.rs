//! All that Runledger speaks to, behind connections that can be made bad: two accounts with jobs of
//! both engines, a bill, a mail service, and DynamoDB where there is one. And what must come out,
//! whatever the connections do.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use runledger::model::DeliveryState;
use runledger::store::{Ledger, Record, Store, StoreSettings};

use super::company::{self, NOW, READERS, SEND};
use super::mail_services::MailService;
use crate::fakes::emr_serverless::{attempt, session};
use crate::fakes::glue::run;
use crate::fakes::{Fakes, HOME, Place, REGION};
use crate::harness::{Finished, Proxy, Sandbox, dynamodb_url};

/// The account behind a role.
pub(super) const OTHER: &str = "444455556666";
pub(super) const COLLECT: [&str; 5] = ["--now", NOW, "collect", "--since", "9d"];
pub(super) const REPORT: [&str; 6] = ["--now", NOW, "report", "--last-week", "--format", "json"];
const BILL: [&str; 6] = ["--now", NOW, "bill", "refresh", "--since", "2026-11-09"];
pub(super) const RUNS: [&str; 7] =
    ["--now", NOW, "export", "runs", "--last-week", "--incomplete", "--format=jsonl"];

/// So that some are killed while a mail is under way.
const MAIL_TAKES_MAX: Duration = Duration::from_millis(100);

/// Every command of a Monday whose work can be told apart from having done nothing.
pub(super) const READING: [&[&str]; 2] = [&COLLECT, &BILL];

/// Where runs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    InFile,
    /// In a table of DynamoDB Local.
    InTable,
}

/// Which way mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    BySes,
    IntoOutbox,
}

/// The services, and the connections to them.
pub(super) struct World {
    pub(super) fakes: Fakes,
    pub(super) mail: MailService,
    pub(super) to_aws: Proxy,
    pub(super) to_mail: Proxy,
    pub(super) to_table: Option<Proxy>,
    dynamodb: Option<String>,
    _runtime: tokio::runtime::Runtime,
}

/// What is stored, shown and mailed where nothing goes wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) report: String,
    pub(super) runs: String,
    /// By reader.
    pub(super) letters: BTreeMap<String, String>,
}

impl World {
    /// Good connections; to DynamoDB Local too, where its address is given.
    pub(super) fn new(dynamodb: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
        let fakes = runtime.block_on(Fakes::start());
        fakes.place(HOME, REGION, |place| jobs(place, "home", 230));
        fakes.place(OTHER, REGION, |place| jobs(place, "other", 25));
        fakes.place(HOME, "us-east-1", |place| {
            for day in 9..16 {
                let day = format!("2026-11-{day:02}");
                place.bill.glue(&day, HOME, "EU-ETL-DPU-Hour", "12.5", "5.5");
            }
        });
        let role = fakes.world().sts.add_role(OTHER, Some("ext-1"));
        assert_eq!(role, role_arn());
        let mail = MailService::slow(0, MAIL_TAKES_MAX);
        Self {
            to_aws: Proxy::to(&fakes.url()),
            to_mail: Proxy::to(mail.url()),
            to_table: dynamodb.map(Proxy::to),
            dynamodb: dynamodb.map(str::to_owned),
            fakes,
            mail,
            _runtime: runtime,
        }
    }

    /// A world with runs in a file, or in a table where there is a server for it, and a folder.
    pub(super) fn with_sandbox(kept: Kept, leaves: Leaves) -> (Self, Sandbox) {
        let dynamodb = (kept == Kept::InTable).then(dynamodb_url).flatten();
        let world = Self::new(dynamodb.as_deref());
        let sandbox = world.sandbox(leaves);
        (world, sandbox)
    }

    /// Every connection.
    pub(super) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        [&self.to_aws, &self.to_mail].into_iter().chain(&self.to_table)
    }

    pub(super) fn calms_down(&self) {
        self.proxies().for_each(Proxy::passes);
    }

    /// A folder with a configuration, from which the services are reached; where runs are kept in a
    /// table, it is made.
    pub(super) fn sandbox(&self, leaves: Leaves) -> Sandbox {
        let mut sandbox = Sandbox::new();
        for (name, value) in self.fakes.environment() {
            sandbox = sandbox.with(name, &value);
        }
        sandbox = sandbox
            .with("AWS_ENDPOINT_URL", &self.to_aws.url())
            .with("AWS_ENDPOINT_URL_SESV2", &self.to_mail.url());
        let mut store = String::new();
        if let Some(proxy) = &self.to_table {
            sandbox = sandbox.with("AWS_ENDPOINT_URL_DYNAMODB", &proxy.url());
            store = format!("[store]\nlocation = \"dynamodb:{}\"\n", new_table());
        }
        sandbox.write("runledger.toml", configuration(leaves) + &store);
        if self.to_table.is_some() {
            sandbox.run(&["-q", "init"]).exits(0);
        }
        sandbox
    }

    /// What the ledger says of each reader.
    pub(super) fn records(&self, sandbox: &Sandbox) -> BTreeMap<String, Record> {
        let Some(url) = &self.dynamodb else { return company::records(sandbox) };
        let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
        let (_, table) = config.split_once("dynamodb:").unwrap();
        let table = table.split('"').next().unwrap().to_owned();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let records = runtime.block_on(async {
            // DynamoDB Local keeps tables apart by access key and region.
            let config = self.fakes.config().await.into_builder().endpoint_url(url).build();
            let store = Store::dynamodb(&config, table, StoreSettings::default());
            let ledger = Ledger::new(store.ledger_table().clone());
            ledger.records("weekly", "2026-W46").await.unwrap()
        });
        company::by_reader(records)
    }

    /// Collects and mails with nothing in the way; once for all tests.
    pub(super) fn expected() -> &'static Outcome {
        static EXPECTED: LazyLock<Outcome> = LazyLock::new(|| World::undisturbed(&[&COLLECT]));
        &EXPECTED
    }

    /// Does all that and mails, with nothing in the way.
    pub(super) fn undisturbed(commands: &[&[&str]]) -> Outcome {
        let world = Self::new(None);
        let sandbox = world.sandbox(Leaves::BySes);
        for command in commands {
            sandbox.run(command).exits(0);
        }
        let [report, runs] = [&REPORT[..], &RUNS].map(|shown| sandbox.run(shown).exits(0).stdout);
        assert!(report.contains("\"unpriced_runs\": 0"), "{report}");
        assert_eq!(runs.lines().count(), 2 * 8 + 230 + 25 + 2 * 4, "{runs}");
        sandbox.run(&SEND).exits(0);
        let letters = world.mail.letters().into_iter();
        let letters: BTreeMap<_, _> = letters.map(|(to, mut all)| (to, all.remove(0))).collect();
        assert_eq!(letters.len(), READERS.len());
        Outcome { report, runs, letters }
    }

    /// Asserts that the runs are stored as they are told of where nothing goes wrong. The mails
    /// tell the same of the report.
    #[track_caller]
    pub(super) fn has_stored(sandbox: &Sandbox, expected: &Outcome, what: &str) {
        same(&sandbox.run(&RUNS).exits(0).stdout, &expected.runs, &format!("the runs of {what}"));
    }

    /// Counts the readers by what became of them by SES: one mail of the right bytes, or an UNKNOWN
    /// that is on record.
    pub(super) fn readers(&self, sandbox: &Sandbox, expected: &Outcome, what: &str) -> Readers {
        let (records, letters) = (self.records(sandbox), self.mail.letters());
        let mut readers = Readers::default();
        for reader in READERS {
            let what = format!("{reader} of {what}");
            let all = letters.get(reader).map_or(&[][..], Vec::as_slice);
            assert!(all.iter().all(|one| *one == expected.letters[reader]), "{what}: other bytes");
            let record = records.get(reader).unwrap_or_else(|| panic!("{what} is not on record"));
            match (record.state(), all.len()) {
                (DeliveryState::Sent, 1) => readers.sent += 1,
                (DeliveryState::Unknown, 1) => readers.unknown_and_mailed += 1,
                (DeliveryState::Unknown, 0) => readers.unknown_and_not += 1,
                (state, count) => panic!("{what}: {state:?} and {count} mails"),
            }
        }
        readers
    }
}

/// What became of readers.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Readers {
    pub(super) sent: usize,
    pub(super) unknown_and_mailed: usize,
    pub(super) unknown_and_not: usize,
}

impl Readers {
    pub(super) const fn unknown(self) -> usize {
        self.unknown_and_mailed + self.unknown_and_not
    }

    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.unknown_and_mailed += other.unknown_and_mailed;
        self.unknown_and_not += other.unknown_and_not;
    }
}

/// Asserts that a command ended in one of the documented ways: with a code of the contract, without
/// a panic, and where it failed with a line that says so.
#[track_caller]
pub(super) fn ended_properly(finished: &Finished, what: &str) -> i32 {
    let Finished { command, stderr, code, .. } = finished;
    let code = code.unwrap_or_else(|| panic!("{what}: {command} was killed\n{stderr}"));
    assert!([0, 1, 4, 5].contains(&code), "{what}: {command} ended with {code}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{what}: {command}\n{stderr}");
    let mut errors = stderr.lines().filter(|line| line.starts_with("error: ")).peekable();
    assert_eq!(errors.peek().is_none(), code == 0, "{what}: {command}: {code}\n{stderr}");
    for error in errors {
        // A table, a place of an account, or a reader.
        let names = [HOME, OTHER, "table `", "***@", "sts "];
        let says_where = names.iter().any(|name| error.contains(name));
        assert!(says_where, "{what}: {command}: `{error}` does not say where");
    }
    code
}

/// Asserts that texts are the same. Two whole reports in a message would hide which trial it was.
#[track_caller]
pub(super) fn same(found: &str, expected: &str, what: &str) {
    let pairs = found.lines().zip(expected.lines());
    let different = pairs.into_iter().find(|(found, expected)| found != expected);
    assert!(different.is_none(), "{what}: {different:#?}");
    assert_eq!(found.len(), expected.len(), "{what}: one of them ends earlier");
}

fn role_arn() -> String {
    format!("arn:aws:iam::{OTHER}:role/runledger-reader")
}

fn configuration(leaves: Leaves) -> String {
    let way = match leaves {
        Leaves::BySes => "via = \"ses\"",
        Leaves::IntoOutbox => "via = \"outbox\"",
    };
    company::configuration(way)
        + &format!(
            "[[collect.targets]]\naccount = \"{HOME}\"\nregions = [\"{REGION}\"]\n\
             [[collect.targets]]\naccount = \"{OTHER}\"\nregions = [\"{REGION}\"]\n\
             role_arn = \"{}\"\nexternal_id = \"ext-1\"\n\
             [[bill.accounts]]\naccount = \"{HOME}\"\n",
            role_arn()
        )
}

/// A name that no other test has.
fn new_table() -> String {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let number = TABLES.fetch_add(1, Ordering::SeqCst);
    format!("world-{}-{number}", std::process::id())
}

/// Jobs whose runs ended in the week before `NOW`, two of which are still at it.
fn jobs(place: &mut Place, name: &str, many: u32) {
    let now = NOW.parse::<jiff::Timestamp>().unwrap().as_second() as f64;
    let ended = |id: String, state: &str, number: u32| {
        let end = now - 8.0 * 3600.0 - f64::from(number) * 1800.0;
        run(&id, state, end - 600.0 - f64::from(number), Some(end))
    };
    let glue = &mut place.glue;
    // More than a page.
    glue.add_job("orders-many", "glueetl", &[("team", "orders")]);
    for number in 0..many {
        let state = if number % 9 == 0 { "FAILED" } else { "SUCCEEDED" };
        glue.put_run("orders-many", ended(format!("jr_{name}_{number}"), state, number % 300));
    }
    for number in 0..8 {
        let job = format!("claims-{}", number % 3);
        if number < 3 {
            glue.add_job(&job, "glueetl", &[]);
        }
        glue.put_run(&job, ended(format!("jr_{name}_c{number}"), "SUCCEEDED", number * 7));
    }
    glue.put_run("claims-0", run(&format!("jr_{name}_open"), "RUNNING", now - 900.0, None));
    let emr = &mut place.emr;
    emr.add_application("app1", "etl", &[("team", "claims")]);
    for number in 0..3 {
        let end = now - 30.0 * 3600.0 - f64::from(number) * 3600.0;
        let done = attempt("claims-emr", "SUCCESS", end - 1800.0, Some(end));
        emr.put_run("app1", &format!("run_{name}_{number}"), vec![done]);
    }
    let open = attempt("claims-emr", "RUNNING", now - 1200.0, None);
    emr.put_run("app1", &format!("run_{name}_open"), vec![open]);
    let (begin, end) = (now - 50.0 * 3600.0, now - 49.0 * 3600.0);
    emr.put_session("app1", &format!("s_{name}"), session("TERMINATED", begin, end));
    place.quotas.set_default("glue", "L-5E4153CA", 200.0);
    place.quotas.set_default("glue", "L-08F3B322", 1000.0);
    place.quotas.set_default("emr-serverless", "L-D05C8A75", 16.0);
}
