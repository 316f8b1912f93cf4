//! Whether a call that must not be made twice can have had an effect: how far it came, and what a
//! failure says of it.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Whether the call came so far that its first byte may have been written. What fails earlier (no
/// region, no credentials, no endpoint) fails before there is a request, however the SDK calls it.
#[derive(Clone, Debug, Default)]
pub(super) struct Transmitted(Arc<AtomicBool>);

impl Transmitted {
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Transmitted {
    fn name(&self) -> &'static str {
        "Transmitted"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A 4xx is the service's word that it took nothing; 408 comes from boxes in between that gave up
/// waiting, and 5xx may follow the taking.
pub(super) const fn is_refusal(status: u16) -> bool {
    matches!(status, 400..=499) && status != 408
}

/// Whether one link of a chain of causes says that there was no connection to write a call to.
pub(super) fn is_refused_connection(link: &(dyn Error + 'static)) -> bool {
    let connection = link.downcast_ref::<hyper_util::client::legacy::Error>();
    connection.is_some_and(hyper_util::client::legacy::Error::is_connect)
}

/// The error and its causes on one line, without what only a debugger wants to know.
pub(super) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !words.contains(&text) {
            let _ = write!(words, ": {text}");
        }
        source = cause.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
