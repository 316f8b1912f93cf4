//! Asking: every call that an examination makes, a few at once, and what it is told handed to the
//! files that judge it. What cannot be asked is a finding and stops nothing else.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use jiff::{Timestamp, ToSpan};

use super::access::{self, AccountFound, RegionFound};
use super::bill::{self, BillFound};
use super::check::{Check, Examination, Group};
use super::turns::{self, ScheduleFound};
use super::{Setup, StoreFound};
use super::{clock, freshness, mail, queue, rates, setup, store};
use crate::aws::{CallerAnswer, Trouble};
use crate::config::Config;
use crate::delivery::{MailSettings, MailVia};
use crate::model::{Address, BillSource, Recipient, utc_day};
use crate::schedule::{Schedule, due_times};
use crate::sources::{
    AwsAccount, AwsAccounts, BillError, BillTarget, EventQueue, PaidLook, Requests, Service,
    SesLook, SourceError, Sources, Target,
};
use crate::store::{Clock, Store, StoreError, StoreLocation};
use crate::tasks::schedule::looked;

/// Accounts and regions that are asked at once: far below any rate of AWS's.
const AT_ONCE: usize = 8;

/// What Cost Explorer may be asked of one account, repeated calls included.
const PAID_REQUESTS_MAX: u32 = 4;

/// What is examined. A store that cannot be opened is a finding.
#[derive(Debug)]
pub struct Patient<'p> {
    /// The configuration.
    pub config: &'p Config,
    /// How loading went.
    pub setup: Setup,
    /// Where the store is.
    pub location: &'p StoreLocation,
    /// What was found there.
    pub found: StoreFound,
    /// The store, where it can be used.
    pub store: Option<Store>,
    /// The accounts that the credentials at hand get into.
    pub accounts: AwsAccounts,
    /// The queue of events, where one is configured.
    pub queue: Option<EventQueue>,
    /// SES, where mails leave by it.
    pub ses: Option<SesLook>,
}

/// Looks at everything. `pays` allows requests that AWS takes money for.
///
/// Nothing is an error here: what goes wrong is found.
pub async fn examine<C: Clock>(
    patient: &Patient<'_>,
    pays: bool,
    clock: &C,
    now: Timestamp,
) -> Examination {
    let before = clock.now();
    let answer = patient.accounts.look_at_caller().await;
    let asked = (before, clock.now());
    let is_needed = patient.needs_aws();
    let mut checks = setup::judge(&patient.setup);
    checks.extend(store::judge(&patient.found));
    checks.push(access::credentials(&answer, is_needed));
    checks.push(clock::judge(answer.time, asked));
    checks.extend(patient.accounts(&answer, is_needed).await);
    if let Some(queue) = &patient.queue {
        let (queue, dead) = queue.look_at_queues().await;
        checks.extend(queue::judge(&queue, dead.as_ref()));
    }
    checks.extend(mail::judge(&patient.mail().await));
    match &patient.store {
        Some(store) => checks.extend(patient.records(store, clock, now).await),
        None => {
            for group in [Group::Schedules, Group::Freshness, Group::Prices] {
                checks.push(Check::not_checked(group, "records", "the store cannot be read", ""));
            }
        }
    }
    checks.extend(patient.bill(pays, now).await);
    Examination { checked_at: now, checks }
}

