//! Incoming webhooks of Slack and Teams: one POST, in one attempt, and what its answer means.
//!
//! A webhook's address is its secret: it is read when it is needed, and no error has it, nor what
//! the client says of it. Redirects are not followed.

use std::error::Error;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::post::{Form, PostReady, cut};
use super::secret::{Secret, SecretRef, Secrets};
use super::sender::{Accepted, Cause, SendError};
use super::transmitted::is_refused_connection;

/// Bytes of an answer that are read. What webhooks say is short.
const ANSWER_BYTES_MAX: usize = 4_096;
/// Characters of an answer that are told.
const ANSWER_CHARS_MAX: usize = 200;

/// A webhook.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    form: Form,
    url: SecretRef,
    secrets: Secrets,
    limit: Duration,
}

impl Webhook {
    /// A webhook that takes posts of a form. Reading its address and calling it may take the limit
    /// together.
    pub(super) fn new(form: Form, url: SecretRef, secrets: Secrets, limit: Duration) -> Self {
        Self { form, url, secrets, limit }
    }

    /// The part of the limit for reading the address.
    pub(super) fn secret_limit(limit: Duration) -> Duration {
        limit / 3
    }

    pub(super) async fn post(&self, post: &PostReady) -> Result<Accepted, SendError> {
        let url = self.secrets.read(&self.url).await?;
        if !is_address(url.expose()) {
            let reason = format!("what {} holds is no https:// address", self.url);
            return Err(SendError::Refused { cause: Cause::Secret, reason });
        }
        let mut request = HttpRequest::new(SdkBody::from(post.bytes.clone()));
        let set = request.set_method("POST").is_ok() && request.set_uri(url.expose()).is_ok();
        if !set {
            let reason = format!("what {} holds is no address", self.url);
            return Err(SendError::Refused { cause: Cause::Secret, reason });
        }
        request.headers_mut().insert("content-type", "application/json; charset=utf-8");
        let limit = self.limit.saturating_sub(Self::secret_limit(self.limit));
        let answer = self.connector(limit).call(request).await;
        let mut answer = answer.map_err(|error| self.unanswered(&error))?;
        let status = answer.status().as_u16();
        let body = tokio::time::timeout(limit, beginning(&mut answer)).await.unwrap_or_default();
        self.meant(status, &body, &url, &post.sha256)
    }

    fn connector(&self, limit: Duration) -> Connector {
        let settings =
            HttpConnectorSettings::builder().connect_timeout(limit / 2).read_timeout(limit).build();
        Connector::builder()
            .connector_settings(settings)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build()
    }

    /// The client's own words may hold the address, so they are not used.
    fn unanswered(&self, error: &(dyn Error + 'static)) -> SendError {
        let mut source = Some(error);
        while let Some(link) = source {
            if is_refused_connection(link) {
                let reason = format!("{} cannot be reached", self.name());
                return SendError::Refused { cause: Cause::Unreachable, reason };
            }
            source = link.source();
        }
        SendError::Uncertain { reason: format!("{} did not answer", self.name()) }
    }

    /// What an answer means for the post.
    fn meant(
        &self,
        status: u16,
        body: &str,
        url: &Secret,
        sha256: &str,
    ) -> Result<Accepted, SendError> {
        let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = cut(&url.hidden_in(&words), ANSWER_CHARS_MAX);
        let reason = format!("{} answered {status}: {words}", self.name());
        let refused = |cause| Err(SendError::Refused { cause, reason: reason.clone() });
        match status {
            // The former connectors of Teams say so with 200.
            200..=299 if body.contains("failed with error") => {
                refused(if body.contains("429") { Cause::Throttled } else { Cause::Content })
            }
            200..=299 if self.is_yes(body) => {
                Ok(Accepted { message_id: sha256.chars().take(16).collect() })
            }
            429 => refused(Cause::Throttled),
            400 | 413 => refused(Cause::Content),
            401 | 403 | 404 | 410 => refused(Cause::Gone),
            // Nobody waited for the end.
            408 | 504 => Err(SendError::Uncertain { reason }),
            500.. => refused(Cause::Stumbled),
            300..=499 => refused(Cause::Other),
            // A success in words that are not the channel's.
            _ => Err(SendError::Uncertain { reason }),
        }
    }

    /// Slack says `ok`. What a workflow of Teams says is whatever its author has it say, so that
    /// it took the post is all that can be asked. A page of HTML is no workflow's: something
    /// between answered in its place.
    fn is_yes(&self, body: &str) -> bool {
        let body = body.trim();
        match self.form {
            Form::Slack => body == "ok",
            _ => !body.starts_with('<'),
        }
    }

    const fn name(&self) -> &'static str {
        match self.form {
            Form::Slack => "Slack's webhook",
            _ => "Teams' webhook",
        }
    }
}

/// Plain HTTP only within this machine.
fn is_address(text: &str) -> bool {
    let within = ["http://127.0.0.1:", "http://localhost:"];
    text.starts_with("https://") || within.iter().any(|start| text.starts_with(start))
}

/// The beginning of an answer's body, as text.
async fn beginning(answer: &mut HttpResponse) -> String {
    let mut body = ByteStream::new(answer.take_body());
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        // A body that breaks off has said what it has said.
        let Ok(Some(piece)) = body.try_next().await else { break };
        bytes.extend_from_slice(&piece[..piece.len().min(ANSWER_BYTES_MAX - bytes.len())]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
