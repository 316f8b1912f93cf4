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

/// A command that has ended.
pub(crate) struct Finished {
    /// The command line, for messages.
    pub(crate) command: String,
    /// Data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
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
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.furnish(&mut command);
        let shown = format!("{command:?}");
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{shown} does not start: {error}"));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        // A program may end before it has read everything; its exit code then tells.
        let _ = child.stdin.take().unwrap().write_all(input);
        let code = wait(&mut child, &shown);
        let text = |reader: JoinHandle<Vec<u8>>| {
            String::from_utf8(reader.join().unwrap()).expect("output is UTF-8")
        };
        Finished { command: shown, stdout: text(stdout), stderr: text(stderr), code }
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
