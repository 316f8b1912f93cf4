//! Runs the real binary as a stranger's shell would: in a folder of its own, and with none of the
//! surrounding environment, so that no AWS profile, colour or log setting of the person who runs
//! the tests can decide how they end.
//!
//! It knows nothing of what Runledger does. Where the test peers are, it reads from the variables
//! that `tests/run.sh` sets; a test whose peer is not running says so aloud and passes.

mod peers;
mod proxy;
mod sandbox;

pub(crate) use peers::{
    beside_tests, dynamodb_url, http_get, moto_url, python, python_of, s3_url, ses_url, skipped,
    table_readers, told,
};
pub(crate) use proxy::{Deed, Proxy, Reply};
pub(crate) use sandbox::{Finished, Running, Sandbox};
