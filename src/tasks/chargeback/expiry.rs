//! What is lost when a month stays open for longer than runs are kept: said well before, and when
//! it has happened.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::chargeback::Correction;
use crate::model::{Period, utc_day};

/// How long before runs expire it is said that they do.
const DAYS_BEFORE: i64 = 14;

/// What has expired of an open month and of the closed months that it corrects, and what is about
/// to. `nearest` is the closed month right before it.
pub(super) fn warnings(
    kept_since: Timestamp,
    month: &Period,
    nearest: Option<&str>,
    corrections: &[Correction],
) -> Vec<String> {
    let name = &month.name;
    let mut said = Vec::new();
    match Expiry::of(month, kept_since) {
        Expiry::Far => {}
        Expiry::Near(days) => said.push(format!(
            "runs of {name} begin to expire in {days}: close it before, or they are in no month"
        )),
        Expiry::Begun => {
            let since = kept_since;
            said.push(format!("runs that ended before {since} have expired: they are not in it"));
        }
    }
    let corrected = |earlier: &str| corrections.iter().any(|c| c.month == earlier);
    let others = corrections.iter().map(|c| c.month.as_str());
    let others = others.filter(|other| Some(*other) != nearest);
    for earlier in nearest.into_iter().chain(others) {
        let Ok(period) = Period::month(earlier, &TimeZone::UTC) else { continue };
        match Expiry::of(&period, kept_since) {
            Expiry::Far => {}
            Expiry::Near(days) => said.push(format!(
                "runs of {earlier}, which is closed, begin to expire in {days}: what became known \
                 of them is booked only if {name} is closed before"
            )),
            Expiry::Begun if corrected(earlier) => said.push(format!(
                "runs of {earlier}, which is closed, have begun to expire: of what became known of \
                 them only what is still kept is among the corrections"
            )),
            Expiry::Begun => said.push(format!(
                "runs of {earlier}, which is closed, have begun to expire: what became known of \
                 them and was not booked is lost"
            )),
        }
    }
    said
}

/// How far a month's runs are from expiring.
enum Expiry {
    Far,
    Near(String),
    Begun,
}

impl Expiry {
    fn of(month: &Period, kept_since: Timestamp) -> Self {
        if kept_since > month.start {
            return Self::Begun;
        }
        let soon = kept_since.checked_add((DAYS_BEFORE * 24).hours()).unwrap_or(Timestamp::MAX);
        let left = utc_day(kept_since).until(utc_day(month.start));
        match left.map_or(0, |left| left.get_days()) {
            _ if soon <= month.start => Self::Far,
            1 => Self::Near("1 day".to_owned()),
            left => Self::Near(format!("{left} days")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kept_since: &str) -> Vec<String> {
        let month = |name| Period::month(name, &TimeZone::UTC).unwrap();
        warnings(kept_since.parse().unwrap(), &month("2026-10"), Some("2026-09"), &[])
    }

    #[test]
    fn it_is_said_two_weeks_before_and_when_it_has_happened() {
        assert_eq!(said("2026-08-17T00:00:00Z"), Vec::<String>::new());
        let soon = said("2026-08-18T06:00:00Z");
        assert_eq!(soon.len(), 1);
        assert!(soon[0].contains("which is closed, begin to expire in 14 days"), "{soon:?}");
        assert!(soon[0].contains("only if 2026-10 is closed before"), "{soon:?}");
        let lost = said("2026-09-01T00:00:01Z");
        assert!(lost[0].contains("and was not booked is lost"), "{lost:?}");
        let own = said("2026-09-30T12:00:00Z");
        assert!(own[0].contains("2026-10 begin to expire in 1 day: close it before"), "{own:?}");
        let gone = said("2026-10-02T00:00:00Z");
        assert!(gone[0].contains("before 2026-10-02T00:00:00Z have expired"), "{gone:?}");
    }
}
