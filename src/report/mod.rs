//! From figures to something a person reads: the mail in HTML and text, and a page for a browser.
//!
//! [`Figures`](crate::analysis::Figures) come in computed; a [`View`](view::View) turns each number
//! into the one string that every output shows; templates place the strings. Nothing is sent here.

mod alert_post;
mod alerts;
mod attached;
mod bill;
mod chargeback;
pub mod explain;
pub mod format;
pub mod links;
pub mod quota_words;
mod rates;
mod render;
mod sample;
mod settings;
pub mod table;
pub mod view;
pub mod words;

pub use alert_post::alert_post;
pub use attached::Attached;
pub use bill::bill_text;
pub use rates::rates_text;
pub use render::{HTML_BYTES_MAX, MailKind, RenderedReport, TemplateError, Templates};
pub use settings::ReportSettings;
