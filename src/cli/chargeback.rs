//! `chargeback`: finance's month, shown, closed or mailed.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::log::{caution, say};
use super::output::data;
use super::report::{exit_of, tell};
use super::{Exit, Failure, World};
use crate::app::App;
use crate::model::{Period, Usd};
use crate::report::MailKind;
use crate::report::words::visible;
use crate::store::{ClosedMonth, ClosingOutcome, RealClock};
use crate::tasks::chargeback::{
    ChargebackError, CloseOrder, Closed, Files, Request, close, closed, mails, open_month,
};
use crate::tasks::deliver::{Order, Terms, deliver};
use crate::tasks::export::target::write_whole;

#[derive(Debug, Args)]
pub(super) struct Chargeback {
    /// The UTC month: 2026-10 [default: the last one that is over]
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "out")]
    format: Format,
    /// Write the month's files into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Close the month: freeze it for ever, once its bill is final
    #[arg(long)]
    close: bool,
    /// Close it before its bill is final
    #[arg(long, requires = "close", requires = "why")]
    force: bool,
    /// Why, for the record of --force
    #[arg(long, value_name = "TEXT", requires = "force", value_parser = reason)]
    why: Option<String>,
    /// Mail it to those under [chargeback] who do not have it yet
    #[arg(long)]
    send: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for a terminal
    Text,
    /// Every figure, as documented
    Json,
    /// Every finest cell, in cents
    Csv,
    /// The mail's HTML
    Html,
}

/// A reason that says something: it is on record for ever.
fn reason(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("say why, for the record") } else { Ok(text.to_owned()) }
}

/// A month as it is shown: what an open one comes to now, or what a closed one was frozen as.
struct Shown {
    files: Files,
    total_usd: Usd,
    as_of: Timestamp,
    closed: bool,
    /// How the command ends, as far as showing decides it.
    exit: Exit,
}

impl Chargeback {
    /// Whether it closes or sends.
    pub(super) const fn keeps(&self) -> bool {
        self.close || self.send
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app().await?;
        let month = self.month(world.now)?;
        world.journal.period(&month.name);
        let shown = self.shown(&app, world, &month).await?;
        if let Some(folder) = &self.out {
            write_files(folder, &month.name, &shown.files, world)?;
        } else if !self.send {
            data(&self.text(&shown.files))?;
        }
        let exit = shown.exit;
        let sent = if self.send { send(&app, world, &month, shown).await? } else { Exit::Done };
        Ok(if sent == Exit::Done { exit } else { sent })
    }

    fn month(&self, now: Timestamp) -> Result<Period, Failure> {
        if let Some(name) = &self.month {
            return Ok(Period::month(name, &TimeZone::UTC)?);
        }
        let today = now.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
        Ok(Period::month(&today, &TimeZone::UTC)?.previous()?)
    }

    async fn shown(&self, app: &App, world: &World, month: &Period) -> Result<Shown, Failure> {
        if let Some(found) = closed(&app.store, &month.name).await? {
            if self.close {
                say(world.quiet, &already(&found.header));
            }
            return Ok(Shown::of(found));
        }
        let (templates, books) = (app.templates()?, app.books().await?);
        if let (true, Some(trouble)) = (self.close, templates.trouble(MailKind::Chargeback)) {
            return Err(Failure::usage(
                format!("own templates fail, and what is closed stays for ever: {trouble}"),
                "correct the template, or remove `templates` to use the built-in ones",
            ));
        }
        let request = request(app, month, world.now);
        let open = open_month(&app.store, &books, &request).await?;
        for warning in &open.expiring {
            caution(world.quiet, warning, None);
        }
        if !self.close {
            let total_usd = open.statement.total_usd;
            let files = Files::of(&open.statement, &templates)?;
            let exit = world.by_templates(&templates, MailKind::Chargeback, Exit::Done);
            return Ok(Shown { files, total_usd, as_of: world.now, closed: false, exit });
        }
        let order =
            CloseOrder { by: world.who(), now: world.now, forced_because: self.why.clone() };
        let outcome = close(&app.store, &books, &templates, month, open, &order).await?;
        match &outcome {
            ClosingOutcome::Done(header) => {
                say(world.quiet, &format!("closed {} for ever", header.month));
            }
            ClosingOutcome::Already(header) => say(world.quiet, &already(header)),
        }
        // Read back, so that what is shown now is what will be shown for ever.
        let found = closed(&app.store, &month.name).await?;
        found.map(Shown::of).ok_or_else(|| Failure::failed("the closed month cannot be found"))
    }

