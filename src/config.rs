//! The configuration: one TOML file, read once, strictly.
//!
//! Settings live with their owners; this room composes them and checks what no single owner can.
//! An unknown key, a wrong type or a pattern that does not compile is an error that names file, key
//! and what was expected, before anything else happens.

mod read;
mod reference;
mod schema;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::alerts::{AlertSettings, Recipients};
use crate::analysis::{Books, OwnCostSettings};
use crate::chargeback::{Budgets, ChargebackSettings};
use crate::delivery::{LogSettings, MailSettings, MetricSettings};
use crate::model::written::{AccountId, PathText, PatternText};
use crate::model::{Address, Architecture, Engine, JobNames, ListPrice, QuotaValue, Recipient};
use crate::ownership::{Ownership, OwnershipSettings};
use crate::pricing::{PricingSettings, RateCard, RateCardError};
use crate::quota::{QuotaCheckSettings, QuotaSetting};
use crate::report::ReportSettings;
use crate::schedule::{ScheduleChange, ScheduleError, Schedules};
use crate::sources::{BillSettings, CollectSettings};
use crate::store::StoreSettings;
use crate::tables::TableFile;

pub use self::read::{ConfigError, DEFAULT_FILE, MORE_VARIABLE, TEXT_VARIABLE};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The account of imported runs whose file does not tell it.
    #[schemars(with = "Option<AccountId>")]
    pub account: Option<String>,
    /// The region of imported runs whose file does not tell it.
    pub region: Option<String>,
    /// A folder with report templates of your own: each takes the place of the one of its name that
    /// ships.
    #[schemars(with = "Option<PathText>")]
    pub templates: Option<PathBuf>,
    /// Where runs are kept, and for how long.
    pub store: StoreSettings,
    /// How mail leaves; nothing can be sent without it.
    pub mail: Option<MailSettings>,
    /// What is collected from where.
    pub collect: CollectSettings,
    /// What AWS bills, read from Cost Explorer to be held against the estimate. AWS takes $0.01 for
    /// each request; what was read is kept.
    pub bill: BillSettings,
    /// Hourly runs, failures, cost and use as CloudWatch metrics. Without this section there are
    /// none.
    pub metrics: Option<MetricSettings>,
    /// What is written to the log beside its lines.
    pub log: LogSettings,
    /// What AWS takes where Runledger itself runs, for the line in the report's foot that says what
    /// a week of it costs. What has no rate here is told without a price.
    pub own_cost: OwnCostSettings,
    /// The reports, by name; `weekly` is there without being configured.
    pub reports: BTreeMap<String, ReportSettings>,
    /// Finance's month: who gets it, and who bears what no run explains.
    pub chargeback: ChargebackSettings,
    /// What each team may spend in a UTC calendar month, in US dollars, by the team's name.
    pub budgets: Budgets,
    /// Who is told what is found wrong. Without anybody the readers of the weekly report are.
    pub alerts: AlertSettings,
    /// Which runs are one job.
    pub jobs: JobSettings,
    /// What accounts are called where they are shown, by their twelve digits.
    pub accounts: BTreeMap<String, String>,
    /// Who pays: the tags of a run, or of its job or application, and rules where there are none.
    pub ownership: OwnershipSettings,
    /// How runs are priced.
    pub pricing: PricingSettings,
    /// A quota of one account and region, where it is not read from Service Quotas, and how teams
    /// share it.
    pub quotas: Vec<QuotaSetting>,
    /// A folder of schedules used in place of the built-in ones.
    #[schemars(with = "Option<PathText>")]
    pub schedules_folder: Option<PathBuf>,
    /// Changes of the schedules that ship, by their names: `runledger schedule list` shows them.
    pub schedules: BTreeMap<String, ScheduleChange>,
    /// On what terms `quota check` and `quota reserve` answer.
    pub quota_check: QuotaCheckSettings,
}

/// Which runs are one job.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobSettings {
    /// Parts of run names that make no other job of it, beside dates, times and ids, which are
    /// folded anyway.
    pub fold: Vec<FoldSetting>,
}

