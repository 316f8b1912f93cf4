//! An answer that says nothing at all is none. AWS's JSON services write at least `{}`, and the SDK
//! reads an empty body as that: a list without jobs, a query without items. What stands between us
//! and AWS may answer so, and then a report would show less than there is and look whole.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// How the operations are called whose answers tell something. Others may have nothing to tell.
const READING: [&str; 6] = ["BatchGet", "Describe", "Get", "List", "Query", "Scan"];

/// Refuses empty answers to a JSON service's reading calls; given to its client's configuration.
#[derive(Clone, Copy, Debug)]
pub struct RefuseNoAnswer;

#[dyn_dispatch_hint]
impl Intercept for RefuseNoAnswer {
    fn name(&self) -> &'static str {
        "RefuseNoAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let response = context.response();
        // What failed already has a better reason.
        let is_empty = context.output_or_error().is_ok()
            && response.body().bytes().is_some_and(<[u8]>::is_empty);
        if is_empty && READING.iter().any(|reading| operation.starts_with(reading)) {
            return Err("the answer is empty".into());
        }
        Ok(())
    }
}
