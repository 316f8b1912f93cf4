//! The edge to AWS that rooms share: configuration from the SDK's own environment and files,
//! assumed roles, the caller's account, what an error means, a service's answer as it came, files
//! over HTTP, and S3.
//!
//! Clients of other services stand in the rooms that use them.

mod answer;
mod caller;
mod calls;
mod config;
mod container;
mod download;
mod error;
mod no_answer;
mod s3;
mod time;
mod too_many;

pub use answer::Answer;
pub use caller::{Caller, CallerAnswer, caller_and_time};
pub use calls::{CallCounts, Calls};
pub use config::{AssumedRole, assume, caller_account, first_call, in_region, load};
pub use container::{ContainerSize, container_size};
pub use download::Download;
pub use error::{AwsError, Trouble};
pub use no_answer::RefuseNoAnswer;
pub use s3::{S3, S3Address, S3AddressError};
pub use time::{instant, whole_second};
pub use too_many::RetryTooMany;
