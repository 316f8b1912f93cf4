//! A report on its way to its readers: which editions are due to whom, computed, rendered, and made
//! into mails. Sending them is `deliver`'s.

use std::sync::Arc;

use super::deliver::Mail;
use super::export::{ExportError, attached, is_attached_anyway};
use super::report::{ReportError, Request, figures};
use crate::analysis::{Books, Edition, Figures};
use crate::delivery::{Attachment, MailSettings, Message};
use crate::model::{Address, Occurrence, Recipient, Usd};
use crate::report::{Attached, RenderedReport, ReportSettings, TemplateError, Templates};
use crate::store::{Ledger, Store, StoreError};
use crate::tables::{TableError, TableFile, failures_csv, jobs_csv};

/// How often a report is computed anew because runs were stored while its tables were made.
const READINGS_MAX: u32 = 3;

/// What is to be published, and how.
#[derive(Clone, Debug)]
pub struct Publication<'a> {
    /// The report's name.
    pub report: &'a str,
    /// Its settings: who gets what.
    pub settings: &'a ReportSettings,
    /// The period, and what "now" is.
    pub request: &'a Request,
    /// Only this team's edition.
    pub team: Option<&'a str>,
    /// A copy for this address alone, instead of the report for its recipients.
    pub copy_to: Option<&'a Address>,
    /// A new revision of what was sent.
    pub restate: bool,
    /// Tables that go with the mails, beside those that always do.
    pub attachments: &'a [TableFile],
}

/// A report, ready to be sent.
#[derive(Clone, Debug)]
pub struct Published {
    /// The mails that are due, one per edition and recipient.
    pub mails: Vec<Mail>,
    /// Runs without a price in the edition that has the most of them.
    pub unpriced_runs: u64,
    /// Whether every edition has the total that its readers know already.
    pub unchanged: bool,
}

/// A report that cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The figures cannot be computed.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A table cannot be attached.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table that was asked for cannot be made.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Report(error.into())
    }
}

/// The mails that are due, one per edition and recipient.
///
/// # Errors
/// When the ledger or the store cannot be read, or a template fails. Nothing is sent then.
pub async fn mails(
    store: &Store,
    ledger: &Ledger,
    books: &Arc<Books>,
    templates: &Templates,
    mail: &MailSettings,
    publication: &Publication<'_>,
) -> Result<Vec<Mail>, PublishError> {
    let published = publish(store, ledger, books, templates, mail, publication).await?;
    Ok(published.mails)
}

/// The same, with what the record of sending tells of them.
///
/// # Errors
/// As [`mails`].
pub async fn publish(
    store: &Store,
    ledger: &Ledger,
    books: &Arc<Books>,
    templates: &Templates,
    mail: &MailSettings,
    publication: &Publication<'_>,
) -> Result<Published, PublishError> {
    let audiences = audiences(publication);
    let (mut editions, mut known) = (Vec::new(), Vec::new());
    for (team, _) in &audiences {
        let (edition, total) = edition(ledger, publication, *team).await?;
        editions.push(edition);
        known.push(total);
    }
    let (all, mut files) =
        figures_and_files(store, books, publication, &editions, mail.size_max()).await?;
    let mut mails = Vec::new();
    for (((team, recipients), figures), files) in audiences.iter().zip(&all).zip(&mut files) {
        let rendered = templates.render(figures)?;
        let mut attachments = attachments(figures)?;
        attachments.append(files);
        for recipient in recipients {
            let occurrence = Occurrence {
                report: publication.report.to_owned(),
                period: publication.request.period.name.clone(),
                edition: team.unwrap_or(Occurrence::WHOLE_COMPANY).to_owned(),
                revision: figures.revision,
                recipient: Recipient::Mail(recipient.clone()),
                copy: publication.copy_to.is_some(),
            };
            mails.push(Mail {
                message: message(mail, figures, &rendered, &occurrence, recipient, &attachments),
                total_usd: figures.totals.cost_usd,
                occurrence,
            });
        }
    }
    let unpriced = all.iter().map(|figures| figures.completeness.unpriced_runs);
    Ok(Published {
        mails,
        unpriced_runs: unpriced.max().unwrap_or(0),
        unchanged: all.iter().map(|figures| Some(figures.totals.cost_usd)).eq(known),
    })
}

