//! The composition root: from the configuration to the clients. The only room that builds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::alerts::{AlertSettingsError, Evaluator};
use crate::analysis::Books;
use crate::aws::{self, Calls};
use crate::config::{Config, ConfigError};
use crate::delivery::{
    Channel, CloudWatch, MailSettings, MailVia, MetricSettings, Outbox, Sender, Ses,
};
use crate::model::{Architecture, Period};
use crate::report::{ReportSettings, TemplateError, Templates};
use crate::sources::{AwsAccounts, EventQueue, SesLook};
use crate::store::{Ledger, OwnPlace, RealClock, Store, StoreError, StoreLocation};
use crate::tasks::alert_facts::FactsSources;
use crate::tasks::alerts::{Alerting, LEASE as CHANNEL_LEASE, Outlets, standing};
use crate::tasks::doctor::{Patient, Setup, StoreFound};
use crate::tasks::events::Drain;
use crate::tasks::own_use::own_use;
use crate::tasks::report::Request;
use crate::tasks::round::Rounds;

/// What commands work with.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// Where the store is.
    pub location: StoreLocation,
    /// The store, opened.
    pub store: Store,
    /// Loaded when the first command asks for it: most work with no AWS at all.
    aws: OnceCell<aws_config::SdkConfig>,
    /// What was asked of AWS.
    pub calls: Calls,
}

impl App {
    /// Opens the store; `location` comes before the configuration's. An embedded store is made
    /// where there is none, a table is not: `init` does that.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn open(config: Config, location: Option<StoreLocation>) -> Result<Self, StoreError> {
        let location = location.unwrap_or_else(|| config.store.location.clone());
        let settings = config.store.clone();
        let (aws, calls) = (OnceCell::new(), Calls::default());
        let store = match &location {
            StoreLocation::Embedded(file) => Store::embedded(&absolute(file), settings).await?,
            StoreLocation::Dynamodb(table) => {
                let shared = aws.get_or_init(|| aws::load(&calls)).await;
                Store::dynamodb(shared, table.clone(), settings)
            }
        };
        Ok(Self { config, location, store, aws, calls })
    }

    /// The SDK's configuration.
    pub async fn aws(&self) -> &aws_config::SdkConfig {
        self.aws.get_or_init(|| aws::load(&self.calls)).await
    }

    /// What prices, names and owns runs. Reads the refreshed prices from the store.
    ///
    /// # Errors
    /// When the store cannot be read, or a setting cannot be used.
    pub async fn books(&self) -> Result<Arc<Books>, BooksError> {
        let listed = self.store.prices().await?;
        Ok(Arc::new(self.config.books(&listed)?))
    }

    /// The delivery ledger.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.store.ledger_table().clone())
    }

    /// The report templates, parsed and tried.
    ///
    /// # Errors
    /// When one is missing or does not render.
    pub fn templates(&self) -> Result<Templates, TemplateError> {
        Templates::load(self.config.templates.as_deref())
    }

    /// The accounts that runs are collected from.
    pub async fn accounts(&self) -> AwsAccounts {
        AwsAccounts::new(self.aws().await.clone())
    }

    /// What rounds of collecting work with.
    ///
    /// # Errors
    /// When a setting of what prices, names and owns runs cannot be used.
    pub async fn rounds(
        &self,
    ) -> Result<Rounds<'_, AwsAccounts, CloudWatch, RealClock>, BooksError> {
        let (settings, aws) = (&self.config.collect, self.aws().await);
        let queue = settings.queue.clone();
        let queue = queue.map(|url| EventQueue::new(aws, url, settings.dead_letters.clone()));
        let metrics = self.config.metrics.as_ref();
        let cloudwatch = |m: &MetricSettings| CloudWatch::new(aws, m.namespace.clone());
        Ok(Rounds {
            store: &self.store,
            books: self.books().await?,
            sources: self.accounts().await,
            settings,
            drain: queue.map(|queue| Drain::new(&self.store, queue, settings)),
            metrics: metrics.map(|settings| (settings, cloudwatch(settings))),
            alerts: None,
            clock: RealClock,
        })
    }

    /// What the facts of alerts are gathered of, beside runs.
    #[must_use]
    pub fn facts_sources(&self) -> FactsSources<'_> {
        let Config { budgets, reports, quotas, quota_check, .. } = &self.config;
        let expected = self.config.expected_sources();
        let schedules = self.config.schedules().ok();
        FactsSources { budgets, reports, quotas, quota_check, expected, schedules }
    }

    /// What evaluates alerts and tells of them; `by` is who tells, for the record.
    ///
    /// # Errors
    /// When a template or a setting cannot be used.
    pub async fn alerting(&self, by: String) -> Result<Alerting<'_>, AlertingError> {
        let Config { mail, alerts, .. } = &self.config;
        let evaluator = Evaluator::new(alerts, self.config.alert_recipients())?;
        let mut outlets =
            Outlets { templates: self.templates()?, mail: None, channels: BTreeMap::new() };
        if let Some(mail) = mail {
            outlets.mail = Some((mail.clone(), self.sender(mail).await));
        }
        let lease = mail.as_ref().map_or(CHANNEL_LEASE, |mail| mail.lease);
        for (name, settings) in &alerts.channels {
            let channel = Channel::new(settings, self.aws().await, lease);
            outlets.channels.insert(name.clone(), (settings.clone(), channel));
        }
        Ok(Alerting { evaluator, outlets, sources: self.facts_sources(), by })
    }

    /// What is asked where a report of a period is to be computed.
    ///
    /// # Errors
    /// When the store cannot be read, or a rule of alerts cannot be used.
    pub async fn report_request(
        &self,
        settings: &ReportSettings,
        period: Period,
        now: Timestamp,
    ) -> Result<Request, ReportRequestError> {
        let Config { alerts, budgets, bill, .. } = &self.config;
        let evaluator = Evaluator::new(alerts, self.config.alert_recipients())?;
        Ok(Request {
            now,
            quotas: self.config.quota_values(),
            expected: self.config.expected_sources(),
            restate_threshold: settings.restate_threshold_usd,
            budgets: budgets.clone(),
            bill: bill.clone(),
            overdue_since: None,
            alerts: standing(&self.store, &evaluator, &period, now).await?,
            // Schedules only tell how many containers they start; a report does without.
            own_use: own_use(&self.store, self.config.schedules().ok().as_ref(), now).await?,
            own_rates: self.config.own_rates(),
            own_place: self.place(),
            period,
        })
    }

    /// Where this runs in AWS, as far as the work needed to know.
    #[must_use]
    pub fn place(&self) -> Option<OwnPlace> {
        let region = self.aws.get()?.region()?.to_string();
        let arm = std::env::consts::ARCH == "aarch64";
        let processor = if arm { Architecture::Arm } else { Architecture::X86 };
        Some(OwnPlace { region, processor })
    }

    /// What sends mail.
    pub async fn sender(&self, mail: &MailSettings) -> Sender {
        match mail.via {
            MailVia::Outbox => Sender::Outbox(Outbox::new(&mail.outbox)),
            MailVia::Ses => {
                let set = mail.configuration_set.clone();
                Sender::Ses(Ses::new(self.aws().await, set, mail.lease))
            }
        }
    }
}

