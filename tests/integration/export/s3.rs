//! Exports into S3: against moto, which takes objects as S3 does, and against a server that breaks
//! off in the middle.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri};
use runledger::aws::{S3, S3Address};

use super::Exports;
use crate::harness::{Sandbox, s3_url};

async fn config(url: &str) -> SdkConfig {
    let loaded = runledger::aws::load(&runledger::aws::Calls::default()).await.into_builder();
    loaded
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "t", "t", None, None, "test",
        )))
        .endpoint_url(url)
        .build()
}

/// A bucket of its own for a test.
async fn bucket(url: &str, name: &str) -> (aws_sdk_s3::Client, String) {
    let settings = aws_sdk_s3::config::Builder::from(&config(url).await).force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(settings.build());
    let bucket = format!("{name}-{}", std::process::id());
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (client, bucket)
}

async fn object(client: &aws_sdk_s3::Client, bucket: &str, key: &str) -> Vec<u8> {
    let answer = client.get_object().bucket(bucket).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_export_becomes_an_object() {
    let Some(url) = s3_url() else { return };
    let (client, bucket) = bucket(&url, "export").await;
    let exports = Exports::of_three_days();
    let sandbox = exports.sandbox.with("AWS_ENDPOINT_URL_S3", &url);
    let sandbox = sandbox.with("AWS_ACCESS_KEY_ID", "t").with("AWS_SECRET_ACCESS_KEY", "t");
    let exports = Exports { sandbox: sandbox.with("AWS_REGION", "us-east-1"), ..exports };
    let order = |target: &str| exports.export(&["runs", "--week", "2026-W46", "-o", target]);
    order("runs.parquet").exits(0);
    let place = format!("s3://{bucket}/a folder/runs.parquet");
    let said = order(&place).exits(0).stderr;
    assert!(said.contains(&format!("to {place}")), "{said}");
    assert_eq!(
        object(&client, &bucket, "a folder/runs.parquet").await,
        exports.bytes("runs.parquet")
    );
    let refused = order("s3://no-such-bucket-anywhere/runs.csv").exits(1).stderr;
    assert!(refused.contains("s3 PutObject s3://no-such-bucket-anywhere/runs.csv"), "{refused}");
    assert!(refused.contains("NoSuchBucket"), "{refused}");
}

/// Some kilobytes over two parts, which no two parts of are alike.
fn large_file() -> (std::fs::File, Vec<u8>) {
    let bytes: Vec<u8> = (0..(33_u32 << 20) / 4).flat_map(u32::to_le_bytes).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    (file, bytes)
}

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let Some(url) = s3_url() else { return };
    let (client, bucket) = bucket(&url, "parts").await;
    let (file, bytes) = large_file();
    let place = S3Address { bucket: bucket.clone(), key: "large".to_owned() };
    S3::new(&config(&url).await).put(file, &place, "application/x-test").await.unwrap();
    assert!(object(&client, &bucket, "large").await == bytes);
    let head = client.head_object().bucket(&bucket).key("large").send().await.unwrap();
    assert_eq!(head.content_type(), Some("application/x-test"));
    assert!(head.e_tag().unwrap().contains("-3"), "three parts: {:?}", head.e_tag());
    let unfinished = client.list_multipart_uploads().bucket(&bucket).send().await.unwrap();
    assert!(unfinished.uploads().is_empty());
}

type Log = Arc<Mutex<Vec<String>>>;

/// Takes the first part and refuses the second.
async fn breaking(State(log): State<Log>, method: Method, uri: Uri) -> Response<String> {
    let query = uri.query().unwrap_or_default().to_owned();
    log.lock().unwrap().push(format!("{method} {query}"));
    let answer = Response::builder();
    let begun = "<InitiateMultipartUploadResult><UploadId>u1</UploadId>\
                 </InitiateMultipartUploadResult>";
    match method {
        Method::POST => answer.body(begun.to_owned()),
        Method::PUT if query.contains("partNumber=1") => {
            answer.header("etag", "\"1\"").body(String::new())
        }
        Method::DELETE => answer.status(StatusCode::NO_CONTENT).body(String::new()),
        _ => answer
            .status(StatusCode::FORBIDDEN)
            .body("<Error><Code>AccessDenied</Code><Message>quota</Message></Error>".to_owned()),
    }
    .unwrap()
}

#[tokio::test]
async fn parts_of_what_fails_are_given_up() {
    let log = Log::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let limit = axum::extract::DefaultBodyLimit::disable();
    let server = axum::Router::new().fallback(breaking).layer(limit).with_state(Arc::clone(&log));
    tokio::spawn(async move { axum::serve(listener, server).await });
    let place: S3Address = "s3://lake/large".parse().unwrap();
    let put = S3::new(&config(&url).await).put(large_file().0, &place, "text/csv").await;
    let error = put.unwrap_err().to_string();
    assert_eq!(error, "s3 UploadPart 2 of s3://lake/large: AccessDenied: quota");
    let log = log.lock().unwrap();
    let last = log.last().unwrap();
    assert!(last.starts_with("DELETE ") && last.contains("uploadId=u1"), "{log:?}");
    assert_eq!(log.iter().filter(|line| line.starts_with("POST ")).count(), 1, "{log:?}");
}

/// Nothing listens there: AWS is unavailable.
#[test]
fn a_server_that_is_not_there_is_told_apart() {
    let exports = Exports::of_three_days();
    let sandbox = exports.sandbox.with("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    let sandbox: Sandbox =
        sandbox.with("AWS_ACCESS_KEY_ID", "t").with("AWS_SECRET_ACCESS_KEY", "t");
    let sandbox = sandbox.with("AWS_REGION", "us-east-1").with("AWS_MAX_ATTEMPTS", "1");
    let exports = Exports { sandbox, ..exports };
    let order = ["runs", "--week", "2026-W46", "-o", "s3://lake/runs.csv"];
    exports.export(&order).exits(5);
}