/// A pattern that folds part of a run's name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldSetting {
    /// What is folded.
    #[schemars(with = "PatternText")]
    pub pattern: String,
    /// What replaces each match.
    #[serde(default)]
    pub replace: String,
}

impl Config {
    /// Gives teams one spelling wherever the configuration names them, or `Orders` would have a
    /// budget that nobody ever uses beside `orders`.
    fn spell_teams(&mut self) -> Result<(), (String, String)> {
        let ownership =
            Ownership::new(&self.ownership).map_err(|e| ("ownership".into(), e.to_string()))?;
        let spell = |team: &str| ownership.team_named(team);
        let budgets = std::mem::take(&mut self.budgets).respelt(spell);
        self.budgets = budgets.map_err(|reason| ("budgets".into(), reason))?;
        let split = std::mem::take(&mut self.chargeback.split).respelt(spell);
        self.chargeback.split = split.map_err(|reason| ("chargeback.split".into(), reason))?;
        let alerts = std::mem::take(&mut self.alerts).respelt(spell);
        self.alerts = alerts.map_err(|error| (error.key, error.reason))?;
        for (name, report) in &mut self.reports {
            let respelt = std::mem::take(report).respelt(spell);
            *report = respelt.map_err(|reason| (format!("reports.{name}.teams"), reason))?;
        }
        for share in self.quotas.iter_mut().flat_map(|quota| &mut quota.shares) {
            share.team = spell(&share.team);
        }
        Ok(())
    }

    /// A team's name as reports spell it, from whatever spelling somebody asks with.
    #[must_use]
    pub fn team_named(&self, name: &str) -> String {
        // It was checked when the file was read.
        let ownership = Ownership::new(&self.ownership).ok();
        ownership.map_or_else(|| name.to_owned(), |ownership| ownership.team_named(name))
    }

