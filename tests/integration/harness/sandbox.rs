//! A folder, an environment, and the binary started in them.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any command of a test takes on a busy machine; a command that hangs fails its test
/// instead of holding up all of them.
const PATIENCE: Duration = Duration::from_secs(300);

/// A fresh folder that is removed at the end, and what the binary started in it gets to see.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// A command under way. It is killed where nobody waits for its end.
pub(crate) struct Running {
    command: String,
    /// Whether its stderr is a log in JSON.
    logs_json: bool,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// A command that has ended.
pub(crate) struct Finished {
    /// The command line, for messages.
    pub(crate) command: String,
    /// Data.
    pub(crate) stdout: String,
    /// Everything else, with the lines for people as a terminal shows them.
    pub(crate) stderr: String,
    /// The same as it was written: JSON, a line each event.
    pub(crate) log: String,
    /// The exit code; `None` where a signal ended the process.
    pub(crate) code: Option<i32>,
}

impl Sandbox {
    /// An empty folder, which is also the home folder of what runs in it.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// The same, with a variable set for what runs in it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, with the AWS SDK pointed at a DynamoDB server that takes any credentials.
    pub(crate) fn with_dynamodb(self, url: &str) -> Self {
        self.with("AWS_ENDPOINT_URL_DYNAMODB", url)
            .with("AWS_ACCESS_KEY_ID", "test")
            .with("AWS_SECRET_ACCESS_KEY", "test")
            .with("AWS_REGION", "us-east-1")
    }

    /// Where a file of the folder is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Runs `runledger` and waits for its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.run_with_input(arguments, b"")
    }

    /// Runs `runledger` with something on its standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        input: &[u8],
    ) -> Finished {
        self.run_program(Path::new(env!("CARGO_BIN_EXE_runledger")), arguments, input)
    }

    fn run_program<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: &[A],
        input: &[u8],
    ) -> Finished {
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        // A program may end before it has read everything; its exit code then tells.
        let _ = running.child.stdin.take().unwrap().write_all(input);
        running.wait()
    }

    /// Starts `runledger` with nothing on its standard input, and does not wait for it.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        Running::start(self.command(Path::new(env!("CARGO_BIN_EXE_runledger")), arguments))
    }

    /// A program in the folder and the environment, not yet started.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.furnish(&mut command);
        command
    }

    /// Nothing is inherited but the path to programs and where temporary files go. The instance
    /// metadata service is switched off because asking for it costs seconds outside AWS.
    fn furnish(&self, command: &mut Command) {
        command.env_clear();
        for kept in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

impl Running {
    /// Starts a command whose standard output and error are pipes.
    pub(crate) fn start(mut command: Command) -> Self {
        let shown = format!("{command:?}");
        let logs_json = command.get_program() == env!("CARGO_BIN_EXE_runledger")
            && !command.get_envs().any(|(name, _)| name == "RUNLEDGER_LOG_FORMAT");
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{shown} does not start: {error}"));
        let stdout = child.stdout.take().map(drain);
        let stderr = child.stderr.take().map(drain);
        Self { command: shown, logs_json, child, stdout, stderr }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Tells it to stop, as an orchestrator does.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Finished {
        let code = wait(&mut self.child, &self.command);
        let text = |reader: &mut Option<JoinHandle<Vec<u8>>>| {
            let bytes = reader.take().map(|reader| reader.join().unwrap()).unwrap_or_default();
            String::from_utf8(bytes).expect("output is UTF-8")
        };
        let (stdout, log) = (text(&mut self.stdout), text(&mut self.stderr));
        // Who is killed may leave half a line, and other programs write what they like.
        let stderr = for_people(&log, self.logs_json && code.is_some());
        Finished { command: std::mem::take(&mut self.command), stdout, stderr, log, code }
    }

    /// Kills it as `kill -9` does: nothing of its own runs any more. Where it had ended by then,
    /// the exit code is what it ended with.
    pub(crate) fn kill(mut self) -> Finished {
        self.child.kill().unwrap();
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a test that failed meanwhile; one that has been waited for is not there any more.
        let _ = self.child.kill();
    }
}

impl Finished {
    /// Asserts the exit code, and shows everything where it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// What the command printed, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.command, self.stdout))
    }
}

/// A log's lines for people as a terminal shows them, between the others. Everything that is
/// written to stderr must be JSON, whatever the test is about.
#[track_caller]
fn for_people(log: &str, strictly: bool) -> String {
    let mut shown = String::new();
    for line in log.lines() {
        let event: serde_json::Value = match serde_json::from_str(line) {
            Ok(event) => event,
            Err(error) => {
                assert!(!strictly, "{error}: {line}");
                serde_json::Value::Null
            }
        };
        if event["target"] != "told" {
            shown += &format!("{line}\n");
            continue;
        }
        let field = |name: &str| event["fields"][name].as_str();
        shown += &match (field("error"), event["level"].as_str()) {
            (Some(error), _) => format!("error: {error}\n"),
            (None, Some("WARN")) => format!("warning: {}\n", field("message").unwrap()),
            (None, _) => format!("{}\n", field("message").unwrap()),
        };
        shown += &field("hint").map_or_else(String::new, |hint| format!("hint: {hint}\n"));
    }
    shown
}

/// Reads a pipe in a thread of its own, because a child that fills one pipe while the other is
/// waited for would wait for ever.
fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn wait(child: &mut Child, shown: &str) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{shown} did not end within {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A profile, a proxy or a log level of the person who runs the tests would change what they see.
#[test]
fn nothing_of_the_surroundings_gets_in() {
    let sandbox = Sandbox::new().with("RUNLEDGER_TEST_GIVEN", "here");
    let seen = sandbox.run_program::<&str>(Path::new("/usr/bin/env"), &[], b"").exits(0).stdout;
    let known = [
        "PATH",
        "TMPDIR",
        "LLVM_PROFILE_FILE",
        "HOME",
        "LC_ALL",
        "AWS_EC2_METADATA_DISABLED",
        "RUNLEDGER_TEST_GIVEN",
    ];
    for line in seen.lines() {
        let (name, _) = line.split_once('=').unwrap();
        assert!(known.contains(&name), "{name} got in");
    }
    assert!(seen.contains("RUNLEDGER_TEST_GIVEN=here\n"));
    assert!(seen.contains(&format!("HOME={}\n", sandbox.path("").display()).replace("/\n", "\n")));
}
