//! A service's answer as it came: the JSON text of a response that the SDK also reads into its own
//! types.
//!
//! Runs are read from this text, by the same conversions that read files, for three reasons: the
//! SDK's types drop every member that their version does not know (`flexExecution` of EMR
//! Serverless is one, and it decides the price), they turn quantities into binary floats, and two
//! conversions of the same run would sooner or later disagree.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Keeps the body of the last answer to the one call that it is given to, by
/// `.customize().interceptor(answer.clone())`. Where the SDK repeats the call, the last answer is
/// the one that counted.
#[derive(Clone, Debug, Default)]
pub struct Answer(Arc<Mutex<Vec<u8>>>);

impl Answer {
    /// The body, once the call has returned; empty if it never got an answer.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        // A panic elsewhere cannot leave the bytes half written: they are replaced as a whole.
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The SDK has read the whole body into memory by now, to deserialise it.
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        Ok(())
    }
}
