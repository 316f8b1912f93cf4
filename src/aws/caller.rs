//! Who the credentials belong to, and what time AWS has: both from one answer of STS, which needs
//! no permission. A clock that is wrong makes AWS refuse every signature, so the time is told of
//! refusals too.

use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::Timestamp;

use super::config::first_call;
use super::time::instant;
use super::{AwsError, Trouble};

/// Whose credentials are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// The role's or user's name, and nothing of the session: that is often a person's address.
    pub name: String,
}

/// What STS answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerAnswer {
    /// Who it is, or why that is not known.
    pub caller: Result<Caller, AwsError>,
    /// What time it was where the answer was written, in whole seconds; `None` without an answer.
    pub time: Option<Timestamp>,
}

/// Asks STS `GetCallerIdentity`, in a few attempts.
pub async fn caller_and_time(config: &SdkConfig) -> CallerAnswer {
    let action = "sts GetCallerIdentity";
    let date = AnswerDate::default();
    let answer = aws_sdk_sts::Client::new(&first_call(config))
        .get_caller_identity()
        .customize()
        .interceptor(date.clone())
        .send()
        .await;
    let nobody = || AwsError {
        action: action.to_owned(),
        trouble: Trouble::Other,
        message: "the answer names no account".to_owned(),
    };
    let caller = match answer {
        Ok(answer) => {
            let name = name_in(answer.arn().unwrap_or_default());
            answer.account.ok_or_else(nobody).map(|account| Caller { account, name })
        }
        Err(error) => Err(AwsError::new(action, &error)),
    };
    CallerAnswer { caller, time: date.take() }
}

/// The role or user that an ARN names: `arn:aws:sts::111122223333:assumed-role/NAME/SESSION`.
fn name_in(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let mut parts = resource.split('/');
    match (parts.next(), parts.next()) {
        (Some("assumed-role"), Some(role)) => format!("role {role}"),
        // Of a user's path only the last part is its name.
        (Some("user"), Some(first)) => format!("user {}", parts.next_back().unwrap_or(first)),
        (Some("root"), _) => "the root user".to_owned(),
        _ => "a caller of another kind".to_owned(),
    }
}

/// Keeps the `Date` header of the last answer to the call that it is given to.
#[derive(Clone, Debug, Default)]
struct AnswerDate(Arc<Mutex<Option<Timestamp>>>);

impl AnswerDate {
    fn take(&self) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for AnswerDate {
    fn name(&self) -> &'static str {
        "AnswerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let text = context.response().headers().get("date");
        let date = text.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            date.and_then(|date| instant(&date));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_named_without_its_session() {
        let name = |resource: &str| name_in(&format!("arn:aws:sts::111122223333:{resource}"));
        assert_eq!(name("assumed-role/Runledger/ada@example.com"), "role Runledger");
        assert_eq!(name("user/ada"), "user ada");
        assert_eq!(name("user/division/team/ada"), "user ada");
        assert_eq!(name("root"), "the root user");
        assert_eq!(name("federated-user/x"), "a caller of another kind");
        assert_eq!(name_in(""), "a caller of another kind");
    }
}