/// A report that cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum ReportRequestError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules or mutes of alerts.
    #[error(transparent)]
    Settings(#[from] AlertSettingsError),
}

/// Alerts that nothing can be told with.
#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    /// The mail's templates.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The rules or mutes.
    #[error(transparent)]
    Settings(#[from] AlertSettingsError),
}

/// What `doctor` examines, without what other commands need: a store that is not there, or cannot
/// be used, is found. Its calls are tried a few times only.
pub async fn patient<'p>(
    config: &'p Config,
    location: &'p StoreLocation,
    setup: Setup,
) -> Patient<'p> {
    let aws = aws::first_call(&aws::load(&Calls::default()).await);
    let (found, store) = examined_store(config, location, &aws).await;
    let queue = config.collect.queue.clone();
    let dead_letters = || config.collect.dead_letters.clone();
    let by_ses = config.mail.as_ref().filter(|mail| mail.via == MailVia::Ses);
    Patient {
        config,
        setup,
        location,
        found,
        store,
        queue: queue.map(|url| EventQueue::new(&aws, url, dead_letters())),
        ses: by_ses.map(|mail| SesLook::new(&aws, mail.configuration_set.clone())),
        accounts: AwsAccounts::new(aws),
    }
}

/// What is found where the store should be, and the store where it can be used.
async fn examined_store(
    config: &Config,
    location: &StoreLocation,
    aws: &aws_config::SdkConfig,
) -> (StoreFound, Option<Store>) {
    let settings = config.store.clone();
    match location {
        StoreLocation::Embedded(file) if !file.exists() => (StoreFound::NoFile(file.clone()), None),
        StoreLocation::Embedded(file) => match Store::embedded(&absolute(file), settings).await {
            Ok(store) => match store.table().reach().await {
                Ok(form) => {
                    let is_of_container = is_of_container(&absolute(file));
                    let path = file.clone();
                    (StoreFound::File { path, is_of_container, form }, Some(store))
                }
                Err(error) => (StoreFound::Unusable(error), None),
            },
            Err(error) => (StoreFound::Unusable(error), None),
        },
        StoreLocation::Dynamodb(name) => {
            let store = Store::dynamodb(aws, name.clone(), settings);
            let form = match store.table().reach().await {
                Ok(form) => form,
                Err(error) => return (StoreFound::Unusable(error), None),
            };
            let ttl = store.table().has_ttl().await;
            let protection = store.table().look_at_protection().await;
            (StoreFound::Table { name: name.clone(), ttl, protection, form }, Some(store))
        }
    }
}

/// Whether a file goes when the container does that this runs in: it is on the disk that the
/// container's own root is on, and no volume is mounted there.
fn is_of_container(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let marks = ["/.dockerenv", "/run/.containerenv"];
    let is_container = marks.iter().any(|mark| Path::new(mark).exists())
        || std::env::var_os("ECS_CONTAINER_METADATA_URI_V4").is_some();
    let disk = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    is_container && disk(file) == disk(Path::new("/"))
}

/// Books that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The refreshed prices cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// SQLite wants a path with a folder in it.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}
