//! A store whose process dies after a number of calls, for tests: everything after that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::{Store, Table};

/// A connection that a process has for so many calls, and then is gone. Where `answers` is false
/// the last call still reaches the table, and its answer is lost.
#[derive(Clone, Debug)]
struct Dying {
    inner: SharedHttpClient,
    calls_left: Arc<AtomicUsize>,
    answers: bool,
}

#[derive(Debug)]
struct DyingConnector {
    inner: SharedHttpConnector,
    calls_left: Arc<AtomicUsize>,
    answers: bool,
}

impl HttpClient for Dying {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(DyingConnector {
            inner: self.inner.http_connector(settings, components),
            calls_left: Arc::clone(&self.calls_left),
            answers: self.answers,
        })
    }
}

impl HttpConnector for DyingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let gone = || ConnectorError::user("the process is gone".into());
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.calls_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        let Ok(left) = left else {
            return HttpConnectorFuture::ready(Err(gone()));
        };
        let (answer, is_lost) = (self.inner.call(request), left == 1 && !self.answers);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if is_lost { Err(gone()) } else { Ok(answer) }
        })
    }
}

/// The store over such a connection; nothing of it is repeated, as nothing is after a kill.
pub(crate) fn dying(store: &Store, calls: usize, answers: bool) -> Store {
    let table = &store.ledger_table;
    let inner = table.client.config().http_client().unwrap();
    let calls_left = Arc::new(AtomicUsize::new(calls));
    let client = Dying { inner, calls_left, answers };
    let config = table.client.config().to_builder().http_client(client).build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    Store { ledger_table: Table::new(client, table.name.clone()), ..store.clone() }
}
