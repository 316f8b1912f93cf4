//! The arguments that say what is about to start.

use clap::{ArgGroup, Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::Counter;
use crate::cli::Failure;
use crate::model::{Engine, Need, QuotaPlace};
use crate::quota::Ask;

/// Runs that one start may be.
const RUNS_MAX: u32 = 10_000;

/// What is about to start, and where.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("size").required(true).args(["vcpu", "dpu"])))]
pub(super) struct AskArguments {
    /// The team, as reports spell it
    #[arg(long, value_name = "TEAM")]
    team: String,
    /// EMR Serverless: the vCPUs of each run, at most
    #[arg(long, value_name = "N", value_parser = units)]
    vcpu: Option<f64>,
    /// Glue: the DPUs of each run, at most
    #[arg(long, value_name = "N", value_parser = units)]
    dpu: Option<f64>,
    /// How many such runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = runs)]
    runs: u32,
    /// Glue: spare (Flex) capacity, which has a quota of its own
    #[arg(long, conflicts_with = "vcpu")]
    flex: bool,
    /// The job: its own quota counts too, and its next run takes the place, whatever its team
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// The account [default: the configured one]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The region [default: the configured one]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One line
    Text,
    /// Every figure, as documented
    Json,
}

impl AskArguments {
    pub(super) fn ask(
        &self,
        counter: &Counter,
        now: Timestamp,
        term: Option<SignedDuration>,
    ) -> Result<Ask, Failure> {
        let (engine, each) = match (self.vcpu, self.dpu) {
            (Some(vcpus), _) => (Engine::EmrServerless, vcpus),
            (None, dpus) => (Engine::Glue, dpus.unwrap_or_default()),
        };
        let (config, books) = (&counter.app.config, &counter.books);
        let mut places: Vec<(&str, &str)> =
            counter.expected.iter().map(|(a, r, _)| (a.as_str(), r.as_str())).collect();
        places.dedup();
        let only = match places[..] {
            [only] => Some(only),
            _ => None,
        };
        let account = self.account.as_deref().or(config.account.as_deref());
        let region = self.region.as_deref().or(config.region.as_deref());
        let missing = |what: &str| {
            Failure::usage(
                format!("which {what} is not said"),
                format!("use --{what}, or set `{what}` in the configuration"),
            )
        };
        let account = account.or(only.map(|(account, _)| account));
        let region = region.or(only.map(|(_, region)| region));
        let is_serverless = engine == Engine::EmrServerless;
        let until = term.map_or(Ok(now), |term| now.checked_add(term));
        Ok(Ask {
            place: QuotaPlace {
                account: account.ok_or_else(|| missing("account"))?.to_owned(),
                region: region.ok_or_else(|| missing("region"))?.to_owned(),
                engine,
            },
            team: books.ownership.team_named(&self.team),
            job: self.job.as_ref().map(|job| books.names.job_of(job, is_serverless).into_owned()),
            need: Need { each, runs: self.runs, flex: self.flex },
            from: now,
            until: until.map_err(|_| {
                Failure::usage("the term ends beyond the calendar", "use a shorter --for")
            })?,
        })
    }
}

fn runs(text: &str) -> Result<u32, String> {
    let runs: Option<u32> = text.parse().ok();
    runs.filter(|runs| (1..=RUNS_MAX).contains(runs))
        .ok_or_else(|| format!("a number from 1 to {RUNS_MAX} is expected"))
}

fn units(text: &str) -> Result<f64, String> {
    let units: Option<f64> = text.parse().ok();
    units
        .filter(|units| units.is_finite() && *units > 0.0)
        .ok_or_else(|| "a number above 0 is expected, as 10 or 0.0625".to_owned())
}
