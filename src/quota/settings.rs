//! The `[[quotas]]` and `[quota_check]` sections of the configuration.

use jiff::fmt::serde::duration::friendly::compact;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::WindowSetting;
use crate::model::written::{AccountId, SpanText};
use crate::model::{QUOTAS, QuotaSource, QuotaValue};

/// One quota of one account and region: its value, and how teams share it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaSetting {
    /// The account.
    #[schemars(with = "AccountId")]
    pub account: String,
    /// The region.
    pub region: String,
    /// `glue-concurrent-runs`, `glue-concurrent-runs-per-job`, `glue-dpus`, `glue-flex-dpus` or
    /// `emr-serverless-vcpus`.
    pub quota: String,
    /// Its value, in runs, DPUs or vCPUs. Comes before what Service Quotas says; absent where that
    /// is to be believed.
    #[serde(default)]
    pub value: Option<f64>,
    /// How teams share a quota. A team that is not named may use what nobody else is sure of.
    #[serde(default)]
    pub shares: Vec<ShareSetting>,
}

/// A team's share of a quota.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareSetting {
    /// The team, as reports spell it.
    pub team: String,
    /// What the team is always sure of: the part of it that the team does not use is kept free.
    #[serde(default)]
    pub baseline: f64,
    /// What the team never exceeds, however much is free; no such limit where absent.
    #[serde(default)]
    pub burst: Option<f64>,
    /// What the team is sure of at certain times.
    #[serde(default)]
    pub reserved: Vec<WindowSetting>,
}

/// The terms on which `quota check` and `quota reserve` answer.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaCheckSettings {
    /// How long ago runs may have been collected last: beyond that nobody knows what runs now.
    #[schemars(with = "SpanText")]
    #[serde(serialize_with = "compact::required")]
    pub stale_after: SignedDuration,
    /// What a run of unknown capacity is taken to hold, in DPUs or vCPUs. Absent: where there is
    /// such a run and the answer depends on it, the answer is that it cannot be known.
    pub unknown_run: Option<f64>,
    /// The longest term of a reservation.
    #[schemars(with = "SpanText")]
    #[serde(serialize_with = "compact::required")]
    pub longest_term: SignedDuration,
}

impl Default for QuotaCheckSettings {
    fn default() -> Self {
        Self {
            stale_after: SignedDuration::from_mins(15),
            unknown_run: None,
            longest_term: SignedDuration::from_hours(24),
        }
    }
}

impl QuotaCheckSettings {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With the reason.
    pub fn check(&self) -> Result<(), String> {
        let positive = |name: &str, span: SignedDuration| {
            let wrong = || format!("{name} has to be longer than nothing");
            span.is_positive().then_some(()).ok_or_else(wrong)
        };
        positive("stale_after", self.stale_after)?;
        positive("longest_term", self.longest_term)?;
        self.unknown_run.map_or(Ok(()), |units| quantity("unknown_run", units))
    }
}

impl QuotaSetting {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With the reason.
    pub fn check(&self) -> Result<(), String> {
        if !QUOTAS.contains(&self.quota.as_str()) {
            return Err(format!("`{}` is none of {}", self.quota, QUOTAS.join(", ")));
        }
        if let Some(value) = self.value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
            return Err(format!("a quota of {value} cannot be"));
        }
        for (index, share) in self.shares.iter().enumerate() {
            if self.shares[..index].iter().any(|other| other.team == share.team) {
                return Err(format!("team `{}` has two shares", share.team));
            }
            share.check().map_err(|reason| format!("share of `{}`: {reason}", share.team))?;
        }
        let baselines: f64 = self.shares.iter().map(|share| share.baseline).sum();
        match self.value {
            Some(value) if baselines > value => {
                Err(format!("the shares' baselines are {baselines}, more than the quota's {value}"))
            }
            _ => Ok(()),
        }
    }

    /// The configured value.
    #[must_use]
    pub fn value(&self) -> Option<QuotaValue> {
        Some(QuotaValue {
            account: self.account.clone(),
            region: self.region.clone(),
            quota: self.quota.clone(),
            value: self.value?,
            source: QuotaSource::Configured,
        })
    }
}

impl ShareSetting {
    /// What the team is sure of throughout that time: its baseline, or more where a window that the
    /// time touches says so.
    #[must_use]
    pub fn sure_of(&self, from: Timestamp, until: Timestamp) -> f64 {
        let windows = self.reserved.iter().filter(|window| window.touches(from, until));
        windows.map(|window| window.units).fold(self.baseline, f64::max)
    }

    fn check(&self) -> Result<(), String> {
        quantity("baseline", self.baseline)?;
        for window in &self.reserved {
            quantity("units", window.units)?;
            window.check()?;
        }
        let Some(burst) = self.burst else { return Ok(()) };
        quantity("burst", burst)?;
        if self.reserved.iter().map(|window| window.units).fold(self.baseline, f64::max) > burst {
            return Err(format!("it may burst to {burst} only, and is sure of more"));
        }
        Ok(())
    }
}

fn quantity(name: &str, units: f64) -> Result<(), String> {
    let cannot_be = || format!("{name} of {units} cannot be");
    (units.is_finite() && units >= 0.0).then_some(()).ok_or_else(cannot_be)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(shares: &str) -> QuotaSetting {
        let head = "account = '1'\nregion = 'r'\nquota = 'glue-dpus'\nvalue = 100.0\n";
        toml::from_str(&format!("{head}{shares}")).unwrap()
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        let refusal = |shares: &str| parsed(shares).check().unwrap_err();
        assert!(refusal("[[shares]]\nteam='a'\nbaseline=-1.0").contains("`a`: baseline of -1"));
        assert!(refusal("[[shares]]\nteam='a'\nbaseline=5.0\nburst=4.0").contains("sure of more"));
        assert!(refusal("[[shares]]\nteam='a'\n[[shares]]\nteam='a'").contains("two shares"));
        let both = "[[shares]]\nteam='a'\nbaseline=60.0\n[[shares]]\nteam='b'\nbaseline=50.0";
        assert!(refusal(both).contains("110, more than the quota's 100"));
        let check: QuotaCheckSettings = toml::from_str("stale_after = '0s'").unwrap();
        assert!(check.check().unwrap_err().contains("stale_after"));
        let check: QuotaCheckSettings = toml::from_str("stale_after = '1h 30m'").unwrap();
        assert_eq!((check.stale_after.as_mins(), check.check()), (90, Ok(())));
    }

    #[test]
    fn a_window_raises_what_a_team_is_sure_of() {
        let text = "[[shares]]\nteam='a'\nbaseline=10.0\n\
                    [[shares.reserved]]\nunits=40.0\nfrom='18:00'\nto='20:00'";
        let setting = parsed(text);
        assert_eq!(setting.check(), Ok(()));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let sure = |from, until| setting.shares[0].sure_of(at(from), at(until));
        assert_eq!(sure("2026-11-16T17:00:00Z", "2026-11-16T18:00:00Z"), 10.0);
        assert_eq!(sure("2026-11-16T17:00:00Z", "2026-11-16T18:00:01Z"), 40.0);
        assert_eq!(sure("2026-11-16T20:00:00Z", "2026-11-16T20:00:00Z"), 10.0);
    }
}
