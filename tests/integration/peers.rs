//! The peers that `tests/run.sh` starts are the ones the other tests believe to talk to.

use crate::harness::{dynamodb_url, http_get, ses_url};

/// DynamoDB Local refuses a request without a signature in DynamoDB's own words.
#[test]
fn the_dynamodb_peer_is_one() {
    let Some(url) = dynamodb_url() else { return };
    let (status, body) = http_get(&url, "/");
    assert_eq!(status, 400);
    assert!(body.contains("com.amazonaws.dynamodb"), "{body}");
}

/// The store that tests look into, to see what a mail service would have got.
#[test]
fn the_ses_peer_shows_what_it_took() {
    let Some(url) = ses_url() else { return };
    let (status, body) = http_get(&url, "/store");
    assert_eq!(status, 200);
    let store: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(store["emails"].is_array(), "{body}");
}
