//! A report that was sent, computed again as of then: whether its mails come out byte for byte the
//! same, and what has become known or was changed since. Nothing is sent or stored.
//!
//! What is on record of then is when each run was first stored, how far the sources had been read,
//! and hashes of what else goes into a report. What is not (the facts of a run before they changed,
//! the bill as it was read then) can make a mail come out otherwise; then that is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::export::attached;
use super::publish::{Publication, PublishError, attachments, files_asked_for, message};
use super::report::{ReportError, Request, Since, ended_since, figures, figures_as_known};
use crate::analysis::{Books, Edition, Figures, rates_in_force};
use crate::delivery::{Attachment, Draft, MailSettings};
use crate::model::{Address, Occurrence, Recipient, Usd, utc_day};
use crate::report::{RenderedReport, Templates};
use crate::store::{Ledger, Reach, Record, ReportInputs, SentMail, Store, StoreError, StoredRun};
use crate::tables::TableFile;

/// What a replay works with.
pub struct Tools<'a> {
    /// The runs, and the records.
    pub store: &'a Store,
    /// What was sent.
    pub ledger: &'a Ledger,
    /// What prices and owns runs now.
    pub books: &'a Arc<Books>,
    /// The templates of now.
    pub templates: &'a Templates,
    /// How mail leaves now.
    pub mail: &'a MailSettings,
    /// SHA-256 of the configuration's text now.
    pub configuration: &'a str,
}

/// One mail, then and now.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// The edition: `all`, or a team's.
    pub edition: String,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// Whether it was a copy to try.
    pub copy: bool,
    /// Which sending of it this is, of those on record: 1 for the first, 2 for its first resend.
    pub sending: usize,
    /// How many sendings are on record.
    pub sendings: usize,
    /// Who got it, masked.
    pub recipient: String,
    /// The `now` of the mail.
    pub sent_at: Timestamp,
    /// Its name at the mail service.
    pub message_id: String,
    /// SHA-256 of what was sent.
    pub sha256_then: String,
    /// SHA-256 of what comes out now.
    pub sha256_again: String,
    /// Whether the two are the same.
    pub same_bytes: bool,
    /// The total that was sent.
    pub total_then_usd: Usd,
    /// The total as of then, computed now.
    pub total_again_usd: Usd,
    /// The total with everything that is known now.
    pub total_now_usd: Usd,
    /// The runs of the period that were first stored after it.
    pub late_runs: Vec<LateRun>,
    /// Where the bytes differ, what may have made them: in words.
    pub changes: Vec<String>,
}

/// A run that was first stored after the report of its period was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LateRun {
    /// Its account.
    pub account: String,
    /// Its id.
    pub run_id: String,
    /// Its job.
    pub job: String,
    /// Who pays.
    pub team: String,
    /// What it cost; none where it has no price.
    pub cost_usd: Option<Usd>,
    /// When it was first stored.
    pub first_stored: Timestamp,
}

/// What a report is computed with now, for the record and for comparing with it.
///
/// # Errors
/// When the store cannot be read.
pub async fn inputs(
    store: &Store,
    books: &Books,
    templates: &Templates,
    configuration: &str,
    request: &Request,
) -> Result<ReportInputs, StoreError> {
    Ok(ReportInputs {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: configuration.to_owned(),
        templates: templates.fingerprint().to_owned(),
        rates: rates(books, request.now),
        sources: store.source_states().await?,
        overdue_since: request.overdue_since,
        alerts: request.alerts.clone(),
        attachments: Vec::new(),
        report: None,
        copy: false,
        own_use: Some(request.own_use),
        own_place: request.own_place.clone(),
    })
}

