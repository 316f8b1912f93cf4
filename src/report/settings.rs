//! What a report is to be: for whom, and in which time zone.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::written::ZoneText;
use crate::model::{Address, Occurrence, PeriodError, Usd};
use crate::ownership::by_team_respelt;

/// A report's settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Who gets the whole report.
    pub recipients: Vec<Address>,
    /// Who gets the report of a team's own runs, by the team's name.
    pub teams: BTreeMap<String, Vec<Address>>,
    /// The zone in which weeks begin, by its IANA name.
    #[schemars(with = "ZoneText")]
    pub time_zone: String,
    /// In US dollars: late runs that move the total of a period that was reported already by more
    /// than this are told in the next report.
    pub restate_threshold_usd: Usd,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            recipients: Vec::new(),
            teams: BTreeMap::new(),
            time_zone: "UTC".to_owned(),
            restate_threshold_usd: Usd::from_nanos(1_000_000_000),
        }
    }
}

impl ReportSettings {
    /// The same with every team's name spelt as `spell` does.
    ///
    /// # Errors
    /// Where two names are one team's, with both.
    pub fn respelt(mut self, spell: impl Fn(&str) -> String) -> Result<Self, String> {
        self.teams = by_team_respelt(self.teams, spell)?;
        Ok(self)
    }

    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.teams.contains_key(Occurrence::WHOLE_COMPANY) {
            let name = Occurrence::WHOLE_COMPANY;
            return Err(format!("no team's edition can be called `{name}`: the whole report is"));
        }
        self.zone().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The time zone.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn zone(&self) -> Result<TimeZone, PeriodError> {
        TimeZone::get(&self.time_zone).map_err(|_| PeriodError::Zone(self.time_zone.clone()))
    }
}