/// The figures of each edition, and the tables that were asked for, made from the same runs: where
/// some were stored between the two readings, both are read anew.
async fn figures_and_files(
    store: &Store,
    books: &Arc<Books>,
    publication: &Publication<'_>,
    editions: &[Edition],
    size_max: usize,
) -> Result<(Vec<Figures>, Vec<Vec<Attachment>>), PublishError> {
    let files = files_asked_for(publication.attachments);
    let mut readings = 1;
    loop {
        let all = figures(store, books, publication.request, editions).await?;
        match attached(store, books, &all, &files, size_max, false).await {
            Ok(attachments) => return Ok((all, attachments)),
            Err(ExportError::Moved) if readings < READINGS_MAX => readings += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The tables that were asked for and do not go with every mail anyway, each once.
pub(super) fn files_asked_for(asked: &[TableFile]) -> Vec<TableFile> {
    let mut files: Vec<TableFile> = Vec::new();
    for file in asked.iter().copied().filter(|file| !is_attached_anyway(*file)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Who gets which edition: the whole company's, then the teams' in the order of their names.
fn audiences<'a>(publication: &'a Publication<'_>) -> Vec<(Option<&'a str>, Vec<Address>)> {
    if let Some(to) = publication.copy_to {
        return vec![(publication.team, vec![to.clone()])];
    }
    let teams = &publication.settings.teams;
    if let Some(team) = publication.team {
        return vec![(Some(team), teams.get(team).cloned().unwrap_or_default())];
    }
    let whole = (None, publication.settings.recipients.clone());
    let each = teams.iter().map(|(team, recipients)| (Some(team.as_str()), recipients.clone()));
    std::iter::once(whole).chain(each).filter(|(_, to)| !to.is_empty()).collect()
}

/// What the ledger knows of an edition: which revision is due, what its readers were told, and the
/// total that they know of this period.
async fn edition(
    ledger: &Ledger,
    publication: &Publication<'_>,
    team: Option<&str>,
) -> Result<(Edition, Option<Usd>), PublishError> {
    let (report, period) = (publication.report, &publication.request.period);
    let name = team.unwrap_or(Occurrence::WHOLE_COMPANY);
    let before = period.previous().map_err(ReportError::from)?;
    let sent = ledger.sent_record(report, &period.name, name).await?;
    let sent_before = ledger.sent_record(report, &before.name, name).await?;
    let revision = ledger.revision(report, &period.name, name).await?;
    // There is nothing to restate where nobody has the report yet.
    let step = u32::from(publication.restate && sent.is_some());
    let known = sent.as_ref().map(|sent| sent.total_usd);
    let edition = Edition {
        team: team.map(str::to_owned),
        revision: revision + step,
        sent_at: sent.map(|sent| sent.first_at),
        sent_before: sent_before.map(|sent| sent.total_usd),
    };
    Ok((edition, known))
}

/// What an edition shows of the ledger where it is shown and not sent.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn shown_edition(
    ledger: &Ledger,
    publication: &Publication<'_>,
) -> Result<Edition, PublishError> {
    edition(ledger, publication, publication.team).await.map(|(edition, _)| edition)
}

pub(super) fn message(
    mail: &MailSettings,
    figures: &Figures,
    rendered: &RenderedReport,
    occurrence: &Occurrence,
    to: &Address,
    attachments: &[Attachment],
) -> Message {
    let copy = if occurrence.copy { "[copy] " } else { "" };
    Message {
        from: mail.from.clone(),
        to: to.clone(),
        reply_to: mail.reply_to.clone(),
        subject: format!("{copy}{}", rendered.subject),
        text: rendered.text.clone(),
        html: rendered.html.clone(),
        attachments: attachments.to_vec(),
        date: figures.as_of,
        key: occurrence.key(),
    }
}

/// The whole of the tables that the mail cuts.
pub(super) fn attachments(figures: &Figures) -> Result<Vec<Attachment>, TableError> {
    let attachment = |table: Attached, bytes: Vec<u8>| Attachment {
        file_name: table.file_name(&figures.period),
        content_type: "text/csv; charset=utf-8".to_owned(),
        bytes: bytes.into(),
    };
    let mut attachments = Vec::new();
    if !figures.jobs.is_empty() {
        attachments.push(attachment(Attached::Jobs, jobs_csv(figures)?));
    }
    if !figures.failures.is_empty() {
        attachments.push(attachment(Attached::Failures, failures_csv(figures)?));
    }
    Ok(attachments)
}
