//! A bare 429 is throttling too. The SDK repeats a throttled call where the answer names an error
//! of the service's; a box in between that says no more than `429 Too Many Requests` would else be
//! taken at its first word.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

/// Has calls repeated that were answered 429, whatever else the answer says; given to the
/// configuration of clients whose calls may be repeated.
#[derive(Clone, Copy, Debug)]
pub struct RetryTooMany;

impl ClassifyRetry for RetryTooMany {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "RetryTooMany"
    }

    /// Before the SDK's own, which know better where the answer has an error's name.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_before(RetryClassifierPriority::http_status_code_classifier())
    }
}
