//! Software of others that tests may talk to: where it is, and a plain way to ask it.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The DynamoDB server that `tests/run.sh` started, as `http://127.0.0.1:PORT`.
pub(crate) fn dynamodb_url() -> Option<String> {
    peer("RUNLEDGER_TEST_DYNAMODB_URL")
}

/// The SES server that `tests/run.sh` started. What it took is at `GET /store`.
pub(crate) fn ses_url() -> Option<String> {
    peer("RUNLEDGER_TEST_SES_URL")
}

/// The S3 server that `tests/run.sh` started.
pub(crate) fn s3_url() -> Option<String> {
    peer("RUNLEDGER_TEST_S3_URL")
}

/// The Python of `tests/run.sh`, with the software in it that reads tables.
pub(crate) fn table_readers() -> Option<PathBuf> {
    peer("RUNLEDGER_TEST_PYTHON").map(PathBuf::from)
}

/// The moto server that `tests/run.sh` started: SQS, and others of AWS.
pub(crate) fn moto_url() -> Option<String> {
    peer("RUNLEDGER_TEST_MOTO_URL")
}

fn peer(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        skipped(&format!("{variable} is not set; tests/run.sh starts the peers and sets it"));
    }
    url
}

/// Says that a test did not test what it is for. Straight to the terminal, because the test runner
/// shows what a passing test prints to no one.
pub(crate) fn skipped(why: &str) {
    told(&format!("SKIPPED {why}"));
}

/// Says something of the running test straight to the terminal.
pub(crate) fn told(what: &str) {
    let current = std::thread::current();
    let test = current.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{test}: {what}");
}

/// A file below `tests/`.
pub(crate) fn beside_tests(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// What a Python script prints. It runs in the environment of the tests, because where Python is
/// may depend on it.
pub(crate) fn python(script: &Path, arguments: &[&OsStr]) -> String {
    python_of(Path::new("python3"), script, arguments)
}

/// The same with another Python than the machine's own.
pub(crate) fn python_of(python: &Path, script: &Path, arguments: &[&OsStr]) -> String {
    let output = Command::new(python).arg(script).args(arguments).output();
    let output =
        output.unwrap_or_else(|e| panic!("{}, which tests/run.sh asks for: {e}", python.display()));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", script.display());
    String::from_utf8(output.stdout).unwrap()
}

/// The status and body of a plain HTTP/1.0 request, which every peer answers and closes.
pub(crate) fn http_get(url: &str, path: &str) -> (u16, String) {
    let address =
        url.strip_prefix("http://").expect("peers speak plain HTTP").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{url}: {e}"));
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("an HTTP status"), body.to_owned())
}
