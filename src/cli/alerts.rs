//! `alerts`: evaluates the rules against what is stored, shows what is found, and with `--send`
//! tells those concerned once.

mod json;
mod text;

use clap::{Args, ValueEnum};

use super::log::{complain, say};
use super::output::data;
use super::report::{exit_of, tell};
use super::{Exit, Failure, World};
use crate::alerts::{Alert, Quiet, Stage};
use crate::report::MailKind;
use crate::store::RealClock;
use crate::tasks::alert_facts::alert_facts;
use crate::tasks::alerts::{Telling, Told, look};
use crate::tasks::deliver::Deliveries;

#[derive(Debug, Args)]
pub(super) struct Alerts {
    /// Tell those concerned, each once, and keep what they were told
    #[arg(long)]
    send: bool,
    /// Take everything that is new as known: for the first day. It is kept, and told to nobody
    #[arg(long)]
    baseline: bool,
    /// Say of everything that is not told why not
    #[arg(long)]
    explain: bool,
    /// What to write to stdout
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// End with exit code 3 where something is found that is not silenced
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Every finding, as documented
    Json,
}

impl Alerts {
    /// Whether it tells, or keeps what is known.
    pub(super) const fn keeps(&self) -> bool {
        self.send || self.baseline
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app().await?;
        if self.send && !app.config.tells_alerts() {
            return Err(Failure::usage(
                "nothing says how alerts leave",
                "add a [mail] section or [alerts.channels]; see `init`",
            ));
        }
        let alerting = app.alerting(world.who()).await?;
        let books = app.books().await?;
        let told = if self.send || self.baseline {
            let at = (&app.store, &books);
            alerting.tell(at, &RealClock, self.baseline, self.send, world.now).await?
        } else {
            let facts = alert_facts(&app.store, &books, &alerting.sources, world.now).await?;
            look(&app.store, &alerting.evaluator, facts, false).await?
        };
        data(&match self.format {
            Format::Text => text::text(&told, self.explain),
            Format::Json => json::json(&told)?,
        })?;
        let exit = self.exit(world, &told);
        Ok(match told.telling {
            Telling::Done(_) => {
                world.by_templates(&alerting.outlets.templates, MailKind::Alerts, exit)
            }
            _ => exit,
        })
    }

    fn exit(&self, world: &World, told: &Told) -> Exit {
        let sent = match &told.telling {
            Telling::Shown => Exit::Done,
            Telling::Done(deliveries) => {
                tell(world, deliveries);
                exit_of(deliveries)
            }
            Telling::Outrun => {
                say(
                    world.quiet,
                    "note: a later evaluation was faster, and tells what is to be told",
                );
                Exit::Done
            }
            Telling::Busy(lease) => {
                let (holder, until) = (&lease.holder, lease.until);
                let line = format!("{holder} is still telling, until {until} at the latest");
                complain(&line, Some("the next evaluation goes on from there"));
                Exit::Partly
            }
        };
        let found = told.evaluation.alerts.iter().any(is_found);
        if sent == Exit::Done && self.exit_code && found { Exit::Found } else { sent }
    }
}

/// Whether it is there now, as far as anybody can tell, and nobody has silenced it.
fn is_found(alert: &Alert) -> bool {
    alert.stage != Stage::Resolved && !is_silenced(alert)
}

/// Whether it is set aside: silenced, or told by another alert.
fn is_silenced(alert: &Alert) -> bool {
    let Err(quiet) = &alert.outcome else { return false };
    matches!(
        quiet,
        Quiet::Tag { .. } | Quiet::Muted { .. } | Quiet::Baseline | Quiet::PartOf { .. }
    )
}

/// As what an alert is told, or where it stands.
fn state(alert: &Alert) -> &'static str {
    match &alert.outcome {
        Ok(notice) => notice.as_str(),
        Err(_) => alert.stage.as_str(),
    }
}

/// Whether an alert was told to everybody just now, else why not.
fn reason(alert: &Alert, telling: &Telling) -> Option<String> {
    let quiet = match &alert.outcome {
        Err(quiet) => return Some(quiet.to_string()),
        Ok(_) => telling,
    };
    match quiet {
        Telling::Shown => Some("to be told: `alerts --send` was not asked for".to_owned()),
        Telling::Outrun => Some("a later evaluation was faster".to_owned()),
        Telling::Busy(_) => Some("what was found before is still being told".to_owned()),
        Telling::Done(deliveries) => untold(alert, deliveries),
    }
}

fn untold(alert: &Alert, deliveries: &Deliveries) -> Option<String> {
    let missed = alert.recipients.iter().filter(|recipient| {
        let identity = recipient.identity();
        let is_it = |row: &&crate::tasks::deliver::DeliveryOutcome| {
            row.occurrence.recipient.identity() == identity && row.outcome.is_sent()
        };
        deliveries.rows.iter().find(is_it).is_none()
    });
    let missed: Vec<String> = missed.map(ToString::to_string).collect();
    (!missed.is_empty())
        .then(|| format!("not sent to {}; the next evaluation tries again", missed.join(", ")))
}
