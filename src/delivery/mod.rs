//! Messages, and the ways they leave: SES, or the outbox folder; and metrics, which CloudWatch
//! takes.
//!
//! A [`Message`] is rendered once into the bytes of one MIME mail for one recipient, and a
//! [`Sender`] hands over exactly these bytes. This room knows nothing of reports, and does not
//! decide whether a mail is due: the ledger in `store` does.

mod message;
mod metrics;
mod outbox;
mod render;
mod sender;
mod ses;
mod settings;
mod transmitted;
mod whole;

pub use message::{Attachment, Message};
pub use metrics::{CALL_MAX, CloudWatch, Metric, MetricPer, MetricSettings, PutError};
pub use outbox::Outbox;
pub use render::{LeftOut, RenderError, Rendered, SIZE_MAX};
pub use sender::{Accepted, Cause, SendError, Sender, Transport, Via};
pub use ses::Ses;
pub use settings::{MailSettings, OnUnknown};
pub use whole::{WholeCall, no_call};
