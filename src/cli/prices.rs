//! `prices`: the rate card that is in force, its refresh from AWS's Price List, and how far the two
//! agree.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::log::{advise, complain, say};
use super::output::{data, json, progress};
use super::{Exit, Failure, World};
use crate::analysis::{RateFigure, rates_in_force};
use crate::app::App;
use crate::model::utc_day;
use crate::report::rates_text;
use crate::sources::price_list::{OfferFile, Reading, query, read};
use crate::tables::rates_csv;
use crate::tasks::prices::{Checked, Difference, Lists, PricesError, Refreshed, check, refresh};

#[derive(Debug, Args)]
pub(super) struct Prices {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every rate in force, with its source and date
    List(List),
    /// Read AWS's Price List into the table; nothing known is ever deleted
    Refresh(Lookup),
    /// Say where the rate card differs from AWS's Price List; exit code 3 where it does
    Check(Lookup),
}

#[derive(Debug, Args)]
struct List {
    /// Only this region; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// How to show them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Lined up for a terminal
    Text,
    /// JSON with every member
    Json,
    /// CSV with every member
    Csv,
}

#[derive(Debug, Args)]
struct Lookup {
    /// Offer files in place of the API: index.json or index.csv of AWSGlue and ElasticMapReduce, as
    /// paths or https:// addresses
    #[arg(long, value_name = "PATH|URL", num_args = 1..)]
    from: Vec<OfferFile>,
    /// Only this region; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
}

impl Prices {
    /// Whether it stores prices.
    pub(super) const fn refreshes(&self) -> bool {
        matches!(self.action, Action::Refresh(_))
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        match self.action {
            Action::List(list) => list.run(world).await,
            Action::Refresh(lookup) => {
                let app = world.app_to_write().await?;
                let readings = lookup.read(&app, world).await;
                let (store, settings) = (&app.store, &app.config.pricing);
                let done = refresh(store, settings, readings, &lookup.region, world.now).await?;
                world.journal.count("prices_new", done.new.len() as u64);
                world.journal.count("prices_changed", done.changed.len() as u64);
                tell_refreshed(world, &done);
                Ok(exit(&done.lists, Exit::Done))
            }
            Action::Check(lookup) => {
                let app = world.app().await?;
                let readings = lookup.read(&app, world).await;
                let (store, settings) = (&app.store, &app.config.pricing);
                let found = check(store, settings, readings, &lookup.region, world.now).await?;
                tell_checked(world, &found)?;
                let differs = !found.differences.is_empty();
                Ok(if differs { Exit::Found } else { exit(&found.lists, Exit::Done) })
            }
        }
    }
}

