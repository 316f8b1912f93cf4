//! A file over HTTP or HTTPS, in pieces, with the SDK's own client: AWS publishes some of its data
//! as plain files, some of them larger than memory should be asked for.

use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::byte_stream::ByteStream;

use super::{AwsError, Trouble};

/// How often a file is asked for before it is given up.
const ATTEMPTS: u32 = 3;
const PAUSE_BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer may take to begin, and each piece of it to come.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// A file on its way.
#[derive(Debug)]
pub struct Download {
    url: String,
    body: ByteStream,
}

impl Download {
    /// Asks for a file, and again where the server stumbles.
    ///
    /// # Errors
    /// When it cannot be reached, or has no such file.
    pub async fn open(url: &str) -> Result<Self, AwsError> {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(PIECE_TIMEOUT)
            .build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build();
        let mut attempt = 1;
        loop {
            match ask(&connector, url).await {
                Err(error) if error.trouble == Trouble::Unreachable && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE_BETWEEN_ATTEMPTS * attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(mut response) => {
                    let body = ByteStream::new(response.take_body());
                    return Ok(Self { url: url.to_owned(), body });
                }
            }
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks or stands still.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AwsError> {
        let broken = |message: String| AwsError {
            action: action(&self.url),
            trouble: Trouble::Unreachable,
            message,
        };
        match tokio::time::timeout(PIECE_TIMEOUT, self.body.try_next()).await {
            Ok(Ok(piece)) => Ok(piece.map(|piece| piece.to_vec())),
            Ok(Err(error)) => Err(broken(format!("the connection broke: {error}"))),
            Err(_) => Err(broken("the connection stands still".to_owned())),
        }
    }
}

fn action(url: &str) -> String {
    format!("GET {url}")
}

async fn ask(connector: &Connector, url: &str) -> Result<HttpResponse, AwsError> {
    let failed = |trouble, message: String| AwsError { action: action(url), trouble, message };
    let request =
        HttpRequest::get(url).map_err(|error| failed(Trouble::Other, error.to_string()))?;
    let response = connector.call(request).await.map_err(|error| {
        // An address that is none is the caller's fault; all else is the way there.
        let trouble = if error.is_user() { Trouble::Other } else { Trouble::Unreachable };
        AwsError { trouble, ..AwsError::chain(action(url), &error) }
    })?;
    let status = response.status().as_u16();
    let trouble = match status {
        200 => return Ok(response),
        401 | 403 => Trouble::AccessDenied,
        404 | 410 => Trouble::NotFound,
        429 | 500.. => Trouble::Unreachable,
        _ => Trouble::Other,
    };
    Err(failed(trouble, format!("the server answered HTTP {status}")))
}
