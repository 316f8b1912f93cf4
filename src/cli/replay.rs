//! `replay`: computes again what was sent, and says whether it comes out the same. Sends nothing.

use clap::{Args, ValueEnum};

use super::output::{data, json};
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::report::words::visible;
use crate::tasks::publish::Publication;
use crate::tasks::replay::{Replayed, Tools, replay};

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The report's name
    #[arg(default_value = "weekly", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only this team's edition
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only the sending with this message id, as `history` shows it; without it each that there was
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for a terminal
    Text,
    /// Every mail, then and now
    Json,
}

impl Replay {
    pub(super) async fn run(mut self, world: &World) -> Result<Exit, Failure> {
        if self.period.copy_to().is_some() {
            return Err(Failure::usage(
                "--to takes a day or an instant here, and no address",
                "give it with --from, as --from 2026-11-09 --to 2026-11-16",
            ));
        }
        let app = world.app().await?;
        self.team = self.team.map(|team| app.config.team_named(&team));
        let mail = app.config.mail.as_ref().ok_or_else(|| {
            Failure::usage("nothing says how mail leaves", "add a [mail] section; see `init`")
        })?;
        let settings = app.config.report(&self.name).unwrap_or_default();
        let period = self.period.period(world.now, &settings.zone()?)?;
        let request = app.report_request(&settings, period, world.now).await?;
        let publication = Publication {
            report: &self.name,
            settings: &settings,
            request: &request,
            team: self.team.as_deref(),
            copy_to: None,
            restate: false,
            attachments: &[],
        };
        let (ledger, books, templates) = (app.ledger(), app.books().await?, app.templates()?);
        let tools = Tools {
            store: &app.store,
            ledger: &ledger,
            books: &books,
            templates: &templates,
            mail,
            configuration: &world.configuration_hash(),
        };
        let mails = replay(&tools, &publication, self.message_id.as_deref()).await?;
        let period = &request.period.name;
        if mails.is_empty() {
            let what = format!("no mail of report `{}` for {period} is on record", self.name);
            let hint = "`runledger report --send` sends it; `history` shows what was done";
            return Err(Failure { hint: Some(hint.to_owned()), ..Failure::failed(what) });
        }
        match self.format {
            Format::Text => data(&mails.iter().map(in_text).collect::<String>())?,
            Format::Json => {
                let whole = serde_json::json!({
                    "report": self.name, "period": period, "mails": mails,
                });
                data(&json(&whole)?)?;
            }
        }
        let is_same = mails.iter().all(|mail| mail.same_bytes);
        Ok(if is_same { Exit::Done } else { Exit::Found })
    }
}

fn in_text(mail: &Replayed) -> String {
    let Replayed { edition, recipient, sent_at, message_id, .. } = mail;
    let verdict = if mail.same_bytes { "same bytes" } else { "DIFFERENT" };
    let copy = if mail.copy { "copy, " } else { "" };
    let revision = match mail.revision {
        0 => String::new(),
        revision => format!(", revision {revision}"),
    };
    let sending = match mail.sendings {
        1 => String::new(),
        sendings => format!(", sending {} of {sendings}", mail.sending),
    };
    let mut lines = vec![
        format!(
            "{verdict}: {copy}{edition}{revision}{sending}, to {recipient}, {sent_at}, {message_id}"
        ),
        format!("    sha256 {} then, {} again", mail.sha256_then, mail.sha256_again),
        format!(
            "    total {} USD then, {} computed again, {} with all that is known now",
            mail.total_then_usd, mail.total_again_usd, mail.total_now_usd
        ),
    ];
    lines.extend(mail.changes.iter().map(|change| format!("    may differ by this: {change}")));
    lines.extend(mail.late_runs.iter().map(|run| {
        let cost = run.cost_usd.map_or_else(|| "no price".to_owned(), |usd| format!("{usd} USD"));
        let (id, job, team, at) = (&run.run_id, &run.job, &run.team, run.first_stored);
        format!("    late run {id} of {job} ({team}), {cost}, first stored {at}")
    }));
    lines.iter().map(|line| visible(line) + "\n").collect()
}
