//! `quota show`: use against the quotas, now and over a period, by team.

use clap::Args;
use jiff::Timestamp;

use super::ask::Format;
use super::{Counter, json};
use crate::analysis::QuotaFigures;
use crate::cli::output::data;
use crate::cli::period::PeriodArguments;
use crate::cli::{Exit, Failure, World};
use crate::report::words::visible;
use crate::tasks::quota::{Shown, StandingNow};

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    period: PeriodArguments,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Show {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let counter = Counter::of(world.app().await?)?;
        let zone = counter.app.config.report("weekly").unwrap_or_default().zone()?;
        let period = self.period.period(world.now, &zone)?;
        let shown = counter.desk().show(&counter.books, &period, world.now).await?;
        match self.format {
            Format::Json => data(&json(&shown)?)?,
            Format::Text => data(&text(&shown))?,
        }
        Ok(Exit::Done)
    }
}

fn text(shown: &Shown) -> String {
    let mut lines = vec![format!("Now, {}", shown.as_of)];
    if shown.now.is_empty() {
        lines.push("  nothing runs, and no quota is known".to_owned());
    }
    shown.now.iter().for_each(|now| standing(now, &mut lines));
    lines.extend([String::new(), format!("Over {}", shown.period)]);
    if shown.over_period.is_empty() {
        lines.push("  nothing ran".to_owned());
    }
    shown.over_period.iter().for_each(|figures| over_period(figures, &mut lines));
    lines.iter().map(|line| visible(line) + "\n").collect()
}

fn standing(now: &StandingNow, lines: &mut Vec<String>) {
    let it = &now.standing;
    let mut line = format!(
        "  {} in {} {}: {} of {} in use",
        it.quota,
        now.account,
        now.region,
        it.running,
        limit(it.limit, it.limit_source)
    );
    let parts = [
        (it.running_at_most, "of it at most"),
        (it.waiting, "of it waiting"),
        (it.reserved, "reserved"),
    ];
    for (units, what) in parts.into_iter().filter(|(units, _)| *units > 0.0) {
        line.push_str(&format!(", {units} {what}"));
    }
    if it.unknown_runs > 0 {
        line.push_str(&format!(", and {} runs of unknown capacity", it.unknown_runs));
    }
    let through = now.collected_through.map_or_else(
        || "runs are imported only".to_owned(),
        |through: Timestamp| format!("collected until {through}"),
    );
    lines.push(format!("{line} ({through})"));
    for team in &it.teams {
        let mut line =
            format!("    {}: {} in use, {} reserved", team.team, team.running, team.reserved);
        if team.sure_of > 0.0 {
            line.push_str(&format!(", sure of {}", team.sure_of));
        }
        if let Some(burst) = team.burst {
            line.push_str(&format!(", at most {burst}"));
        }
        lines.push(line);
    }
}

fn over_period(figures: &QuotaFigures, lines: &mut Vec<String>) {
    let QuotaFigures { account, region, quota, peak, .. } = figures;
    let at = figures.peak_at.map(|at| format!(" at {at}")).unwrap_or_default();
    let range = bound(*peak, figures.peak_upper);
    let limit = limit(figures.limit, figures.limit_source);
    let mut line = format!("  {quota} in {account} {region}: peak {peak}{range} of {limit}{at}");
    if figures.limit.is_some() {
        let (over_80, over_90) = (figures.seconds_over_80, figures.seconds_over_90);
        line.push_str(&format!("; over 80 % for {over_80} s, over 90 % for {over_90} s"));
    }
    lines.push(line);
    if figures.waited_runs > 0 {
        let (runs, seconds) = (figures.waited_runs, figures.waited_seconds);
        lines.push(format!("    {runs} runs waited for it, {seconds} s in all"));
    }
    if let Some(forecast) = &figures.forecast {
        let latest = forecast.latest.as_deref().unwrap_or("not within a year");
        lines.push(format!(
            "    will be reached in {} (between {} and {latest}): {:+} a week over {} weeks",
            forecast.week, forecast.earliest, forecast.per_week, forecast.weeks_of_history
        ));
    }
    for team in &figures.teams {
        let range = bound(team.peak, team.peak_upper);
        let (name, peak, held) = (&team.team, team.peak, team.held_at_peak);
        lines.push(format!("    {name}: peak {peak}{range}, {held} of the peak above"));
    }
}

/// What may have been above what is certain.
fn bound(peak: f64, upper: Option<f64>) -> String {
    match upper {
        Some(upper) if upper > peak => format!(" (at most {upper})"),
        Some(_) => String::new(),
        None => " or more".to_owned(),
    }
}

fn limit(limit: Option<f64>, source: Option<&'static str>) -> String {
    let source = source.map(|source| format!(" ({source})")).unwrap_or_default();
    limit.map_or_else(|| "an unknown quota".to_owned(), |limit| format!("{limit}{source}"))
}
