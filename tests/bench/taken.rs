//! Runs the real binary as a process of its own and tells what it took, as the kernel counted it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// What `measure.py` writes.
#[derive(Deserialize)]
pub(crate) struct Taken {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) peak_mb: f64,
    code: i32,
}

impl Taken {
    /// What a command took in a folder, with a store, at a time.
    pub(crate) fn by(folder: &Path, store: &str, now: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/measure.py");
        let result = folder.join("taken.json");
        let binary = env!("CARGO_BIN_EXE_runledger");
        let status = Command::new("python3")
            .args([script.as_os_str(), result.as_os_str(), OsStr::new(binary)])
            .args(["--quiet", "--store", store, "--now", now])
            .args(arguments)
            .current_dir(folder)
            .envs(server_environment())
            .status()
            .expect("python3 starts");
        assert!(status.success(), "measure.py failed");
        let taken = std::fs::read(&result).expect("measure.py wrote its result");
        let taken: Self = serde_json::from_slice(&taken).expect("a result");
        assert_eq!(taken.code, 0, "{arguments:?}");
        taken
    }
}

/// Points the SDK at the server, whose credentials may be anything.
fn server_environment() -> Vec<(&'static str, String)> {
    let Ok(url) = std::env::var("RUNLEDGER_TEST_DYNAMODB_URL") else { return Vec::new() };
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", url),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}
