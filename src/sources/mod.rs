//! Where runs, quotas, prices and bills come from, and what SES says of an account: thin clients,
//! and pure conversions into the model.

mod accounts;
mod convert;
mod cost_explorer;
mod cost_explorer_convert;
mod emr_serverless;
pub mod emr_serverless_convert;
mod emr_session_convert;
mod events;
pub mod files;
mod glue;
pub mod glue_convert;
mod glue_session_convert;
mod json;
pub mod price_list;
pub mod price_list_convert;
mod price_list_csv;
mod price_list_file;
mod queue;
mod quota_usage;
mod quotas;
mod ses;
mod settings;
mod sweep;

pub use accounts::{AwsAccount, AwsAccounts, Probe};
pub use convert::{ConvertError, UnknownMembers};
pub use cost_explorer::{BillError, Billed, CostExplorer, PaidLook, Requests};
pub use events::{EventError, runs_of_event};
pub use queue::{EventQueue, Message, QueueAddress, QueueFacts, WAIT_MAX};
pub use quota_usage::Measured;
pub use ses::{SesAccount, SesIdentity, SesLook};
pub use settings::{BillSettings, BillTarget, CollectSettings};
pub use sweep::{
    AccountSource, Batches, KnownRun, Scope, Service, SourceError, Sources, Sweep, Swept, Target,
};
