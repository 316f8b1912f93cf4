//! Where runs, quotas and prices come from: thin clients, and pure conversions into the model.

mod accounts;
mod convert;
mod emr_serverless;
pub mod emr_serverless_convert;
mod events;
pub mod files;
mod glue;
pub mod glue_convert;
mod json;
mod quotas;
mod settings;
mod sweep;

pub use accounts::{AwsAccount, AwsAccounts};
pub use convert::{ConvertError, UnknownMembers};
pub use settings::CollectSettings;
pub use sweep::{
    AccountSource, Batches, KnownRun, Service, SourceError, Sources, Sweep, Swept, Target,
};
