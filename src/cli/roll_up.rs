//! `roll-up`: computes the kept days anew, after prices, owners' rules or the folding of names
//! changed. What a run changes is rolled up by whoever stores it.

use clap::Args;
use jiff::{Span, ToSpan};

use super::collect::tell_rolled_up;
use super::log::say;
use super::output::progress;
use super::{Exit, Failure, World};
use crate::model::utc_day;
use crate::tasks::roll_up::roll_up_days;

#[derive(Debug, Args)]
pub(super) struct RollUp {
    /// How far back, as 30d [default: as far as runs are kept]
    #[arg(long, value_name = "SPAN")]
    since: Option<Span>,
}

impl RollUp {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app().await?;
        let today = utc_day(world.now);
        let beyond =
            |_| Failure::usage("`--since` reaches back beyond the calendar", "write it like 30d");
        let first = match self.since {
            Some(span) => today.checked_sub(span.abs()).map_err(beyond)?,
            None => utc_day(app.store.kept_since(world.now)),
        };
        let end = today.checked_add(1.day()).map_err(beyond)?;
        let bar = progress(world.quiet, "rolling up");
        let done = roll_up_days(&app.store, &app.books().await?, first..end, world.now).await;
        bar.finish_and_clear();
        let done = done?;
        world.journal.count("days", done.days);
        say(world.quiet, &done.to_string());
        tell_rolled_up(world, &done);
        Ok(Exit::Done)
    }
}
