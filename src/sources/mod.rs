//! Where runs, quotas and prices come from: thin clients, and pure conversions into the model.

mod convert;
pub mod emr_serverless_convert;
mod events;
pub mod files;
pub mod glue_convert;
mod json;

pub use convert::{ConvertError, UnknownMembers};