    /// Checks what types alone cannot say.
    fn check(&self) -> Result<(), (String, String)> {
        JobNames::new(&self.folds()).map_err(|e| ("jobs.fold".into(), e.to_string()))?;
        Ownership::new(&self.ownership).map_err(|e| ("ownership".into(), e.to_string()))?;
        for account in self.accounts.keys() {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(("accounts".into(), format!("`{account}` is no id of twelve digits")));
            }
        }
        RateCard::new(&[], &self.pricing).map_err(rate_card_refusal)?;
        if let Architecture::Other(word) = &self.pricing.assumed_architecture {
            let reason = format!("`{word}` is no architecture; write X86_64 or ARM64");
            return Err(("pricing.assumed_architecture".into(), reason));
        }
        self.bill.check().map_err(|reason| ("bill".into(), reason))?;
        for (name, report) in &self.reports {
            report.check().map_err(|reason| (format!("reports.{name}"), reason))?;
        }
        let split = self.chargeback.split.check();
        split.map_err(|reason| ("chargeback.split".into(), reason))?;
        self.budgets.check().map_err(|reason| ("budgets".into(), reason))?;
        self.own_cost.check().map_err(|reason| ("own_cost".into(), reason))?;
        self.alerts.check().map_err(|error| (error.key, error.reason))?;
        for quota in &self.quotas {
            quota.check().map_err(|reason| ("quotas".into(), reason))?;
        }
        self.quota_check.check().map_err(|reason| ("quota_check".into(), reason))?;
        for (name, change) in &self.schedules {
            let names = change.attachments.as_deref().unwrap_or_default();
            attachable(names).map_err(|why| (format!("schedules.{name}.attachments"), why))?;
        }
        Ok(())
    }

    /// What AWS takes where this runs, as far as it is said.
    #[must_use]
    pub fn own_rates(&self) -> OwnCostSettings {
        let of_metrics = || self.metrics.as_ref()?.usd_per_metric.to_string().parse().ok();
        let metric_month = self.own_cost.metric_month.or_else(of_metrics);
        OwnCostSettings { metric_month, ..self.own_cost.clone() }
    }

    /// The report of a name: as configured, else with defaults for the one that always exists.
    #[must_use]
    pub fn report(&self, name: &str) -> Option<ReportSettings> {
        let configured = self.reports.get(name).cloned();
        configured.or_else(|| (name == "weekly").then(ReportSettings::default))
    }

    /// What prices, names and owns runs, with the prices that were read of the Price List.
    ///
    /// # Errors
    /// When a pattern does not compile or the rate card cannot be used.
    pub fn books(&self, listed: &[ListPrice]) -> Result<Books, ConfigError> {
        let invalid = |key: &str, reason: String| ConfigError::Invalid {
            path: PathBuf::from(DEFAULT_FILE),
            key: key.to_owned(),
            reason,
        };
        Ok(Books {
            card: RateCard::new(listed, &self.pricing).map_err(|error| {
                let (key, reason) = rate_card_refusal(error);
                invalid(&key, reason)
            })?,
            pricing: self.pricing.clone(),
            ownership: Ownership::new(&self.ownership)
                .map_err(|e| invalid("ownership", e.to_string()))?
                .with_accounts(self.accounts.clone()),
            names: JobNames::new(&self.folds()).map_err(|e| invalid("jobs.fold", e.to_string()))?,
        })
    }

    /// The schedules, as they ship or as a folder has them, with the changes made here and the
    /// clocks of their reports.
    ///
    /// # Errors
    /// When one cannot be read or used.
    pub fn schedules(&self) -> Result<Schedules, ScheduleError> {
        let schedules = Schedules::load(self.schedules_folder.as_deref())?;
        let clock = |report: &str| self.report(report)?.zone().ok();
        let schedules = schedules.changed(&self.schedules)?.with_periods_of(clock);
        for schedule in schedules.iter() {
            attachable(&schedule.attachments).map_err(|reason| ScheduleError::Invalid {
                origin: format!("`{}`", schedule.name),
                reason: format!("attachments: {reason}"),
            })?;
        }
        Ok(schedules)
    }

    /// Who is told what alerts. Teams without an entry of their own have their reports' readers;
    /// what nobody would be told goes to the readers of the weekly report.
    #[must_use]
    pub fn alert_recipients(&self) -> Recipients {
        let mail = |of: &[Address]| of.iter().cloned().map(Recipient::Mail).collect::<Vec<_>>();
        let mut teams: BTreeMap<String, Vec<Recipient>> = BTreeMap::new();
        for report in self.reports.values() {
            for (team, readers) in &report.teams {
                teams.entry(team.clone()).or_default().extend(mail(readers));
            }
        }
        let mut alerts = self.alerts.clone();
        if alerts.recipients.is_empty() && alerts.fallback.is_empty() {
            alerts.fallback = self.report("weekly").map_or_else(Vec::new, |r| mail(&r.recipients));
        }
        Recipients::new(&alerts, &teams)
    }

    /// Whether anybody can be told alerts: there is mail, or a channel.
    #[must_use]
    pub fn tells_alerts(&self) -> bool {
        self.mail.is_some() || !self.alerts.channels.is_empty()
    }

    /// The configured quotas that have a value.
    #[must_use]
    pub fn quota_values(&self) -> Vec<QuotaValue> {
        self.quotas.iter().filter_map(QuotaSetting::value).collect()
    }

    /// Every account, region and engine that is configured to be collected.
    #[must_use]
    pub fn expected_sources(&self) -> Vec<(String, String, Engine)> {
        let mut expected = Vec::new();
        for target in &self.collect.targets {
            for region in &target.regions {
                for service in &self.collect.engines {
                    expected.push((target.account.clone(), region.clone(), Engine::from(*service)));
                }
            }
        }
        expected
    }

    fn folds(&self) -> Vec<(String, String)> {
        self.jobs.fold.iter().map(|fold| (fold.pattern.clone(), fold.replace.clone())).collect()
    }
}

