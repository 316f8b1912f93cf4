//! `quota`: use against the accounts' quotas, whether a planned start fits, and places held for it.

mod ask;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use self::ask::{AskArguments, Format};
use super::log::{complain, say};
use super::output::{data, json};
use super::{Exit, Failure, World};
use crate::analysis::Books;
use crate::app::App;
use crate::model::{Engine, ReservationId};
use crate::quota::Verdict;
use crate::report::words::visible;
use crate::store::StoreError;
use crate::tasks::quota::{Checked, Desk, Reserved, Wish};

#[derive(Debug, Args)]
pub(super) struct Quota {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Use against quota, now and over a period, by team
    Show(show::Show),
    /// Whether a planned start fits: exit 0 it does, 3 it does not, 5 that cannot be known
    Check(Check),
    /// Hold a place for a planned start, if it fits: prints the reservation; exit codes as `check`
    ///
    /// The place is given up by the run of --run-id; else by a run of --job that begins from now
    /// on, whatever its team; by `quota release`; and when its term ends.
    Reserve(Reserve),
    /// Give a reservation back
    Release(Release),
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    ask: AskArguments,
    /// How long it will take, as 2h: times reserved for other teams meanwhile count
    #[arg(long = "for", value_name = "SPAN")]
    term: Option<jiff::SignedDuration>,
}

#[derive(Debug, Args)]
struct Reserve {
    #[command(flatten)]
    ask: AskArguments,
    /// How long the place is held at most, as 2h; until then it waits for its run
    #[arg(long = "for", value_name = "SPAN")]
    term: jiff::SignedDuration,
    /// The run that takes the place, where its id is known already
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// A key of your own: who asks twice with the same key holds one place
    #[arg(long, value_name = "KEY")]
    id: Option<String>,
}

#[derive(Debug, Args)]
struct Release {
    /// What `quota reserve` printed
    #[arg(value_name = "RESERVATION")]
    id: ReservationId,
    /// Leave the place to this run, which was started meanwhile, until it shows up
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

impl Quota {
    /// What it is called in the records, where it changes what is reserved.
    pub(in crate::cli) const fn keeps(&self) -> Option<&'static str> {
        match self.command {
            Command::Reserve(_) => Some("quota reserve"),
            Command::Release(_) => Some("quota release"),
            Command::Show(_) | Command::Check(_) => None,
        }
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        match self.command {
            Command::Show(show) => show.run(world).await,
            Command::Check(check) => check.run(world).await,
            Command::Reserve(reserve) => reserve.run(world).await,
            Command::Release(release) => release.run(world).await,
        }
    }
}

/// What a desk is made from, held while it is asked.
struct Counter {
    app: App,
    books: Arc<Books>,
    expected: Vec<(String, String, Engine)>,
}

impl Counter {
    /// What runs cost is not asked here, so no price is read from the store.
    fn of(app: App) -> Result<Self, Failure> {
        let books = Arc::new(app.config.books(&[])?);
        let expected = app.config.expected_sources();
        Ok(Self { app, books, expected })
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            store: &self.app.store,
            books: &self.books,
            quotas: &self.app.config.quotas,
            settings: &self.app.config.quota_check,
            expected: &self.expected,
        }
    }
}

impl Check {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        let counter = Counter::of(world.app().await.map_err(unknown)?)?;
        let ask = self.ask.ask(&counter, world.now, self.term)?;
        let checked = counter.desk().check(&ask).await.map_err(cannot_know)?;
        tell(&checked, self.ask.format)?;
        Ok(exit(checked.answer.verdict))
    }
}

impl Reserve {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        let counter = Counter::of(world.app_to_write().await.map_err(unknown)?)?;
        let longest = counter.app.config.quota_check.longest_term;
        if !self.term.is_positive() || self.term > longest {
            return Err(Failure::usage(
                format!("a place is not held for {:#}", self.term),
                format!("`longest_term` under [quota_check] allows up to {longest:#}"),
            ));
        }
        let ask = self.ask.ask(&counter, world.now, Some(self.term))?;
        let wish = Wish {
            key: self.id.clone().unwrap_or_else(|| world.token()),
            run_id: self.run_id.clone(),
            by: world.who(),
            // Whoever tries what a later `--now` would bring must not end what others hold.
            forget_before: world.now.min(Timestamp::now()),
        };
        match counter.desk().reserve(&ask, &wish).await.map_err(cannot_know)? {
            Reserved::Held(held, checked) => {
                world.journal.count("places_held", u64::from(!held.again));
                let again = if held.again { ", as before" } else { "" };
                let line =
                    format!("held until {}{again}; given up by {}", held.until, held.given_up_by);
                say(world.quiet, &visible(&line));
                match self.ask.format {
                    Format::Text => data(&format!("{}\n", visible(&held.id)))?,
                    Format::Json => {
                        data(&json(
                            &serde_json::json!({ "reservation": held, "answer": checked }),
                        )?)?;
                    }
                }
                Ok(Exit::Done)
            }
            Reserved::Refused(checked) => {
                let is_known = checked.answer.verdict != Verdict::CannotKnow;
                let counted = if is_known { "places_refused" } else { "places_not_known" };
                world.journal.count(counted, 1);
                match self.ask.format {
                    // Nothing that could be taken for a reservation.
                    Format::Text => complain(&sentence(&checked), None),
                    Format::Json => data(&json(
                        &serde_json::json!({ "reservation": null, "answer": checked }),
                    )?)?,
                }
                Ok(exit(checked.answer.verdict))
            }
            Reserved::Other(held) => Err(Failure::usage(
                format!(
                    "`{}` holds another place already: {} x {} for {}",
                    wish.key, held.need.runs, held.need.each, held.team
                ),
                "use a key of its own for each start, with the number of the try in it",
            )),
        }
    }
}

impl Release {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        let counter = Counter::of(world.app_to_write().await.map_err(unknown)?)?;
        let run_id = self.run_id.as_deref();
        let released = counter.desk().release(&self.id, run_id, world.now).await;
        let released = released.map_err(cannot_know)?;
        world.journal.count("places_released", u64::from(released && run_id.is_none()));
        let line = match (released, run_id) {
            (true, None) => "released".to_owned(),
            (true, Some(run)) => format!("held until run {run} shows up"),
            // Cleaning up twice, or late, is no mistake.
            (false, _) => "nothing of that name is held; its term may have ended".to_owned(),
        };
        say(world.quiet, &line);
        Ok(Exit::Done)
    }
}

const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Fits => Exit::Done,
        Verdict::DoesNotFit => Exit::Found,
        Verdict::CannotKnow => Exit::AwsUnavailable,
    }
}

fn tell(checked: &Checked, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => data(&format!("{}\n", visible(&sentence(checked)))),
        Format::Json => data(&json(checked)?),
    }
}

fn sentence(checked: &Checked) -> String {
    let verdict = match checked.answer.verdict {
        Verdict::Fits => "fits",
        Verdict::DoesNotFit => "does not fit",
        Verdict::CannotKnow => "cannot know",
    };
    let imported = if checked.collected_through.is_none() && checked.answer.verdict == Verdict::Fits
    {
        "; runs there are not collected, only imported"
    } else {
        ""
    };
    format!("{verdict}: {}{imported}", checked.answer.reason)
}

/// Whatever is wrong with the store: whether a start fits cannot be known.
fn cannot_know(error: StoreError) -> Failure {
    unknown(error.into())
}

fn unknown(failure: Failure) -> Failure {
    match failure.exit {
        Exit::Failed => Failure { exit: Exit::AwsUnavailable, ..failure },
        _ => failure,
    }
}
