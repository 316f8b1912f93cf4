//! Looking whether SES would take mails: the account, the sender's identity, the configuration set,
//! and what SES knows of recipients. Sends nothing: that is `delivery`'s.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::types::DkimStatus;

use crate::aws::{AwsError, Trouble};
use crate::model::Address;

/// SES lets an account ask such questions about once a second, and refuses those that are asked
/// faster; unlike a mail they can be asked again without harm.
const ATTEMPTS: u32 = 5;

/// The account as SES sees it in the region used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SesAccount {
    /// Whether it may write to anybody; in the sandbox only to who is verified.
    pub is_in_production: bool,
    /// Whether sending is on.
    pub may_send: bool,
    /// Mails that the last 24 hours leave of the quota; `None` where there is no limit.
    pub mails_left: Option<f64>,
}

/// An address or domain that SES knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SesIdentity {
    /// Whether it is the domain rather than the address that is known.
    pub is_domain: bool,
    /// Whether mail may come from it.
    pub is_verified: bool,
    /// Whether mails are signed with its DKIM key.
    pub has_dkim: bool,
}

/// SES in one region, to be looked at.
#[derive(Clone, Debug)]
pub struct SesLook {
    client: Client,
    configuration_set: Option<String>,
}

impl SesLook {
    /// With the SDK's shared configuration. Nothing is asked yet.
    #[must_use]
    pub fn new(shared: &SdkConfig, configuration_set: Option<String>) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = aws_sdk_sesv2::config::Builder::from(shared).retry_config(retry).build();
        Self { client: Client::from_conf(config), configuration_set }
    }

    /// The account's standing.
    ///
    /// # Errors
    /// When SES cannot be asked.
    pub async fn look_at_account(&self) -> Result<SesAccount, AwsError> {
        let answer = self
            .client
            .get_account()
            .send()
            .await
            .map_err(|error| AwsError::new("ses GetAccount", &error))?;
        // A quota of -1 is none.
        let quota = answer.send_quota().filter(|quota| quota.max24_hour_send() >= 0.0);
        Ok(SesAccount {
            is_in_production: answer.production_access_enabled(),
            may_send: answer.sending_enabled(),
            mails_left: quota.map(|quota| quota.max24_hour_send() - quota.sent_last24_hours()),
        })
    }

    /// What SES knows of an address: itself, or its domain, or one that this is below; `None` where
    /// it knows none of them.
    ///
    /// # Errors
    /// When SES cannot be asked.
    pub async fn look_at_identity(
        &self,
        address: &Address,
    ) -> Result<Option<SesIdentity>, AwsError> {
        let mut best = None;
        for name in names_of(address) {
            match self.look_at_name(&name).await {
                Ok(identity) if identity.is_verified => return Ok(Some(identity)),
                // A domain may be verified where the address never was.
                Ok(identity) => best = best.or(Some(identity)),
                Err(error) if error.trouble == Trouble::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(best)
    }

    async fn look_at_name(&self, name: &str) -> Result<SesIdentity, AwsError> {
        let call = self.client.get_email_identity().email_identity(name);
        let answer =
            call.send().await.map_err(|error| AwsError::new("ses GetEmailIdentity", &error))?;
        let dkim = answer.dkim_attributes();
        Ok(SesIdentity {
            is_domain: !name.contains('@'),
            is_verified: answer.verified_for_sending_status(),
            has_dkim: dkim.is_some_and(|dkim| {
                dkim.signing_enabled() && dkim.status() == Some(&DkimStatus::Success)
            }),
        })
    }

    /// Why SES sends nothing to an address, `BOUNCE` or `COMPLAINT`; `None` where it does.
    ///
    /// # Errors
    /// When SES cannot be asked.
    pub async fn look_at_suppression(&self, of: &Address) -> Result<Option<String>, AwsError> {
        let call = self.client.get_suppressed_destination().email_address(of.mailbox());
        match call.send().await {
            Ok(answer) => {
                let reason = answer.suppressed_destination.map(|found| found.reason);
                Ok(reason.map(|reason| reason.as_str().to_owned()))
            }
            Err(error) => match AwsError::new("ses GetSuppressedDestination", &error) {
                error if error.trouble == Trouble::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Whether the configuration set exists; `None` where none is configured.
    pub async fn look_at_configuration_set(&self) -> Option<Result<bool, AwsError>> {
        let name = self.configuration_set.as_ref()?;
        let call = self.client.get_configuration_set().configuration_set_name(name);
        Some(match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match AwsError::new("ses GetConfigurationSet", &error) {
                error if error.trouble == Trouble::NotFound => Ok(false),
                error => Err(error),
            },
        })
    }
}

/// Whatever SES may know an address by: itself, its domain, and the domains above that.
fn names_of(address: &Address) -> Vec<String> {
    let mut names = vec![address.mailbox().to_owned()];
    let mut domain = address.domain();
    while domain.contains('.') {
        names.push(domain.to_owned());
        domain = domain.split_once('.').map_or("", |(_, above)| above);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_itself_its_domain_or_one_above() {
        let address = "Reports <Ada@mail.example.com>".parse().unwrap();
        assert_eq!(names_of(&address), ["Ada@mail.example.com", "mail.example.com", "example.com"]);
    }
}
