//! A server that speaks as much of SES v2's wire protocol as a `SendEmail` needs, and can fail as
//! no well-behaved HTTP library lets a server fail: by silence, or by hanging up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does once it has read a request whole.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Accept,
    /// A status, an error's code, and its message.
    Error(u16, &'static str, String),
    /// A status with something that is not JSON.
    Garbage(u16),
    Silence,
    HangUp,
}

#[derive(Clone)]
pub(crate) struct FakeSes {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl FakeSes {
    /// Gives the same answer to every request.
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::reacting(move |_| (Duration::ZERO, answer.clone())).await
    }

    /// Reacts to each request by its JSON: how long it takes, and what it answers.
    pub(crate) async fn reacting(
        react: impl Fn(&Value) -> (Duration, Answer) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, requests: Arc::default() };
        let requests = Arc::clone(&fake.requests);
        let react = Arc::new(react);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&react), Arc::clone(&requests)));
            }
        });
        fake
    }

    /// The requests so far: request line and JSON.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    react: Arc<impl Fn(&Value) -> (Duration, Answer)>,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
) {
    let Some((head, body)) = read_request(&mut stream).await else { return };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let (delay, answer) = react(&body);
    requests.lock().unwrap().push((line, body));
    tokio::time::sleep(delay).await;
    let (status, code, body) = match answer {
        Answer::HangUp => return,
        Answer::Silence => return std::future::pending().await,
        Answer::Accept => (200, "", json!({"MessageId": "0100-message"}).to_string()),
        Answer::Error(status, code, message) => {
            (status, code, json!({"message": message}).to_string())
        }
        Answer::Garbage(status) => (status, "", "<html>".to_owned()),
    };
    let error_type =
        if code.is_empty() { String::new() } else { format!("x-amzn-errortype: {code}\r\n") };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{error_type}\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    // Whoever asked may be gone by now.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

/// The head and the body of one request.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = head
                .lines()
                .filter_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")
                        .map(str::trim)
                        .map(str::parse)
                })
                .next()?
                .ok()?;
            while bytes.len() < end + 4 + length {
                stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
            }
            return Some((head, bytes[end + 4..].to_vec()));
        }
        stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
    }
}