impl List {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        #[derive(Serialize)]
        struct Listing<'r> {
            day: jiff::civil::Date,
            rates: &'r [RateFigure],
        }
        let app = world.app().await?;
        let books = app.books().await?;
        let day = utc_day(world.now);
        let rates = rates_in_force(&books.card, day, &self.region);
        if rates.is_empty() {
            let regions = self.region.join(", ");
            let line = format!("no rate is known in {regions}: its runs stay unpriced");
            advise(world.quiet, &line, "`runledger prices refresh` reads AWS's Price List");
        }
        match self.format {
            Format::Text if rates.is_empty() => {}
            Format::Text => data(&rates_text(&rates))?,
            Format::Csv => data(&String::from_utf8_lossy(&rates_csv(&rates)?))?,
            Format::Json => {
                let listing = Listing { day, rates: &rates };
                data(&json(&listing)?)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Lookup {
    async fn read(&self, app: &App, world: &World) -> Vec<Reading> {
        let bar = progress(world.quiet, "reading prices");
        let mut readings = Vec::with_capacity(self.from.len());
        if self.from.is_empty() {
            readings = query(app.aws().await, &self.region).await;
        }
        for file in &self.from {
            readings.push(read(file).await);
        }
        bar.finish_and_clear();
        readings
    }
}

/// The exit code of what was read, where all else went well.
fn exit(lists: &Lists, done: Exit) -> Exit {
    match (lists.read.is_empty(), lists.is_partial()) {
        (true, _) if lists.unread.iter().all(|unread| unread.is_unavailable) => {
            Exit::AwsUnavailable
        }
        (true, _) => Exit::Failed,
        (false, true) => Exit::Partly,
        (false, false) => done,
    }
}

fn tell_refreshed(world: &World, done: &Refreshed) {
    tell_lists(world, &done.lists);
    let quiet = world.quiet;
    for price in &done.new {
        let name = format!("{} in {}", price.usage_type, price.region);
        world.detail(&format!("new: {name}: {} USD from {}", price.usd, price.effective));
    }
    for (before, price) in &done.changed {
        let name = format!("{} in {}", price.usage_type, price.region);
        let to = format!("{} USD from {}", price.usd, price.effective);
        say(quiet, &format!("changed: {name}: {before} USD, now {to}"));
    }
    for price in &done.no_longer_listed {
        let name = format!("{} in {}", price.usage_type, price.region);
        say(quiet, &format!("no longer listed: {name}; its {} USD stay in force", price.usd));
    }
    if !done.lists.read.is_empty() {
        say(
            quiet,
            &format!(
                "prices: {} new, {} changed, {} unchanged, {} no longer listed",
                done.new.len(),
                done.changed.len(),
                done.unchanged,
                done.no_longer_listed.len()
            ),
        );
    }
}

fn tell_checked(world: &World, found: &Checked) -> Result<(), Failure> {
    tell_lists(world, &found.lists);
    for difference in &found.differences {
        data(&format!("{}\n", crate::report::words::visible(&sentence(difference))))?;
    }
    if found.lists.read.is_empty() {
        return Ok(());
    }
    let (same, differ) = (found.same, found.differences.len());
    let line = format!("{same} rates are as listed, {differ} differ");
    if differ > 0 {
        let hint = "`runledger prices refresh` takes the list's; see `prices list`";
        advise(world.quiet, &line, hint);
    } else {
        say(world.quiet, &line);
    }
    Ok(())
}

fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::Differs { price, card } => format!(
            "{card}: the list has {} USD from {}, the card {} USD ({}: {})",
            price.usd,
            price.effective,
            card.usd,
            card.origin.as_str(),
            card.source
        ),
        Difference::NotInCard { price, what } => format!(
            "{what} in {}: the list has {} USD from {}, the card has no rate",
            price.region, price.usd, price.effective
        ),
        Difference::NotListed { card } => format!(
            "{card}: the list has it no longer, the card has {} USD ({}: {})",
            card.usd,
            card.origin.as_str(),
            card.source
        ),
    }
}

/// What was read, and what could not be used of it.
fn tell_lists(world: &World, lists: &Lists) {
    for unread in &lists.unread {
        complain(&format!("{}: {}", unread.source, unread.reason), Some(unread.hint));
    }
    for refused in &lists.refused {
        complain(&format!("not used: {refused}"), None);
    }
    for source in &lists.read {
        world.detail(&format!("read: {source}"));
    }
    let products: u64 = lists.not_understood.values().sum();
    for (usage_type, products) in &lists.not_understood {
        world.detail(&format!("no rate of runs: {usage_type} ({products})"));
    }
    let mut notes = Vec::new();
    let mut note = |count: u64, of: &str| {
        if count > 0 {
            notes.push(format!("{count} {of}"));
        }
    };
    note(products, "products that no run is known to be billed under (-v lists them)");
    note(lists.free, "prices of 0");
    note(lists.passed_over, "products of EMR on EC2 and EKS");
    if !notes.is_empty() {
        say(world.quiet, &format!("not rates: {}", notes.join(", ")));
    }
}

impl From<PricesError> for Failure {
    fn from(error: PricesError) -> Self {
        match error {
            PricesError::Store(error) => error.into(),
            PricesError::RateCard(error) => {
                Self::usage(error.to_string(), "look at `[[pricing.rates]]` in the configuration")
            }
        }
    }
}
