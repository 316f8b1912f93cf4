//! DynamoDB's API answered in-process by `dynoxide-rs` (DynamoDB on SQLite), with no port open.
//!
//! The SDK's HTTP client is replaced by a connector that hands each request to the engine, so the
//! rest of the store has one implementation and does not know which of the two it talks to. What
//! the engine's own server checks before dispatching is not checked here: the store's tests run
//! against a real server too.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};

use super::StoreError;

/// What every SQLite file begins with (sqlite.org, "Database File Format", 1.3).
const HEADER: &[u8] = b"SQLite format 3\0";

/// What the name of a store ends in while it is being made.
const NEW: &str = ".new";

/// What the names of the files end in that SQLite keeps of one database; the first is the database.
const SQLITE_FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// How much a write may lose when the power fails. (A killed process loses nothing either way.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// SQLite's `synchronous=NORMAL`: the last writes may be lost. Runs can be collected again.
    Normal,
    /// SQLite's `synchronous=FULL`: an acknowledged write stays. What the delivery ledger needs.
    Full,
}

/// A file that is being opened: it is this process's alone until this is dropped, because two
/// processes that make one file at once get in each other's way. One that is made may be opened by
/// any number.
#[derive(Debug)]
pub(super) struct Opening {
    path: PathBuf,
    /// Held, not read: the lock goes with it.
    _lock: File,
}

impl Opening {
    /// Waits until nobody else is opening the file.
    ///
    /// # Errors
    /// When it is no database, or its folder cannot be written.
    pub(super) async fn begin(path: &Path) -> Result<Self, StoreError> {
        let cannot_open = |reason: String| cannot_open(path, reason);
        looks_like_a_database(path).map_err(cannot_open)?;
        let lock_path = beside(path, ".lock");
        let create = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = create.map_err(|error| {
            cannot_open(format!("cannot write {}: {error}", lock_path.display()))
        })?;
        // Whoever holds it may need this very thread to finish.
        let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
        let lock = locked.map_err(io::Error::from).flatten();
        let lock = lock.map_err(|error| cannot_open(error.to_string()))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where a store that is not there yet is to be made, to be [put in place](Self::put_in_place)
    /// when it is whole: the engine makes a table in several steps, and a process that is killed
    /// between them leaves a file that says there is a table where there is none.
    ///
    /// # Errors
    /// When what a killed process left there cannot be removed.
    pub(super) fn unmade(&self) -> Result<Option<PathBuf>, StoreError> {
        if std::fs::metadata(&self.path).is_ok_and(|file| file.len() > 0) {
            return Ok(None);
        }
        let new = beside(&self.path, NEW);
        for end in SQLITE_FILES {
            match std::fs::remove_file(beside(&new, end)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(cannot_open(&self.path, error.to_string()));
                }
                _ => {}
            }
        }
        Ok(Some(new))
    }

    /// Moves the store that was made to its place. Nobody may have it open any more.
    ///
    /// # Errors
    /// When somebody has, or it cannot be moved.
    pub(super) fn put_in_place(&self, new: &Path) -> Result<(), StoreError> {
        let cannot_open = |reason: String| cannot_open(&self.path, reason);
        // Closing the last connection moves everything into the one file.
        if SQLITE_FILES[1..].iter().any(|end| beside(new, end).exists()) {
            return Err(cannot_open("the new store was not closed".to_owned()));
        }
        std::fs::rename(new, &self.path).map_err(|error| cannot_open(error.to_string()))
    }
}

fn cannot_open(path: &Path, reason: String) -> StoreError {
    StoreError::OpenFile { path: path.to_owned(), reason }
}

