//! What turns a stored run into a report's row: its job's name, its price, who pays. Pure.

use super::RunRow;
use crate::model::{Engine, JobNames, JobRun, PricedRun};
use crate::ownership::{Owner, Ownership};
use crate::pricing::{self, PricingSettings, RateCard};
use crate::store::StoredRun;

/// The rules of a company, ready to be applied.
#[derive(Clone, Debug)]
pub struct Books {
    /// What things cost.
    pub card: RateCard,
    /// How runs are priced.
    pub pricing: PricingSettings,
    /// Who pays.
    pub ownership: Ownership,
    /// Which runs are one job.
    pub names: JobNames,
}

impl Books {
    /// The job a run belongs to. Sessions have none, and are grouped by the role that they work
    /// under, of either engine: `sessions of analysts`.
    #[must_use]
    pub fn job(&self, run: &JobRun) -> String {
        let name = run.job_name.as_deref().filter(|name| !name.is_empty());
        if run.is_session() {
            return sessions_of(name);
        }
        self.names.job_of(Self::name_of(run).0, Self::names_each_run(run)).into_owned()
    }

    /// The name that a run's job is made from, and whose word it is.
    #[must_use]
    pub fn name_of(run: &JobRun) -> (&str, NameFrom) {
        let name = run.job_name.as_deref().filter(|name| !name.is_empty());
        if let Some(name) = name {
            return (name, NameFrom::Run);
        }
        let application = run.definition.as_ref().and_then(|d| d.application_name.as_deref());
        match (application, run.identity.application_id.as_deref()) {
            (Some(name), _) => (name, NameFrom::Application),
            (None, Some(id)) => (id, NameFrom::ApplicationId),
            (None, None) => ("(no name)", NameFrom::Nobody),
        }
    }

    /// Whether callers name each run: those of EMR Serverless do; elsewhere the name is the job's
    /// own.
    #[must_use]
    pub fn names_each_run(run: &JobRun) -> bool {
        run.identity.engine == Engine::EmrServerless
    }

    /// Who pays for a run of that job.
    #[must_use]
    pub fn owner(&self, run: &JobRun, job: &str) -> Owner {
        self.ownership.owner(run, job)
    }

    /// The run's price, as far as it is known.
    #[must_use]
    pub fn price(&self, run: &JobRun) -> PricedRun {
        pricing::price(run, &self.card, &self.pricing)
    }

    /// The row of a run that has ended.
    #[must_use]
    pub fn row(&self, stored: &StoredRun) -> Option<RunRow> {
        let run = &stored.run;
        let job = self.job(run);
        let team = self.ownership.team(run, &job);
        RunRow::of(run, &self.price(run), &job, team, stored.first_stored)
    }
}

/// Whose word the name of a run's job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFrom {
    /// The run's or its job's.
    Run,
    /// The application's, for a run without a name.
    Application,
    /// The application's id, for want of any name.
    ApplicationId,
    /// Nobody gave one.
    Nobody,
}

/// The job that sessions of a role are counted as.
fn sessions_of(role: Option<&str>) -> String {
    role.map_or_else(|| "(interactive sessions)".to_owned(), |role| format!("sessions of {role}"))
}