/// Checks the names of tables that are to go with mails; why one cannot.
fn attachable(names: &[String]) -> Result<(), String> {
    let known = |name: &String| name.parse::<TableFile>().map(drop);
    names.iter().try_for_each(known).map_err(|error| error.to_string())
}

/// The key that a rate card is refused for, and why.
fn rate_card_refusal(error: RateCardError) -> (String, String) {
    match error {
        RateCardError::Invalid { key, reason } => (key, reason),
        error => ("pricing".to_owned(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refusal(text: &str) -> String {
        Config::parse(text, Path::new("r.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_named_with_file_key_and_what_was_expected() {
        assert!(refusal("[store]\nretention = 5").starts_with("r.toml: store.retention: "));
        let text = refusal("[store]\nretention_days = 'x'");
        assert!(text.starts_with("r.toml: store.retention_days: "), "{text}");
        assert!(text.contains("expected u32"), "{text}");
        assert!(refusal("[reports.weekly]\nrecipients = ['nobody']").contains("reports.weekly"));
        // Its mail would be taken for the whole company's, and never be sent.
        assert!(refusal("[reports.weekly.teams]\nall = ['a@example.com']").contains("`all`"));
        let quota = "[[quotas]]\naccount='1'\nregion='r'\nquota='glue-dpus'\nvalue=";
        assert!(refusal(&format!("{quota}-1")).contains("a quota of -1 cannot be"));
        assert!(refusal(&format!("{quota}nan")).contains("cannot be"));
        assert!(refusal("[accounts]\nproduction = '111122223333'").contains("twelve digits"));
        let text = refusal("[schedules.weekly-report]\nattachments = ['runz.csv']");
        assert!(text.contains("schedules.weekly-report.attachments: there is no table `runz`"));
        assert!(refusal("[[jobs.fold]]\npattern = '('").contains("jobs.fold"));
        assert!(refusal("x = ").starts_with("r.toml: not TOML"));
        let unpriced = refusal("[pricing]\nassumed_architecture = 'arm'");
        assert!(unpriced.starts_with("r.toml: pricing.assumed_architecture: `arm`"), "{unpriced}");
    }

    #[test]
    fn a_team_has_one_spelling_wherever_it_is_named() {
        let text = "[budgets]\nOrders = '10'\n[chargeback.split]\ntax = { 'Data Eng' = '60' }\n\
                    [ownership]\naliases = { data-eng = 'data-engineering' }";
        let config = Config::parse(text, Path::new("r.toml")).unwrap();
        assert!(config.budgets.0.contains_key("orders"), "{:?}", config.budgets);
        assert_eq!(config.team_named("DATA_ENG"), "data-engineering");
        let split = format!("{:?}", config.chargeback.split);
        assert!(split.contains("data-engineering"), "{split}");
        for (key, a, b) in [
            ("budgets", "= '10'", "= '20'"),
            ("chargeback.split.tax", "= '10'", "= '20'"),
            ("alerts.teams", "= ['a@example.com']", "= ['b@example.com']"),
            ("reports.weekly.teams", "= ['a@example.com']", "= ['b@example.com']"),
        ] {
            let twice = refusal(&format!("[{key}]\nOrders {a}\norders {b}"));
            let why = "`Orders` and `orders` are one team, `orders`: name it once";
            let section = key.trim_end_matches(".tax");
            assert!(twice.starts_with(&format!("r.toml: {section}: ")), "{twice}");
            assert!(twice.ends_with(why), "{twice}");
        }
        let share = "[[quotas.shares]]\nbaseline = 1.0\nteam = ";
        let quota = "[[quotas]]\naccount='111122223333'\nregion='r'\nquota='glue-dpus'\nvalue=9";
        let twice = refusal(&format!("{quota}\n{share}'Orders'\n{share}'orders'"));
        assert!(twice.contains("team `orders` has two shares"), "{twice}");
        // Its mail would be taken for the whole company's.
        assert!(refusal("[reports.weekly.teams]\nALL = ['a@example.com']").contains("`all`"));
    }

    /// Runs are owned by the team's one spelling: by another nobody would ever be told.
    #[test]
    fn alerts_know_a_team_by_any_of_its_spellings() {
        let ownership = "[ownership]\naliases = { machine-learning = 'ml' }\n";
        let text = "[alerts.teams]\n'Machine Learning' = ['ml@example.com']\n\
                    [[alerts.mutes]]\nteam = 'ML'\nwhy = 'x'\n\
                    [[alerts.rules.run-cost.for]]\nteam = 'machine_learning'\nlimit_usd = '9'\n\
                    [reports.weekly.teams]\nORDERS = ['orders@example.com']\n";
        let text = format!("{text}{ownership}");
        let config = Config::parse(&text, Path::new("r.toml")).unwrap();
        let of = |team| config.alert_recipients().of(&crate::alerts::Subject::team(team));
        assert_eq!(of("ml"), ["ml@example.com".parse().unwrap()]);
        assert_eq!(of("orders"), ["orders@example.com".parse().unwrap()]);
        assert_eq!(config.alerts.mutes[0].team.as_deref(), Some("ml"));
        let limits = &config.alerts.rules["run-cost"]["for"][0];
        assert_eq!(limits["team"].as_str(), Some("ml"));
        let twice =
            "[alerts.teams]\nML = ['a@example.com']\nmachine-learning = ['b@example.com']\n";
        let told = refusal(&format!("{twice}{ownership}"));
        assert!(
            told.contains("alerts.teams: `ML` and `machine-learning` are one team, `ml`"),
            "{told}"
        );
    }

    #[test]
    fn a_mistake_in_an_alert_names_its_rule_and_key() {
        let text = refusal("[alerts.rules.run-cost]\nlimit = 5");
        assert!(text.starts_with("r.toml: alerts.rules.run-cost: limit: unknown field"), "{text}");
        let text = refusal("[[alerts.mutes]]\njob = '('\nwhy = 'x'");
        assert!(text.starts_with("r.toml: alerts.mutes[0].job: "), "{text}");
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let secret = "https://hooks.slack.com/services/T0/B0/verysecret";
        for key in ["url", "webhook", "kind"] {
            let kind = if key == "kind" { "" } else { "kind = 'slack'\n" };
            let text = refusal(&format!("[alerts.channels.ops]\n{kind}{key} = '{secret}'"));
            assert!(text.contains("alerts.channels.ops"), "{text}");
            assert!(key == "kind" || !text.contains("verysecret"), "{text}");
        }
    }

    #[test]
    fn alerts_reach_the_readers_of_reports_where_nobody_else_is_named() {
        let readers = "[reports.weekly]\nrecipients = ['boss@example.com']\n\
                       [reports.weekly.teams]\norders = ['orders@example.com']\n";
        let of = |alerts: &str, team: &str| {
            let config = Config::parse(&format!("{readers}{alerts}"), Path::new("r.toml")).unwrap();
            let subject = crate::alerts::Subject::team(team);
            let of = config.alert_recipients().of(&subject);
            of.iter().map(Recipient::identity).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("", "orders"), "orders@example.com");
        assert_eq!(of("", "sales"), "boss@example.com");
        assert_eq!(of("", ""), "boss@example.com");
        let platform = "[alerts]\nrecipients = ['ops']\n[alerts.channels]\n\
                        ops = { kind = 'slack', url = 'env:X' }\n";
        assert_eq!(
            (of(platform, "orders"), of(platform, "sales")),
            ("ops orders@example.com".into(), "ops".into())
        );
        let own = "[alerts.teams]\norders = ['orders-slack']\n[alerts.channels]\n\
                   orders-slack = { kind = 'slack', url = 'env:X' }\n";
        assert_eq!(of(own, "orders"), "orders-slack");
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        let config = Config::parse("", Path::new("r.toml")).unwrap();
        assert_eq!(config.store.retention_days, 130);
        assert!(config.report("weekly").is_some());
        assert!(config.report("other").is_none());
    }
}