/// The path with something more at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A DynamoDB client for the database in a file, which is to be held by an [`Opening`] meanwhile.
pub(super) fn client(
    path: &Path,
    durability: Durability,
) -> Result<aws_sdk_dynamodb::Client, StoreError> {
    let cannot_open = |reason: String| cannot_open(path, reason);
    let text = path.to_str().ok_or_else(|| cannot_open("the path is not UTF-8".into()))?;
    let database = Database::new(text).map_err(|error| cannot_open(error.to_string()))?;
    if durability == Durability::Normal {
        // The engine has no other switch for `synchronous=NORMAL`; it sets just that.
        database.disable_bulk_loading().map_err(|error| cannot_open(error.to_string()))?;
    }
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::from_static("embedded"))
        .allow_no_auth()
        .http_client(Connector { database })
        .stalled_stream_protection(
            aws_sdk_dynamodb::config::StalledStreamProtectionConfig::disabled(),
        )
        .build();
    Ok(aws_sdk_dynamodb::Client::from_conf(config))
}

/// The databases that this process has looked at, each held open as long as it is there. A process
/// that closes any handle of a file gives up all its locks on it, those of SQLite too (fcntl(2),
/// "Record locking"): somebody else who closes the store would then be the last who has it open,
/// and take away the log that this process goes on writing to.
static LOOKED_AT: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Tells what is plainly something else before anything is written beside it.
fn looks_like_a_database(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match path.parent() {
            Some(folder) if !folder.is_dir() => {
                Err(format!("there is no folder {}", folder.display()))
            }
            _ => Ok(()),
        },
        Err(error) => Err(error.to_string()),
        Ok(data) if data.is_dir() => Err("it is a folder".to_owned()),
        Ok(data) => {
            let is_one = is_database(path, &data).map_err(|error| error.to_string())?;
            let what = "it is something else than a database, and stays as it is";
            is_one.then_some(()).ok_or_else(|| what.to_owned())
        }
    }
}

fn is_database(path: &Path, data: &Metadata) -> io::Result<bool> {
    // Whoever panicked left a list of files.
    let mut looked_at = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    looked_at.retain(|file| file.metadata().is_ok_and(|data| data.nlink() > 0));
    let id = |data: &Metadata| (data.dev(), data.ino());
    if looked_at.iter().any(|file| file.metadata().is_ok_and(|other| id(&other) == id(data))) {
        return Ok(true);
    }
    let mut begin = Vec::new();
    let file = File::open(path)?;
    (&file).take(HEADER.len() as u64).read_to_end(&mut begin)?;
    // A new database is empty until its first write.
    let is_database = begin.is_empty() || begin == HEADER;
    if is_database {
        looked_at.push(file);
    }
    Ok(is_database)
}

#[derive(Clone)]
struct Connector {
    database: Database,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("embedded DynamoDB")
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.database.clone();
        HttpConnectorFuture::new(async move {
            let operation = request
                .headers()
                .get("x-amz-target")
                .and_then(|target| target.rsplit('.').next())
                .unwrap_or_default()
                .to_owned();
            let body = request.into_body();
            // SQLite blocks; the runtime's own threads must not.
            let (status, answer) = tokio::task::spawn_blocking(move || {
                answer(&database, &operation, body.bytes().unwrap_or(b"{}"))
            })
            .await
            .map_err(|error| ConnectorError::other(error.into(), None))?;
            let status = StatusCode::try_from(status)
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn answer(database: &Database, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
    match dispatch(database, operation, body) {
        Ok(answer) => (200, answer),
        Err(error) => (error.status_code(), error.to_json().into_bytes()),
    }
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> dynoxide::Result<Vec<u8>> {
    macro_rules! operations {
        ($($name:literal => $method:ident),* $(,)?) => {
            match operation {
                $($name => {
                    let request = serde_json::from_slice(body)
                        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
                    let response = database.$method(request)?;
                    serde_json::to_vec(&response)
                        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
                })*
                other => Err(DynoxideError::ValidationException(format!(
                    "the embedded store does not serve {other}"
                ))),
            }
        };
    }
    operations!(
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
        "PutItem" => put_item,
        "GetItem" => get_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "Query" => query,
        "TransactWriteItems" => transact_write_items,
    )
}