impl Patient<'_> {
    /// Whether anything is configured that AWS is needed for.
    fn needs_aws(&self) -> bool {
        let config = self.config;
        matches!(self.location, StoreLocation::Dynamodb(_))
            || !config.collect.targets.is_empty()
            || config.collect.queue.is_some()
            || !config.bill.accounts.is_empty()
            || config.metrics.is_some()
            || config.mail.as_ref().is_some_and(|mail| mail.via == MailVia::Ses)
    }

    async fn accounts(&self, answer: &CallerAnswer, is_needed: bool) -> Vec<Check> {
        let mut targets = self.config.collect.targets.clone();
        if targets.is_empty() {
            match self.accounts.home().await {
                Ok(home) => targets.push(home),
                // Without an answer of STS, which is told already, there is no account to ask.
                Err(_) if answer.caller.is_err() => return Vec::new(),
                Err(error) => {
                    let found = AccountFound {
                        account: "home".to_owned(),
                        opened: Err(error),
                        regions: Vec::new(),
                    };
                    return access::accounts(&[found], is_needed);
                }
            }
        }
        if let Err(error) = &answer.caller {
            // A network may have a way to Glue and none to STS, but roles come from STS alone.
            let knows_nobody = error.trouble == Trouble::NoCredentials;
            let before = targets.len();
            targets.retain(|target| target.role_arn.is_none() && !knows_nobody);
            if before > targets.len() && error.is_unavailable() {
                let mut checks = vec![access::not_asked(before - targets.len(), error)];
                checks.extend(access::accounts(&self.look_at(&targets).await, is_needed));
                return checks;
            }
        }
        access::accounts(&self.look_at(&targets).await, is_needed)
    }

    async fn look_at(&self, targets: &[Target]) -> Vec<AccountFound> {
        let look = |target| self.account(target);
        stream::iter(targets).map(look).buffered(AT_ONCE).collect().await
    }

    async fn account(&self, target: &Target) -> AccountFound {
        let account = target.account.clone();
        let opened: Result<AwsAccount, SourceError> = self.accounts.open(target).await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return AccountFound { account, opened: Err(error), regions: Vec::new() },
        };
        let regions = target.regions.iter().map(|region| self.region(&opened, region));
        let regions = stream::iter(regions).buffered(AT_ONCE).collect().await;
        AccountFound { account, opened: Ok(()), regions }
    }

    async fn region(&self, account: &AwsAccount, region: &str) -> RegionFound {
        let mut services = Vec::new();
        for service in &self.config.collect.engines {
            let name = match service {
                Service::Glue => "glue",
                Service::EmrServerless => "emr-serverless",
            };
            services.push((name, account.look_at_service(region, *service).await));
        }
        let quotas = account.look_at_quotas(region).await;
        RegionFound { region: region.to_owned(), services, quotas }
    }

    async fn mail(&self) -> mail::MailFound {
        let readers = self.readers();
        let way = match (&self.config.mail, &self.ses) {
            (None, _) => mail::Way::None,
            (Some(settings), Some(ses)) => {
                mail::Way::Ses(Box::new(look_at_ses(ses, settings, &readers).await))
            }
            (Some(settings), None) => mail::Way::Outbox {
                folder: settings.outbox.display().to_string(),
                writable: setup::try_to_write(&settings.outbox),
            },
        };
        mail::MailFound { unread: self.unread(), readers, way }
    }

    /// The reports that have no reader.
    fn unread(&self) -> Vec<String> {
        let mut names: BTreeSet<&str> = self.config.reports.keys().map(String::as_str).collect();
        names.insert("weekly");
        let has_reader = |name: &&str| {
            let report = self.config.report(name).unwrap_or_default();
            !report.recipients.is_empty() || report.teams.values().any(|team| !team.is_empty())
        };
        names.into_iter().filter(|name| !has_reader(name)).map(str::to_owned).collect()
    }

    /// Everybody who gets any report or alert by mail, each once.
    fn readers(&self) -> Vec<Address> {
        let mut readers = Vec::new();
        for report in self.config.reports.values() {
            readers.extend(report.recipients.iter().cloned());
            readers.extend(report.teams.values().flatten().cloned());
        }
        readers.extend(self.config.chargeback.recipients.iter().cloned());
        let alerts = &self.config.alerts;
        let told = alerts.recipients.iter().chain(&alerts.fallback);
        for recipient in told.chain(alerts.teams.values().flatten()) {
            if let Recipient::Mail(address) = recipient {
                readers.push(address.clone());
            }
        }
        let mut seen = BTreeSet::new();
        readers.retain(|reader| seen.insert(reader.identity()));
        readers
    }

    /// What the store's records tell.
    async fn records<C: Clock>(&self, store: &Store, clock: &C, now: Timestamp) -> Vec<Check> {
        let mut checks = self.schedules(store, clock, now).await;
        let expected = self.config.expected_sources();
        let mut regions: BTreeSet<String> =
            expected.iter().map(|(_, region, _)| region.clone()).collect();
        match store.source_states().await {
            Ok(states) => {
                if expected.is_empty() {
                    regions.extend(states.iter().map(|state| state.region.clone()));
                }
                checks.extend(freshness::judge(&expected, &states, now));
            }
            Err(error) => checks.push(unreadable(Group::Freshness, &error)),
        }
        match store.prices().await {
            Ok(listed) => match self.config.books(&listed) {
                Ok(books) => checks.extend(rates::judge(&books.card, &listed, &regions, now)),
                Err(error) => {
                    let fix = "correct it in the configuration";
                    checks.push(Check::wrong(Group::Prices, "rate card", &error.to_string(), fix));
                }
            },
            Err(error) => checks.push(unreadable(Group::Prices, &error)),
        }
        checks
    }

    async fn schedules<C: Clock>(&self, store: &Store, clock: &C, now: Timestamp) -> Vec<Check> {
        // That they do not load is told already.
        let Ok(schedules) = self.config.schedules() else { return Vec::new() };
        let mut checks = Vec::new();
        for schedule in schedules.iter() {
            match schedule_found(store, schedule, clock, now).await {
                Ok(found) => checks.push(turns::judge(&found)),
                Err(error) => return vec![unreadable(Group::Schedules, &error)],
            }
        }
        checks
    }

    async fn bill(&self, pays: bool, now: Timestamp) -> Vec<Check> {
        let sources = match &self.store {
            Some(store) => store.bill_sources().await,
            None => Ok(Vec::new()),
        };
        let sources = match sources {
            Ok(sources) => sources,
            Err(error) => return vec![unreadable(Group::Bill, &error)],
        };
        let ownership = &self.config.ownership;
        let tags = [&ownership.team_tags[..], &ownership.cost_center_tags[..]].concat();
        let mut found = Vec::new();
        for target in &self.config.bill.accounts {
            let is_of = |source: &&BillSource| source.account == target.account;
            let source = sources.iter().find(is_of).cloned();
            let paid = match pays {
                true => Some(self.pay(target, &tags, now).await),
                false => None,
            };
            found.push(BillFound { account: target.account.clone(), source, paid });
        }
        bill::judge(&found, &tags)
    }

    /// Asks Cost Explorer for yesterday and for tags.
    async fn pay(
        &self,
        target: &BillTarget,
        tags: &[String],
        now: Timestamp,
    ) -> Result<PaidLook, BillError> {
        let explorer = self.accounts.cost_explorer(target).await?;
        let today = utc_day(now);
        let days = today.saturating_sub(1.day())..today;
        let requests = Requests::new(PAID_REQUESTS_MAX);
        Ok(explorer.look_at_costs_and_tags(&days, tags, requests).await)
    }
}

