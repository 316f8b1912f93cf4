//! `report`: shows a report, writes it to a folder, or sends it.

mod again;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::log::{advise, say, tell_mail};
use super::output::{data, json};
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::analysis::Figures;
use crate::app::App;
use crate::model::Occurrence;
use crate::report::words::visible;
use crate::report::{MailKind, ReportSettings, Templates};
use crate::schedule::Schedule;
use crate::store::{RealClock, ReportInputs};
use crate::tables::{TableFile, failures_csv, jobs_csv};
use crate::tasks::deliver::{Deliveries, Order, Outcome, Terms, Verdict, deliver};
use crate::tasks::export::target::write_whole;
use crate::tasks::publish::{Publication, publish, shown_edition};
use crate::tasks::replaced::OnRecord;
use crate::tasks::replay::inputs;
use crate::tasks::report::figures;

#[derive(Debug, Args)]
pub(super) struct Report {
    /// The report's name
    #[arg(default_value = "weekly", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only this team's runs
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// What to write to stdout
    #[arg(long, value_enum, conflicts_with_all = ["out", "send"])]
    format: Option<Format>,
    /// Write the report's files into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "send")]
    out: Option<PathBuf>,
    /// Send the report to whom it is due and who does not have it yet
    #[arg(long)]
    send: bool,
    /// Send again what was sent already, or may have been
    #[arg(long, requires = "send", conflicts_with = "restate")]
    resend: bool,
    /// Send a new revision of what was sent, marked as one
    #[arg(long, requires = "send")]
    restate: bool,
    /// Tables that go with the mail: a table of `export` and a format, as runs.xlsx
    #[arg(long, value_name = "TABLE.FORMAT", requires = "send", value_delimiter = ',')]
    attach: Vec<TableFile>,
    /// Why, for the record of --resend and --restate
    #[arg(long, value_name = "TEXT", requires = "send")]
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The mail's HTML
    Html,
    /// Text, for a terminal
    Text,
    /// Every figure, as documented
    Json,
    /// A page of its own, for a browser
    Web,
}