/// SHA-256 of the rates in force on the day of an instant, in hexadecimal.
fn rates(books: &Books, at: Timestamp) -> String {
    let mut hash = Sha256::new();
    for rate in rates_in_force(&books.card, utc_day(at), &[]) {
        hash.update(format!("{rate:?}\n"));
    }
    hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Computes again what was sent of a report for a period: every sending that is on record, or the
/// one of a message id.
///
/// # Errors
/// When the store or the ledger cannot be read, or a template fails.
pub async fn replay(
    tools: &Tools<'_>,
    publication: &Publication<'_>,
    message_id: Option<&str>,
) -> Result<Vec<Replayed>, PublishError> {
    let (report, period) = (publication.report, &publication.request.period);
    let previous = period.previous().map_err(ReportError::from)?;
    let records = tools.ledger.records(report, &period.name).await?;
    let before = tools.ledger.records(report, &previous.name).await?;
    // Readers of one edition got the same figures, so these are computed once.
    let mut computed = BTreeMap::new();
    let mut replayed = Vec::new();
    for record in &records {
        let about = &record.occurrence;
        if publication.team.is_some_and(|team| team != about.edition) {
            continue;
        }
        let sendings = record.sendings();
        for (place, sent) in sendings.iter().enumerate() {
            if message_id.is_some_and(|id| id != sent.message_id) {
                continue;
            }
            let key = (about.edition.clone(), about.revision, about.copy, sent.at);
            if !computed.contains_key(&key) {
                let edition = edition_then(about, sent.at, &records, &before);
                let again = Again::compute(tools, publication, sent, edition).await?;
                computed.insert(key.clone(), again);
            }
            // Reports go out as mails alone.
            if let (Some(Some(again)), Recipient::Mail(to)) = (computed.get(&key), &about.recipient)
            {
                let mail = again.mail(tools, about, to, sent);
                replayed.push(Replayed { sending: place + 1, sendings: sendings.len(), ..mail });
            }
        }
    }
    Ok(replayed)
}

/// What the ledger said of an edition at the time: of mails that went out together, none was there
/// yet when they were computed.
fn edition_then(
    about: &Occurrence,
    at: Timestamp,
    records: &[Record],
    before: &[Record],
) -> Edition {
    let sent = |records: &[Record]| -> Vec<(u32, Timestamp, Usd)> {
        let ours = |record: &&Record| {
            !record.occurrence.copy && record.occurrence.edition == about.edition
        };
        let first = |record: &Record| {
            let mail = record.first_sent.as_ref()?;
            Some((record.occurrence.revision, mail.at, mail.total_usd))
        };
        records.iter().filter(ours).filter_map(first).collect()
    };
    let earlier = sent(records).into_iter().filter(|(_, sent_at, _)| *sent_at < at);
    let known = sent(before).into_iter().filter(|(_, sent_at, _)| *sent_at <= at);
    let is_whole = about.edition == Occurrence::WHOLE_COMPANY;
    Edition {
        team: (!is_whole).then(|| about.edition.clone()),
        revision: about.revision,
        sent_at: earlier.map(|(_, sent_at, _)| sent_at).min(),
        sent_before: known.max_by_key(|(revision, at, _)| (*revision, *at)).map(|sent| sent.2),
    }
}

/// An edition, computed again as of when it was sent.
struct Again {
    figures: Figures,
    rendered: RenderedReport,
    attachments: Vec<Attachment>,
    total_now: Usd,
    late_runs: Vec<LateRun>,
    changes: Vec<String>,
}

impl Again {
    async fn compute(
        tools: &Tools<'_>,
        publication: &Publication<'_>,
        sent: &SentMail,
        edition: Edition,
    ) -> Result<Option<Self>, PublishError> {
        let Tools { store, books, templates, .. } = *tools;
        let now = publication.request;
        let then = inputs_then(store, &now.period.name, sent).await?;
        let request = Request {
            now: sent.at,
            overdue_since: then.as_ref().and_then(|then| then.overdue_since),
            alerts: then.as_ref().map(|then| then.alerts.clone()).unwrap_or_default(),
            own_use: then.as_ref().and_then(|then| then.own_use).unwrap_or_default(),
            own_place: then.as_ref().and_then(|then| then.own_place.clone()),
            ..now.clone()
        };
        let since = Since { sources: then.as_ref().map(|t| t.sources.clone()), until: now.now };
        let editions = [edition];
        let again = figures_as_known(store, books, &request, &editions, Some(&since)).await?;
        let total = figures(store, books, now, &editions).await?;
        let [edition] = editions;
        // One edition was asked for.
        let Some(figures) = again.into_iter().next() else { return Ok(None) };
        let mut changes = differences(tools, then.as_ref(), sent.at);
        let under_way = ended_since(store, &request, &since).await?.len();
        if under_way > 0 {
            changes.push(format!(
                "{under_way} runs were under way then and have ended since: what they had used \
                 then is on no record"
            ));
        }
        if store.kept_since(now.now) > request.period.previous().map_err(ReportError::from)?.start {
            changes.push("runs of the period or the one before have expired".to_owned());
        }
        let mut attachments = attachments(&figures)?;
        let files = files_then(then.as_ref());
        let one = std::slice::from_ref(&figures);
        let size_max = tools.mail.size_max();
        let asked_for = attached(store, books, one, &files, size_max, true).await?;
        attachments.extend(asked_for.into_iter().flatten());
        Ok(Some(Self {
            rendered: templates.render(&figures)?,
            attachments,
            total_now: total.first().map_or(Usd::ZERO, |figures| figures.totals.cost_usd),
            late_runs: late_runs(tools, now, &edition, sent.at).await?,
            figures,
            changes,
        }))
    }

    fn mail(
        &self,
        tools: &Tools<'_>,
        about: &Occurrence,
        to: &Address,
        sent: &SentMail,
    ) -> Replayed {
        let Self { figures, rendered, attachments, .. } = self;
        let message = message(tools.mail, figures, rendered, about, to, attachments);
        let size_max = tools.mail.size_max();
        // What may have been a second one was marked; which of the two it was, its hash knows.
        let marked = message.clone().marked_as_possible_duplicate();
        let hashes = [message, marked].map(|message| message.render(size_max).map(|m| m.sha256));
        let same = hashes.iter().flatten().find(|hash| **hash == sent.sha256);
        let again = same.or_else(|| hashes.iter().flatten().next()).cloned().unwrap_or_default();
        let same_bytes = same.is_some();
        let mut changes = if same_bytes { Vec::new() } else { self.changes.clone() };
        if !same_bytes && changes.is_empty() {
            changes.push(
                "facts that leave no trace here: a run, its tags, a quota or the bill was read \
                 again since"
                    .to_owned(),
            );
        }
        Replayed {
            edition: about.edition.clone(),
            revision: about.revision,
            copy: about.copy,
            sending: 1,
            sendings: 1,
            recipient: about.recipient.to_string(),
            sent_at: sent.at,
            message_id: sent.message_id.clone(),
            sha256_then: sent.sha256.clone(),
            sha256_again: again,
            same_bytes,
            total_then_usd: sent.total_usd,
            total_again_usd: figures.totals.cost_usd,
            total_now_usd: self.total_now,
            late_runs: self.late_runs.clone(),
            changes,
        }
    }
}

/// What the mail was computed with, where the run that sent it is on record.
pub(super) async fn inputs_then(
    store: &Store,
    period: &str,
    sent: &SentMail,
) -> Result<Option<ReportInputs>, StoreError> {
    let runs = store.task_runs(sent.at, sent.at).await?;
    let ours = |run: &&crate::store::TaskRun| {
        run.began == sent.at && run.period.as_deref() == Some(period)
    };
    let mut ours: Vec<_> = runs.iter().filter(ours).collect();
    // Of several with the same `--now`, the one that says that it sent this mail comes first.
    ours.sort_by_key(|run| !run.mails.iter().any(|mail| mail.message_id == sent.message_id));
    Ok(ours.into_iter().find_map(|run| run.inputs.clone()))
}

/// The tables that went with the mails then. One that this version does not know cannot be made
/// again, and the bytes differ.
pub(super) fn files_then(then: Option<&ReportInputs>) -> Vec<TableFile> {
    let names = then.map_or(&[][..], |then| &then.attachments);
    let asked: Vec<TableFile> = names.iter().filter_map(|name| name.parse().ok()).collect();
    files_asked_for(&asked)
}

/// What goes into a report besides runs, and is not what it was.
fn differences(tools: &Tools<'_>, then: Option<&ReportInputs>, at: Timestamp) -> Vec<String> {
    let Some(then) = then else {
        return vec![
            "what it was computed with is on no record, such as how far the sources had been read"
                .to_owned(),
        ];
    };
    let version = env!("CARGO_PKG_VERSION");
    let templates = tools.templates.fingerprint();
    let all = [
        (then.rates != rates(tools.books, at), "prices of that day have changed".to_owned()),
        (then.configuration != tools.configuration, "the configuration has changed".to_owned()),
        (then.templates != templates, "the templates have changed".to_owned()),
        (then.version != version, format!("it was version {}, and is {version}", then.version)),
    ];
    all.into_iter().filter(|(differs, _)| *differs).map(|(_, words)| words).collect()
}

/// The runs of the period that an edition shows and that were first stored after an instant.
async fn late_runs(
    tools: &Tools<'_>,
    request: &Request,
    edition: &Edition,
    at: Timestamp,
) -> Result<Vec<LateRun>, StoreError> {
    let (books, period) = (Arc::clone(tools.books), request.period.clone());
    let team = edition.team.clone();
    let late = move |stored: StoredRun| {
        let run = &stored.run;
        if stored.first_stored <= at || !period.contains(run.end()?) {
            return None;
        }
        let job = books.job(run);
        let owner = books.ownership.team(run, &job);
        team.as_ref().is_none_or(|team| *team == owner).then(|| LateRun {
            account: run.identity.account.clone(),
            run_id: run.identity.run_id.clone(),
            cost_usd: books.price(run).price.cost(),
            team: owner,
            job: job.to_string(),
            first_stored: stored.first_stored,
        })
    };
    let mut runs = Vec::new();
    let days = request.period.utc_days();
    tools.store.read_days(days, Reach::All, request.now, late, |page| runs.extend(page)).await?;
    Ok(runs)
}