async fn look_at_ses(
    ses: &SesLook,
    settings: &MailSettings,
    readers: &[Address],
) -> mail::SesFound {
    let account = ses.look_at_account().await;
    let mut suppressed = Vec::new();
    for reader in readers {
        let told = ses.look_at_suppression(reader).await;
        let is_over = told.is_err();
        suppressed.push((reader.clone(), told));
        if is_over {
            break;
        }
    }
    let mut verified = Vec::new();
    let in_sandbox = account.as_ref().is_ok_and(|account| !account.is_in_production);
    for reader in readers.iter().filter(|_| in_sandbox) {
        let known = ses.look_at_identity(reader).await;
        let is_over = known.is_err();
        let known = known.map(|known| known.is_some_and(|identity| identity.is_verified));
        verified.push((reader.clone(), known));
        if is_over {
            break;
        }
    }
    mail::SesFound {
        account,
        sender: settings.from.clone(),
        sender_known: ses.look_at_identity(&settings.from).await,
        configuration_set: ses.look_at_configuration_set().await,
        suppressed,
        verified,
    }
}

async fn schedule_found<C: Clock>(
    store: &Store,
    schedule: &Schedule,
    clock: &C,
    now: Timestamp,
) -> Result<ScheduleFound, StoreError> {
    let name = schedule.name.as_str();
    let since = store.looked_at_since(name).await?;
    let times = due_times(schedule, since.unwrap_or(now), now);
    let answered_for = store.turns_at(name, &times).await?;
    let look = looked(schedule, since.unwrap_or(now), &answered_for, (now, clock.now()));
    let mut turns: Vec<_> = answered_for.into_iter().map(|stored| stored.turn).collect();
    for stored in store.turns_in_month_of(name, now).await? {
        if !turns.contains(&stored.turn) {
            turns.push(stored.turn);
        }
    }
    turns.sort_by_key(|turn| turn.due);
    let next = schedule.after(now).next();
    Ok(ScheduleFound {
        name: name.to_owned(),
        is_enabled: schedule.enabled,
        since,
        look,
        turns,
        next,
        too_early_for: next.and_then(|due| schedule.ends_soon_after(due)),
    })
}

fn unreadable(group: Group, error: &StoreError) -> Check {
    Check::wrong(group, "records", &error.to_string(), error.hint())
}
