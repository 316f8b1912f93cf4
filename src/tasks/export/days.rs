//! Which days of a period are complete: those that are over, and up to whose end every source was
//! read. A table of half a day is worse than none: it looks like a cheap day.

use jiff::Timestamp;

use super::Order;
use crate::model::Period;
use crate::store::SourceState;
use crate::tasks::report::collection;

/// The end of a period that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// From when on nothing is exported; the period's start where nothing is.
    pub from: Timestamp,
    /// Why, in words.
    pub because: String,
}

/// The part of a period whose days are complete, if any, and what was left out of it.
pub(super) fn complete(
    period: &Period,
    sources: &[SourceState],
    order: &Order,
) -> (Option<Period>, Option<LeftOut>) {
    if order.incomplete {
        return (Some(period.clone()), None);
    }
    let (_, behind) = collection(sources.to_vec(), &order.expected, period);
    let mut until = order.now;
    let mut because = "the rest is not over yet".to_owned();
    for source in behind {
        // One that was never read to an end may lack anything.
        let read = source.collected_through.unwrap_or(Timestamp::MIN);
        if read < until {
            until = read;
            let place = format!("{} in {}, {}", source.engine, source.account, source.region);
            let how = source
                .collected_through
                .map_or_else(|| "never".to_owned(), |at| format!("only until {at}"));
            because = format!("{place} was read {how}");
        }
    }
    if until >= period.end {
        return (Some(period.clone()), None);
    }
    let midnight = period.midnight_before(until.max(Timestamp::UNIX_EPOCH));
    let part = period.before(midnight);
    let from = part.as_ref().map_or(period.start, |part| part.end);
    (part, Some(LeftOut { from, because }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Engine;
    use crate::tasks::export::CostBasis;
    use jiff::tz::TimeZone;

    fn order(now: &str, zone: &TimeZone) -> Order {
        let period = Period::week("2026-W46", zone).unwrap();
        Order {
            utc_period: period.clone(),
            period,
            team: None,
            basis: CostBasis::Ended,
            incomplete: false,
            now: now.parse().unwrap(),
            quotas: Vec::new(),
            expected: Vec::new(),
        }
    }

    fn source(region: &str, through: Option<&str>, error: Option<&str>) -> SourceState {
        SourceState {
            account: "111122223333".into(),
            region: region.into(),
            engine: Engine::Glue,
            collected_through: through.map(|at| at.parse().unwrap()),
            attempted_at: "2026-11-16T06:00:00Z".parse().unwrap(),
            error: error.map(str::to_owned),
            sessions: false,
        }
    }

    fn end_of(order: &Order, sources: &[SourceState]) -> (Option<String>, Option<String>) {
        let (part, left_out) = complete(&order.period, sources, order);
        (part.map(|part| part.end.to_string()), left_out.map(|left| left.because))
    }

    #[test]
    fn a_day_is_complete_when_it_is_over_and_was_read_to_its_end() {
        let week = order("2026-11-16T06:00:00Z", &TimeZone::UTC);
        let whole = Some("2026-11-16T00:00:00Z".to_owned());
        assert_eq!(end_of(&week, &[]), (whole.clone(), None));
        let read = source("eu-west-1", Some("2026-11-16T00:00:00Z"), None);
        assert_eq!(end_of(&week, std::slice::from_ref(&read)), (whole.clone(), None));
        // A sweep that failed later takes nothing away from what was read before.
        let failed = source("us-east-1", Some("2026-11-16T05:00:00Z"), Some("denied"));
        assert_eq!(end_of(&week, &[read.clone(), failed]), (whole, None));
        let behind = source("us-east-1", Some("2026-11-12T23:59:59Z"), None);
        let (end, because) = end_of(&week, &[read.clone(), behind]);
        assert_eq!(end.as_deref(), Some("2026-11-12T00:00:00Z"));
        let because = because.unwrap();
        assert_eq!(
            because,
            "glue in 111122223333, us-east-1 was read only until 2026-11-12T23:59:59Z"
        );
        let (end, because) = end_of(&week, &[read, source("us-east-1", None, Some("denied"))]);
        assert_eq!(end, None);
        assert!(because.unwrap().ends_with("was read never"));
    }

    #[test]
    fn days_are_those_of_the_period() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let week = order("2026-11-12T22:30:00Z", &berlin);
        let (end, because) = end_of(&week, &[]);
        assert_eq!(end.as_deref(), Some("2026-11-11T23:00:00Z"));
        assert_eq!(because.as_deref(), Some("the rest is not over yet"));
        let asked = Order { incomplete: true, ..week };
        assert_eq!(end_of(&asked, &[]), (Some("2026-11-15T23:00:00Z".to_owned()), None));
        let early = order("2026-11-08T22:30:00Z", &berlin);
        assert_eq!(end_of(&early, &[]).0, None);
    }
}
