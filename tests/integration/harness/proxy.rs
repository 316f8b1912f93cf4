//! A bad connection: a server in between, over which the real binary speaks HTTP/1.1 to another
//! one, and which does to each call what it is told to: lets it through, hangs up before or after
//! the other has heard it, cuts the answer, or answers itself.
//!
//! It counts what it did. It knows neither the services nor what is asked of them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is done to one call: whether the other hears it, and what is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deed {
    /// Whether the call is forwarded.
    pub(crate) heard: bool,
    /// What comes back.
    pub(crate) reply: Reply,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    /// What the other answered.
    Theirs,
    /// The same after a while.
    Late(Duration),
    /// Nothing: the connection is closed.
    HangUp,
    /// The head and so many thousandths of the body, less than its length says.
    Cut(u64),
    /// The same with a length that says it is the whole.
    Shortened(u64),
    /// A status with nothing else.
    Bare(u16),
    /// A status and an error's code, as JSON services and STS write it.
    Error(u16, &'static str),
    /// 200 with bytes that are no JSON.
    Garbage,
}

impl Deed {
    pub(crate) const PASS: Self = Self { heard: true, reply: Reply::Theirs };

    /// Answered without the other's knowledge.
    pub(crate) const fn unheard(reply: Reply) -> Self {
        Self { heard: false, reply }
    }

    /// A word for the count.
    fn name(self) -> String {
        let heard = if self.heard { "heard" } else { "unheard" };
        match self.reply {
            Reply::Theirs => "passed".to_owned(),
            Reply::Late(_) => "late".to_owned(),
            Reply::HangUp => format!("hung up, {heard}"),
            Reply::Cut(_) => "cut".to_owned(),
            Reply::Shortened(_) => "shortened".to_owned(),
            Reply::Bare(status) => format!("{status}, {heard}"),
            Reply::Error(_, code) => code.to_owned(),
            Reply::Garbage => format!("garbage, {heard}"),
        }
    }
}

/// Decides by a call's operation: the end of `x-amz-target`, else method and path.
type Decide = Box<dyn FnMut(&str) -> Deed + Send>;

struct Shared {
    upstream: SocketAddr,
    decide: Mutex<Decide>,
    done: Mutex<BTreeMap<String, u64>>,
    closed: AtomicBool,
}

/// The connection, open as long as this is held.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Proxy {
    /// A good connection to a server on this machine, `http://127.0.0.1:PORT`.
    pub(crate) fn to(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            decide: Mutex::new(Box::new(|_| Deed::PASS)),
            done: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.closed.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&served)) else { continue };
                // Whoever asked may be gone by now, killed by its test.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { shared, address }
    }

    /// The address, as `AWS_ENDPOINT_URL` takes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does from now on to each call what is decided for its operation.
    pub(crate) fn does(&self, decide: impl FnMut(&str) -> Deed + Send + 'static) {
        *self.shared.decide.lock().unwrap() = Box::new(decide);
    }

    /// Lets everything through from now on.
    pub(crate) fn passes(&self) {
        self.does(|_| Deed::PASS);
    }

    /// What was done so far, by name.
    pub(crate) fn done(&self) -> BTreeMap<String, u64> {
        self.shared.done.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Serves one call; the connection is closed after it, so that each call is decided on.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let call = Call::read(&mut stream)?;
        let deed = (self.decide.lock().unwrap())(&call.operation());
        *self.done.lock().unwrap().entry(deed.name()).or_default() += 1;
        let answer = if deed.heard { self.forward(&call)? } else { Vec::new() };
        match deed.reply {
            Reply::Theirs => stream.write_all(&answer)?,
            Reply::Late(delay) => {
                thread::sleep(delay);
                stream.write_all(&answer)?;
            }
            Reply::HangUp => {}
            Reply::Cut(part) => stream.write_all(&answer[..cut_at(&answer, part)])?,
            Reply::Shortened(part) => stream.write_all(&shortened(&answer, part))?,
            Reply::Bare(status) => stream.write_all(&reply(status, "", b""))?,
            Reply::Error(status, code) => stream.write_all(&call.error(status, code))?,
            Reply::Garbage => {
                stream.write_all(&reply(200, "", b"<html>Welcome to the hotel</html>"))?;
            }
        }
        // In order: what is written still arrives, and then the end.
        stream.shutdown(Shutdown::Write)
    }

    /// The other's whole answer, after which it closes.
    fn forward(&self, call: &Call) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        let (line, headers) = call.head.split_once("\r\n").unwrap_or((&call.head, ""));
        let head = format!("{line}\r\nconnection: close\r\n{headers}\r\n\r\n");
        upstream.write_all(head.as_bytes())?;
        upstream.write_all(&call.body)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// A request: its head without the empty line, and its body.
struct Call {
    head: String,
    body: Vec<u8>,
}

impl Call {
    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = head_end(&bytes) {
                break end;
            }
            more(stream, &mut bytes)?;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|text| text.parse().ok());
        while bytes.len() < end + 4 + length.unwrap_or(0) {
            more(stream, &mut bytes)?;
        }
        Ok(Self { head, body: bytes.split_off(end + 4) })
    }

    fn operation(&self) -> String {
        let line = || self.head.lines().next().unwrap_or_default();
        let path = || line().rsplit_once(' ').map_or("", |(path, _)| path);
        header(&self.head, "x-amz-target")
            .map_or_else(path, |target| target.rsplit('.').next().unwrap_or(target))
            .to_owned()
    }

    /// An error in the protocol of the call: forms are answered in XML, all else in JSON.
    fn error(&self, status: u16, code: &str) -> Vec<u8> {
        let form = header(&self.head, "content-type").is_some_and(|kind| kind.contains("form"));
        let message = "not now";
        let body = if form {
            format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
                 </ErrorResponse>"
            )
        } else {
            serde_json::json!({ "__type": code, "message": message }).to_string()
        };
        reply(status, &format!("x-amzn-errortype: {code}\r\n"), body.as_bytes())
    }
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    match stream.read(&mut piece)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend_from_slice(&piece[..read]);
            Ok(())
        }
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n")
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// Where an answer is cut: within its body.
fn cut_at(answer: &[u8], part: u64) -> usize {
    let body = head_end(answer).map_or(answer.len(), |end| end + 4);
    body + (answer.len() - body) * usize::try_from(part).unwrap() / 1000
}

/// The answer with less of a body, and a length that fits it.
fn shortened(answer: &[u8], part: u64) -> Vec<u8> {
    let Some(end) = head_end(answer) else { return Vec::new() };
    let body = &answer[end + 4..cut_at(answer, part)];
    let head = String::from_utf8_lossy(&answer[..end]);
    let kept = head.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("content-length:") && !line.starts_with("transfer-encoding:")
    });
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    [format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn reply(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
