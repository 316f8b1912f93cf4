//! The ways out of alerts: a message becomes a mail or a post, and the ledger sees it out.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;

use super::generation::Pending;
use super::{AlertsError, marked};
use crate::alerts::Message;
use crate::delivery::{
    Attachment, ChannelSettings, MailSettings, Message as MailMessage, OnUnknown, Post, Transport,
};
use crate::model::{Address, Occurrence, Recipient, Usd};
use crate::report::{Templates, alert_post};
use crate::store::{Clock, Ledger};
use crate::tables::alerts_csv;
use crate::tasks::deliver::{Deliveries, DeliveryOutcome, Mail, Order, Outcome, Terms, deliver};

/// How long a channel's delivery may take where there are no mails whose lease it could share.
pub const LEASE: Duration = Duration::from_secs(60);
/// Alerts that a mail shows whole, however large they are: the list of these is not attached.
const SHOWN_ALWAYS: usize = 5;
/// A larger list is attached packed.
const PLAIN_BYTES_MAX: usize = 2_000_000;

/// The ways out.
pub struct Outlets<M, P> {
    /// What mails look like.
    pub templates: Templates,
    /// How mail leaves, if it may.
    pub mail: Option<(MailSettings, M)>,
    /// The channels, by name.
    pub channels: BTreeMap<String, (ChannelSettings, P)>,
}

impl<M, P> Outlets<M, P> {
    /// Whether there is a way to a recipient.
    pub(super) fn leads_to(&self, to: &Recipient) -> bool {
        match to {
            Recipient::Mail(_) => self.mail.is_some(),
            Recipient::Channel(name) => self.channels.contains_key(name),
        }
    }

    /// How long a delivery to a recipient may take, and what to do where it may have left.
    pub(super) fn terms(&self, to: &Recipient) -> (Duration, OnUnknown) {
        let mail = self.mail.as_ref().map(|(settings, _)| settings);
        let lease = mail.map_or(LEASE, |settings| settings.lease);
        let on_unknown = match to {
            Recipient::Mail(_) => mail.map_or(OnUnknown::Hold, |settings| settings.on_unknown),
            Recipient::Channel(name) => {
                self.channels.get(name).map_or(OnUnknown::Hold, |(settings, _)| settings.on_unknown)
            }
        };
        (lease, on_unknown)
    }
}

impl<M: Transport<Draft = MailMessage>, P: Transport<Draft = Post>> Outlets<M, P> {
    /// Delivers messages: mails one after the other, beside them the channels at once, so that one
    /// that hangs holds up nobody.
    pub(super) async fn deliver<C: Clock>(
        &self,
        ledger: &Ledger,
        due: Vec<(Occurrence, Pending)>,
        by: &str,
        clock: &C,
    ) -> Result<Deliveries, AlertsError> {
        let (mut mails, mut posts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (occurrence, pending) in due {
            match (occurrence.recipient.clone(), &self.mail) {
                (Recipient::Mail(to), Some((settings, _))) => {
                    mails.push(self.mail(settings, to, occurrence, &pending)?);
                }
                (Recipient::Channel(name), _) if self.channels.contains_key(&name) => {
                    posts.push((name, occurrence, pending));
                }
                _ => rows.push(nowhere(occurrence)),
            }
        }
        let by_mail = async {
            match &self.mail {
                Some((settings, sender)) if !mails.is_empty() => {
                    let to = mails.first().map(|mail| mail.occurrence.recipient.clone());
                    let terms = self.terms_of(to.as_ref(), by, settings.size_max());
                    deliver(ledger, sender, mails, &terms, clock).await
                }
                _ => Ok(Deliveries::default()),
            }
        };
        let by_channel = join_all(posts.into_iter().map(async |(name, occurrence, pending)| {
            let Some((settings, channel)) = self.channels.get(&name) else {
                return Ok(Deliveries::default());
            };
            let terms = self.terms_of(Some(&occurrence.recipient), by, usize::MAX);
            let post = alert_post(&pending.message, settings.form());
            let message = marked(post, pending.unknown_ends);
            let post = Mail { occurrence, message, total_usd: Usd::ZERO };
            deliver(ledger, channel, vec![post], &terms, clock).await
        }));
        let (mailed, posted) = futures::join!(by_mail, by_channel);
        rows.extend(mailed?.rows);
        for posted in posted {
            rows.extend(posted?.rows);
        }
        Ok(Deliveries { rows })
    }

    fn terms_of(&self, to: Option<&Recipient>, by: &str, size_max: usize) -> Terms {
        let none = (LEASE, OnUnknown::Hold);
        let (lease, on_unknown) = to.map_or(none, |to| self.terms(to));
        Terms { by: by.to_owned(), order: Order::Send, lease, on_unknown, size_max }
    }

    fn mail(
        &self,
        settings: &MailSettings,
        to: Address,
        occurrence: Occurrence,
        pending: &Pending,
    ) -> Result<Mail, AlertsError> {
        let message = &pending.message;
        let rendered = self.templates.render_alerts(message)?;
        let mail = MailMessage {
            from: settings.from.clone(),
            to,
            reply_to: settings.reply_to.clone(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            attachments: attachments(message)?,
            date: message.at,
            key: String::new(),
        };
        let message = marked(mail, pending.unknown_ends);
        Ok(Mail { occurrence, message, total_usd: Usd::ZERO })
    }
}

/// All alerts of a message, where a mail might not show all. A list of very many is packed, so
/// that it fits into a mail.
pub(super) fn attachments(message: &Message) -> Result<Vec<Attachment>, AlertsError> {
    if message.news.len() <= SHOWN_ALWAYS {
        return Ok(Vec::new());
    }
    let csv = alerts_csv(message)?;
    let name = format!("alerts-{}.csv", message.at.strftime("%Y-%m-%dT%H-%M"));
    let (file_name, content_type, bytes) = if csv.len() <= PLAIN_BYTES_MAX {
        (name, "text/csv; charset=utf-8", csv)
    } else {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let packed = packer.write_all(&csv).and_then(|()| packer.finish());
        let packed = packed.map_err(|error| AlertsError::State(format!("attached: {error}")))?;
        (format!("{name}.gz"), "application/gzip", packed)
    };
    let bytes = bytes.into();
    Ok(vec![Attachment { file_name, content_type: content_type.to_owned(), bytes }])
}

/// The outcome for a recipient to whom no way leads; the next evaluation tries again.
fn nowhere(occurrence: Occurrence) -> DeliveryOutcome {
    let (reason, hint) = match &occurrence.recipient {
        Recipient::Mail(_) => ("nothing says how mail leaves", "add a [mail] section; see `init`"),
        Recipient::Channel(_) => (
            "the configuration has no such channel any more",
            "add it under [alerts.channels], or it is not told",
        ),
    };
    let outcome = Outcome::Failed {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
        retryable: true,
        unavailable: false,
    };
    DeliveryOutcome { occurrence, outcome }
}
