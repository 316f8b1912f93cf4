//! The use of a quota in words, the same in a report and on a terminal.

use super::format;
use crate::analysis::QuotaFigures;
use crate::quota::NoForecast;

/// How many teams are named as sharing a peak.
const TEAMS_SHOWN: usize = 4;

/// What was used: one number where it is known exactly, else the bounds of it.
#[must_use]
pub fn range(peak: f64, upper: Option<f64>) -> String {
    let certain = format::quantity(peak);
    match upper.map(format::quantity) {
        Some(upper) if upper == certain => certain,
        Some(upper) => format!("{certain}–{upper}"),
        None => format!("{certain} or more"),
    }
}

/// The teams that held something at the peak, largest first; `None` where nobody is known to.
#[must_use]
pub fn teams_at_peak(figures: &QuotaFigures) -> Option<String> {
    let mut teams: Vec<_> = figures.teams.iter().filter(|team| team.held_at_peak > 0.0).collect();
    teams.sort_by(|a, b| {
        b.held_at_peak.total_cmp(&a.held_at_peak).then_with(|| a.team.cmp(&b.team))
    });
    let hidden = teams.len().saturating_sub(TEAMS_SHOWN) as u64;
    let shown = teams.iter().take(TEAMS_SHOWN).map(|team| {
        format!("{} {}", super::words::visible(&team.team), format::quantity(team.held_at_peak))
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if hidden > 0 {
        text.push_str(&format!(" and {}", format::plural(hidden, "more team")));
    }
    (!text.is_empty()).then_some(text)
}

/// What is known to have waited for it; `None` where nothing is.
#[must_use]
pub fn waited(figures: &QuotaFigures) -> Option<String> {
    let (runs, seconds) = (figures.waited_runs, figures.waited_seconds);
    (runs > 0).then(|| {
        format!(
            "{} waited for it, {} in all",
            format::plural(runs, "run"),
            format::duration(seconds)
        )
    })
}

/// When the quota will be reached, or why no week can be named; `None` where nobody looked.
#[must_use]
pub fn outlook(figures: &QuotaFigures) -> Option<String> {
    if let Some(forecast) = &figures.forecast {
        let latest = forecast.latest.as_deref().unwrap_or("more than a year ahead");
        let between = match latest == forecast.earliest {
            true => String::new(),
            false => format!(" (between {} and {latest})", forecast.earliest),
        };
        return Some(format!(
            "Will be reached in {}{between}, by {} a week over {}",
            forecast.week,
            signed(forecast.per_week),
            weeks(forecast.weeks_of_history)
        ));
    }
    Some(match figures.no_forecast? {
        NoForecast::ReachedAlready => "Reached already".to_owned(),
        NoForecast::QuotaNotKnown => "No forecast: the quota is not known".to_owned(),
        NoForecast::TooLittleHistory { weeks_of_history, weeks_needed } => format!(
            "No forecast: {} of history, {weeks_needed} are needed",
            weeks(weeks_of_history)
        ),
        NoForecast::NotGrowing { per_week, weeks_of_history } => format!(
            "No week in which it will be reached: the peaks {} over {}",
            if per_week < 0.0 {
                format!("fall by {} a week", format::quantity(-per_week))
            } else {
                "do not grow".to_owned()
            },
            weeks(weeks_of_history)
        ),
        NoForecast::BeyondAYear { per_week, weeks_of_history } => format!(
            "Will not be reached within a year, by {} a week over {}",
            signed(per_week),
            weeks(weeks_of_history)
        ),
    })
}

fn weeks(weeks: usize) -> String {
    format::plural(weeks as u64, "week")
}

/// To the hundredth: a peak may grow by less than a tenth a week.
fn signed(units: f64) -> String {
    format!("{units:+}")
}