    fn text<'f>(&self, files: &'f Files) -> std::borrow::Cow<'f, str> {
        match self.format {
            Format::Text => files.mail.text.as_str().into(),
            Format::Json => files.json.as_str().into(),
            Format::Html => files.mail.html.as_str().into(),
            Format::Csv => String::from_utf8_lossy(&files.csv),
        }
    }
}

impl Shown {
    fn of(closed: Closed) -> Self {
        let Closed { header, files, total_usd } = closed;
        Self { files, total_usd, as_of: header.closed.at, closed: true, exit: Exit::Done }
    }
}

/// What is asked of a month, from the configuration.
pub(super) fn request(app: &App, month: &Period, now: Timestamp) -> Request {
    Request {
        month: month.clone(),
        now,
        rules: app.config.chargeback.split.clone(),
        budgets: app.config.budgets.clone(),
        bill: app.config.bill.clone(),
        expected: app.config.expected_sources(),
    }
}

fn already(header: &ClosedMonth) -> String {
    let by = visible(&header.closed.by);
    format!(
        "{} is closed already, since {} by {by}: it stays as it is",
        header.month, header.closed.at
    )
}

async fn send(app: &App, world: &World, month: &Period, shown: Shown) -> Result<Exit, Failure> {
    let mail = app.config.mail.as_ref().ok_or_else(|| {
        Failure::usage("nothing says how mail leaves", "add a [mail] section; see `init`")
    })?;
    let recipients = &app.config.chargeback.recipients;
    if recipients.is_empty() {
        return Err(Failure::usage(
            "the chargeback has no recipients",
            "add `recipients` to [chargeback]",
        ));
    }
    let Shown { files, total_usd, as_of, closed, exit: _ } = shown;
    let mails = mails(mail, recipients, &month.name, &files, total_usd, (as_of, closed));
    let terms = Terms {
        by: world.who(),
        order: Order::Send,
        lease: mail.lease,
        on_unknown: mail.on_unknown,
        size_max: mail.size_max(),
    };
    let sender = app.sender(mail).await;
    let deliveries = deliver(&app.ledger(), &sender, mails, &terms, &RealClock).await?;
    tell(world, &deliveries);
    Ok(exit_of(&deliveries))
}

/// Writes a month's files: what is mailed, and what it is made from.
pub(super) fn write_files(
    folder: &Path,
    month: &str,
    files: &Files,
    world: &World,
) -> Result<(), Failure> {
    let cannot = |path: &Path, error: std::io::Error| {
        Failure::failed(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let all = [
        ("txt", files.mail.text.as_bytes()),
        ("json", files.json.as_bytes()),
        ("csv", &files.csv),
        ("html", files.mail.html.as_bytes()),
    ];
    for (suffix, bytes) in all {
        let path = folder.join(format!("chargeback-{month}.{suffix}"));
        write_whole(&path, bytes).map_err(|error| cannot(&path, error))?;
        say(world.quiet, &format!("wrote {}", path.display()));
    }
    Ok(())
}

impl From<ChargebackError> for Failure {
    fn from(error: ChargebackError) -> Self {
        match error {
            ChargebackError::Store(error) => error.into(),
            ChargebackError::Period(error) => error.into(),
            ChargebackError::Template(error) => error.into(),
            ChargebackError::Table(error) => error.into(),
            ChargebackError::NotBegun { .. } => {
                Self::usage(error.to_string(), "choose a month that has begun")
            }
            ChargebackError::NotOver { .. } => {
                Self::usage(error.to_string(), "close it when it is over and its bill is final")
            }
            ChargebackError::BillNotFinal { .. } => Self {
                exit: Exit::Failed,
                message: error.to_string(),
                hint: Some(
                    "wait for the bill, or close it as an estimate with --force --why TEXT; its \
                     bill is then booked in the next month"
                        .to_owned(),
                ),
            },
            ChargebackError::Frozen(_) | ChargebackError::Ledger(_) => Self {
                exit: Exit::Failed,
                message: error.to_string(),
                hint: Some("a newer version may have closed it: upgrade".to_owned()),
            },
            ChargebackError::NoPart { .. } | ChargebackError::Json(_) => {
                Self::failed(error.to_string())
            }
        }
    }
}
