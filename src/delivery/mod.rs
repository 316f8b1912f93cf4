//! Messages, and the ways they leave: mails by SES or into the outbox folder, posts to SNS topics
//! and to the webhooks of Slack and Teams; and metrics, which CloudWatch takes.
//!
//! A [`Message`] is rendered once into the bytes of one MIME mail for one recipient, and a
//! [`Sender`] hands over exactly these bytes. This room knows nothing of reports, and does not
//! decide whether a mail is due: the ledger in `store` does.

mod channel;
mod contents;
mod emf;
mod message;
mod metrics;
mod outbox;
mod post;
mod render;
mod secret;
mod sender;
mod ses;
mod settings;
mod slack;
mod sns;
mod teams;
mod transmitted;
mod webhook;
mod whole;

pub use channel::{Channel, ChannelKind, ChannelSettings};
pub use contents::{Contents, Extent};
pub use emf::{LogMetrics, LogSettings, TaskMetric, embedded_metrics};
pub use message::{Attachment, Message};
pub use metrics::{CALL_MAX, CloudWatch, Metric, MetricPer, MetricSettings, PutError};
pub use outbox::Outbox;
pub use post::{Form, Post, PostGroup, PostItem, PostReady, PostSection};
pub use render::{LeftOut, RenderError, Rendered, SIZE_MAX, attachment_bytes_max};
pub use secret::SecretRef;
pub use sender::{Accepted, Cause, Draft, Ready, SendError, Sender, Transport, Via, masked};
pub use ses::Ses;
pub use settings::{MailSettings, MailVia, OnUnknown};
pub use whole::{WholeCall, no_call};
