//! A table that is too busy for some transactions, as a new one on AWS is for a large import.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::*;
use crate::model::{Engine, RunIdentity, RunState};
use crate::store::StoreSettings;

/// A connection on which so many transactions are cancelled for want of capacity.
#[derive(Clone, Debug)]
struct Busy {
    inner: SharedHttpClient,
    left: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct BusyConnector {
    inner: SharedHttpConnector,
    left: Arc<AtomicUsize>,
}

impl HttpClient for Busy {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(BusyConnector { inner, left: Arc::clone(&self.left) })
    }
}

impl HttpConnector for BusyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let is_transaction = target.ends_with("TransactWriteItems");
        let less = |left: usize| left.checked_sub(1);
        if !is_transaction
            || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err()
        {
            return self.inner.call(request);
        }
        // The words of the API reference, "TransactionCanceledException".
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message":"Transaction cancelled, please refer cancellation reasons",
            "CancellationReasons":[{"Code":"ThrottlingError","Message":"Throughput exceeds"},
                                   {"Code":"None"}]}"#;
        let status = StatusCode::try_from(400).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

#[tokio::test]
async fn transactions_cancelled_for_want_of_capacity_are_written_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let mut store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let inner = store.table.client.config().http_client().unwrap();
    let left = Arc::new(AtomicUsize::new(4));
    let busy = Busy { inner, left: Arc::clone(&left) };
    let config = store.table.client.config().to_builder().http_client(busy).build();
    store.table.client = aws_sdk_dynamodb::Client::from_conf(config);

    let run = |number: u32| {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: format!("jr_{number}"),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Failed);
        run.ended_at = Some("2026-11-10T10:00:00Z".parse().unwrap());
        run
    };
    let runs: Vec<JobRun> = (0..250).map(run).collect();
    let now = "2026-11-16T06:00:00Z".parse().unwrap();
    let saved = store.save_runs(runs, now).await.unwrap();
    assert_eq!((saved.new, saved.changed, saved.unchanged), (250, 0, 0));
    assert_eq!(left.load(Ordering::SeqCst), 0, "the table was busy");
}
