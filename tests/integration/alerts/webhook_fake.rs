//! A webhook on the wire, which answers as told: well, badly, not at all, or in no HTTP.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::delivery::ses_fake::read_request;

/// The part of its address that nobody may see.
pub(super) const SECRET: &str = "T0SECRET/B0HIDDEN/Zm9vYmFyYmF6";

/// What the webhook does once it has read a post.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    Answers(u16, &'static str),
    /// An answer that repeats the path that was asked for.
    RepeatsPath(u16),
    Hangs,
    HangsUp,
    /// Bytes that are no HTTP.
    Garbage,
    /// A body without an end.
    Endless,
}

/// A post as it came: its head and its JSON.
pub(super) type Came = (String, serde_json::Value);

pub(super) struct Webhook {
    address: std::net::SocketAddr,
    does: Arc<Mutex<Does>>,
    came: Arc<Mutex<Vec<Came>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Webhook {
    pub(super) fn start(does: Does) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
        let (does, came) = (Arc::new(Mutex::new(does)), Arc::new(Mutex::new(Vec::new())));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (to_do, coming) = (Arc::clone(&does), Arc::clone(&came));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&to_do), Arc::clone(&coming)));
            }
        });
        Self { address, does, came, _runtime: runtime }
    }

    /// Its address, the secret in it.
    pub(super) fn url(&self) -> String {
        format!("http://{}/services/{SECRET}", self.address)
    }

    pub(super) fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, does: Arc<Mutex<Does>>, came: Arc<Mutex<Vec<Came>>>) {
    let Some((head, body)) = read_request(&mut stream).await else { return };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    came.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
    let does = *does.lock().unwrap();
    let (status, body) = match does {
        Does::Answers(status, body) => (status, body.to_owned()),
        Does::RepeatsPath(status) => (status, format!("no {path} here")),
        Does::Hangs => return std::future::pending().await,
        Does::HangsUp => return,
        Does::Garbage => {
            let _ = stream.write_all(b"\x16\x03\x01 what?\r\n\r\n").await;
            return;
        }
        Does::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head).await;
            while stream.write_all(b"4\r\nokok\r\n").await.is_ok() {}
            return;
        }
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // Whoever asked may be gone by now.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}