impl Report {
    /// Whether it sends.
    pub(super) const fn sends(&self) -> bool {
        self.send
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn run(mut self, world: &World) -> Result<Exit, Failure> {
        let copy_to = self.period.copy_to();
        if copy_to.is_some() && (!self.send || self.resend || self.restate) {
            return Err(Failure::usage(
                "--to with an address sends a copy to try, which nothing else is mixed with",
                "use it with --send, and without --resend and --restate",
            ));
        }
        let app = world.app().await?;
        self.team = self.team.map(|team| app.config.team_named(&team));
        let settings = app.config.report(&self.name).ok_or_else(|| {
            Failure::usage(
                format!("there is no report `{}`", self.name),
                format!("add a [reports.{}] section to the configuration", self.name),
            )
        })?;
        let settings = of_occasion(settings, world);
        let period = self.period.period(world.now, &settings.zone()?)?;
        let mut request = app.report_request(&settings, period, world.now).await?;
        request.overdue_since = world.overdue_since();
        if self.send && copy_to.is_none() && request.period.end > world.now {
            let (name, end) = (&request.period.name, request.period.end);
            return Err(Failure::usage(
                format!("{name} is not over: it ends at {end}, and what is sent of it is final"),
                "without --send it is shown so far, and --to ADDRESS sends a copy; a schedule is \
                 to be due after the end, by the report's own `time_zone`",
            ));
        }
        let publication = Publication {
            report: &self.name,
            settings: &settings,
            request: &request,
            team: self.team.as_deref(),
            copy_to,
            restate: self.restate,
            attachments: &self.attachments(world)?,
        };
        let templates = app.templates()?;
        if self.send {
            let period = &request.period.name;
            let on_record = OnRecord::read(&app.ledger(), &self.name, period).await?;
            let settings = match publication.copy_to {
                Some(_) => settings.clone(),
                None => self.with_readers_on_record(world, &on_record, &settings),
            };
            let files = self.tables_on_record(&app, world, &on_record, &publication).await?;
            let attachments = files.as_deref().unwrap_or(publication.attachments);
            let publication = Publication { settings: &settings, attachments, ..publication };
            let exit = self.send(&app, world, &templates, &publication).await?;
            return Ok(world.by_templates(&templates, MailKind::Report, exit));
        }
        let edition = shown_edition(&app.ledger(), &publication).await?;
        let all = figures(&app.store, &app.books().await?, &request, &[edition]).await?;
        // One edition was asked for.
        let Some(figures) = all.first() else { return Ok(Exit::Done) };
        if let (Some(team), 0) = (&self.team, figures.totals.runs) {
            let line = format!("no run of team `{team}` ended in {}", figures.period.name);
            let hint = "without --team the report lists all teams as they are spelt";
            advise(world.quiet, &line, hint);
        }
        match &self.out {
            Some(folder) => write_files(folder, &self.name, &templates, figures, world)?,
            None => data(&shown(self.format.unwrap_or(Format::Text), &templates, figures)?)?,
        }
        Ok(world.by_templates(&templates, MailKind::Report, Exit::Done))
    }

    /// The tables that go with the mails: those of the command line, then those of the schedule.
    fn attachments(&self, world: &World) -> Result<Vec<TableFile>, Failure> {
        let mut files = self.attach.clone();
        let of_schedule = said_by(world, |schedule| Some(schedule.attachments.clone()));
        for name in of_schedule.unwrap_or_default() {
            files.push(name.parse()?);
        }
        Ok(files)
    }

    async fn send(
        &self,
        app: &App,
        world: &World,
        templates: &Templates,
        publication: &Publication<'_>,
    ) -> Result<Exit, Failure> {
        let mail = app.config.mail.as_ref().ok_or_else(|| {
            Failure::usage("nothing says how mail leaves", "add a [mail] section; see `init`")
        })?;
        if !has_recipients(publication.settings, self.team.as_deref())
            && publication.copy_to.is_none()
        {
            return Err(Failure::usage(
                format!("the report `{}` has no recipients", self.name),
                format!("add `recipients` to [reports.{}], or use --to", self.name),
            ));
        }
        world.journal.period(&publication.request.period.name);
        let (ledger, books) = (app.ledger(), app.books().await?);
        let configuration = world.configuration_hash();
        let inputs =
            inputs(&app.store, &books, templates, &configuration, publication.request).await?;
        let attachments = publication.attachments.iter().map(TableFile::to_string).collect();
        let (report, copy) = (Some(self.name.clone()), publication.copy_to.is_some());
        // On record before a mail leaves: whoever finishes what is cut short goes by it.
        world.journal.inputs(ReportInputs { attachments, report, copy, ..inputs }).await;
        let published = publish(&app.store, &ledger, &books, templates, mail, publication).await?;
        world.journal.count("runs_unpriced", published.unpriced_runs);
        if self.restate && published.unchanged && self.why.is_none() {
            return Err(Failure::usage(
                "the total is the one that its readers know, so there is nothing to restate",
                "a restatement that was cut short is finished by --send alone; where something \
                 else has changed, say so with --why",
            ));
        }
        let why = || self.why.clone().unwrap_or_else(|| "no reason given".to_owned());
        let terms = Terms {
            by: world.who(),
            order: match (self.resend, self.restate) {
                (true, _) => Order::Resend { why: why() },
                (_, true) => Order::Restate { why: why() },
                _ => Order::Send,
            },
            lease: mail.lease,
            on_unknown: said_by(world, |schedule| schedule.on_unknown).unwrap_or(mail.on_unknown),
            size_max: mail.size_max(),
        };
        let sender = app.sender(mail).await;
        let mails = published.mails;
        let mut deliveries = deliver(&ledger, &sender, mails, &terms, &RealClock).await?;
        if self.replaces() {
            let period = &publication.request.period.name;
            let on_record = OnRecord::read(&ledger, &self.name, period).await?;
            let beside = on_record.unknown_beside(&deliveries.rows);
            deliveries.rows.extend(beside);
        }
        tell(world, &deliveries);
        Ok(exit_of(&deliveries))
    }
}

/// What the schedule says that has this done, if one has.
fn said_by<T>(world: &World, of: impl Fn(&Schedule) -> Option<T>) -> Option<T> {
    world.occasion.as_ref().and_then(|occasion| of(&occasion.schedule))
}

/// The report's settings as the schedule has them that has it sent.
fn of_occasion(mut settings: ReportSettings, world: &World) -> ReportSettings {
    if let Some(recipients) = said_by(world, |schedule| schedule.recipients.clone()) {
        settings.recipients = recipients;
    }
    if let Some(editions) = said_by(world, |schedule| schedule.editions.clone()) {
        if !editions.iter().any(|edition| edition == Occurrence::WHOLE_COMPANY) {
            settings.recipients.clear();
        }
        settings.teams.retain(|team, _| editions.contains(team));
    }
    settings
}

/// How a command ends that sent mails.
pub(super) fn exit_of(deliveries: &Deliveries) -> Exit {
    match deliveries.verdict() {
        Verdict::Done => Exit::Done,
        Verdict::Partly => Exit::Partly,
        Verdict::Failed => Exit::Failed,
        Verdict::Unavailable => Exit::AwsUnavailable,
    }
}

fn has_recipients(settings: &ReportSettings, team: Option<&str>) -> bool {
    match team {
        Some(team) => settings.teams.get(team).is_some_and(|to| !to.is_empty()),
        None => !settings.recipients.is_empty() || settings.teams.values().any(|to| !to.is_empty()),
    }
}

fn shown(format: Format, templates: &Templates, figures: &Figures) -> Result<String, Failure> {
    Ok(match format {
        Format::Html => templates.render(figures)?.html,
        Format::Text => templates.render(figures)?.text,
        Format::Web => templates.render_web(figures)?,
        Format::Json => json(figures)?,
    })
}

/// Writes the report's files: what is mailed, and what it is made from.
pub(super) fn write_files(
    folder: &Path,
    name: &str,
    templates: &Templates,
    figures: &Figures,
    world: &World,
) -> Result<(), Failure> {
    let rendered = templates.render(figures)?;
    let files = [
        ("html", rendered.html.into_bytes()),
        ("txt", rendered.text.into_bytes()),
        ("json", json(figures)?.into_bytes()),
        ("web.html", templates.render_web(figures)?.into_bytes()),
        ("jobs.csv", jobs_csv(figures)?),
        ("failures.csv", failures_csv(figures)?),
    ];
    let cannot = |path: &Path, error: std::io::Error| {
        Failure::failed(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let safe = |text: &str| text.replace([':', '/', '\\'], "-");
    for (suffix, bytes) in files {
        let file = format!("{}-{}.{suffix}", safe(name), safe(&figures.period.name));
        let path = folder.join(file);
        write_whole(&path, &bytes).map_err(|error| cannot(&path, error))?;
        say(world.quiet, &format!("wrote {}", path.display()));
    }
    Ok(())
}

/// One line a recipient that got it or did not, addresses masked.
pub(super) fn tell(world: &World, deliveries: &Deliveries) {
    world.journal.deliveries(deliveries);
    for row in &deliveries.rows {
        let edition = visible(&row.occurrence.edition);
        let to = format!("{:?} ({edition})", row.occurrence.recipient);
        let line = match &row.outcome {
            Outcome::Sent { message_id, possible_duplicate, left_out, .. } => {
                let marked = if *possible_duplicate { ", as a possible duplicate" } else { "" };
                let cut = if left_out.is_empty() {
                    String::new()
                } else {
                    format!(", without {} (too large)", left_out.join(", "))
                };
                format!("sent to {to}: {message_id}{marked}{cut}")
            }
            Outcome::AlreadySent { at, .. } => format!("already sent to {to}, as of {at}"),
            Outcome::Withdrawn { reason } => format!("not sent to {to}, and never to be: {reason}"),
            Outcome::Failed { reason, .. } => format!("not sent to {to}: {reason}"),
            Outcome::Unknown { reason } => format!("may have been sent to {to}: {reason}"),
            Outcome::Busy { holder, until } => {
                format!("not sent to {to}: {holder} holds it until {until}")
            }
        };
        let hint = Some(row.outcome.hint(&row.occurrence)).filter(|hint| !hint.is_empty());
        let outcome = if row.outcome.is_sent() { Ok(&*line) } else { Err((&*line, hint)) };
        tell_mail(world.quiet, &row.occurrence, outcome);
    }
}
