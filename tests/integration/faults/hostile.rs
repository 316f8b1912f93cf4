//! Names, errors and tags that mean harm, all the way from a file to the screen and the mail.

use serde_json::{Value, json};

use super::company::{NOW, files_in};
use crate::harness::{Sandbox, beside_tests, python};

/// What a job may be called by somebody who means harm.
const NAMES: [&str; 9] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}clear",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "＝1+1",
    "line\r\nBcc: eve@example.org\r\n\r\nbody",
    "safe\u{202e}gnp.exe",
    "{{ company }}{% raw %}",
    "a\"onmouseover=\"x&amp;'",
];

/// A company of such jobs, each of which failed, owned by a team with such a name.
fn company() -> Sandbox {
    let sandbox = Sandbox::new();
    let team = "x\r\nBcc: mallory@example.org\u{1b}[2J";
    let configuration = format!(
        "account = \"111122223333\"\nregion = \"us-east-1\"\n\
         [mail]\nfrom = \"runledger@example.com\"\n\
         [reports.weekly]\nrecipients = [\"ada@example.com\"]\n\
         [reports.weekly.teams]\n{0} = [\"eve@example.com\"]\n\
         [[ownership.rules]]\njob = \".\"\nteam = {0}\n",
        json!(team)
    );
    sandbox.write("runledger.toml", configuration);
    let run = |(number, name): (usize, &&str)| {
        let started = format!("2026-11-10T09:{number:02}:00Z");
        json!({
            "Id": format!("jr_{number}{name}"), "JobName": name, "JobRunState": "FAILED",
            "StartedOn": started, "CompletedOn": "2026-11-10T10:00:00Z", "ErrorMessage": name,
            "ExecutionTime": 900, "WorkerType": "G.1X", "NumberOfWorkers": 6, "GlueVersion": "5.0",
            "Tags": {"team": team},
        })
        .to_string()
    };
    let runs: Vec<String> = NAMES.iter().enumerate().map(run).collect();
    sandbox.write("runs.jsonl", runs.join("\n"));
    sandbox.run(&["--now", NOW, "import", "runs.jsonl"]).exits(0);
    sandbox
}

/// Prints every element and attribute of a page, as Python's parser understands it.
const MARKUP: &str = "import html.parser, sys\n\
    class Names(html.parser.HTMLParser):\n    \
        def handle_starttag(self, tag, attributes):\n        \
            print(tag, *(name for name, _ in attributes))\n\
    Names().feed(open(sys.argv[1], encoding='utf-8').read())";

/// What a terminal or a reader's eye would obey: escapes, overrides, carriage returns.
fn steers(text: &str) -> Option<char> {
    text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}')
}

#[test]
fn hostile_names_reach_the_screen_as_text() {
    let sandbox = company();
    for format in ["text", "html", "web", "json"] {
        let arguments = ["--now", NOW, "report", "--last-week", "--format", format];
        let shown = sandbox.run(&arguments).exits(0).stdout;
        assert_eq!(steers(&shown), None, "{format}");
        assert!(shown.contains("alert(1)"), "{format} leaves the job out");
        if format == "html" || format == "web" {
            sandbox.write("shown.html", &shown);
            sandbox.write("read.py", MARKUP);
            let markup =
                python(&sandbox.path("read.py"), &[sandbox.path("shown.html").as_os_str()]);
            assert!(markup.contains("table") && markup.contains("style"), "{format}: {markup}");
            assert!(
                !markup.contains("script") && !markup.contains("onmouse"),
                "{format}: {markup}"
            );
        }
        assert!(!shown.contains("\nBcc:"), "{format}");
    }
}

#[test]
fn hostile_names_reach_the_mail_as_text() {
    let sandbox = company();
    let sent = sandbox.run(&["--now", NOW, "report", "--last-week", "--send"]).exits(0);
    assert_eq!(steers(&sent.stderr), None, "{:?}", sent.stderr);
    let outbox = sandbox.path("outbox");
    let names = files_in(&outbox).into_keys();
    let mails: Vec<String> = names.filter(|name| name.ends_with(".eml")).collect();
    assert_eq!(mails.len(), 2);
    for name in mails {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'), "{name:?}");
        let file = outbox.join(&name);
        let read = python(&beside_tests("oracle/read_mail.py"), &[file.as_os_str()]);
        let read: Value = serde_json::from_str(&read).unwrap();
        let headers: Vec<&Value> = read["headers"].as_array().unwrap().iter().collect();
        let forbidden = |header: &&&Value| {
            let name = header[0].as_str().unwrap().to_lowercase();
            name == "bcc" || name == "cc"
        };
        assert_eq!(headers.iter().filter(forbidden).count(), 0, "{headers:?}");
        let subject = headers.iter().find(|header| header[0] == "Subject").unwrap();
        assert_eq!(steers(subject[1].as_str().unwrap()), None);
        assert_eq!(read["mailboxes"]["To"].as_array().unwrap().len(), 1);
        let parts = &read["body"]["parts"];
        for part in parts[0]["parts"].as_array().unwrap() {
            let content = part["content"].as_str().unwrap().replace("\r\n", "\n");
            assert_eq!(steers(&content), None, "{}", part["type"]);
        }
        assert_eq!(parts.as_array().unwrap().len(), 3, "the text, the jobs and the failures");
    }
}

/// As Python's reader of CSV understands the attachment: no cell is one that a spreadsheet would
/// compute. Else the table is data, and a name in it is the name that AWS knows.
#[test]
fn hostile_names_are_no_formulas_in_the_tables() {
    let sandbox = company();
    sandbox.run(&["--now", NOW, "report", "--last-week", "--out", "files"]).exits(0);
    let script = "import csv, json, sys\n\
                  rows = csv.reader(open(sys.argv[1], encoding='utf-8', newline=''))\n\
                  print(json.dumps(list(rows)))";
    sandbox.write("read.py", script);
    for table in ["jobs", "failures"] {
        let file = sandbox.path("files").join(format!("weekly-2026-W46.{table}.csv"));
        let rows = python(&sandbox.path("read.py"), &[file.as_os_str()]);
        let rows: Vec<Vec<String>> = serde_json::from_str(&rows).unwrap();
        let at = rows[0].iter().position(|name| name == "job").unwrap();
        assert_eq!(rows.len(), 1 + NAMES.len(), "{table}");
        let mut bodies = 0;
        for row in &rows[1..] {
            for cell in row.iter().filter(|cell| cell.parse::<f64>().is_err()) {
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']),
                    "{cell:?}"
                );
            }
            bodies += usize::from(row[at].contains("body"));
        }
        assert_eq!(bodies, 1, "a line break makes no further row: {table} {rows:?}");
    }
}

#[test]
fn a_name_of_ten_kilobytes_is_told_and_the_others_are_stored() {
    let sandbox = Sandbox::new();
    let run = |name: &str| {
        json!({
            "Id": "jr_1", "JobName": name, "JobRunState": "FAILED",
            "StartedOn": "2026-11-10T09:00:00Z", "CompletedOn": "2026-11-10T10:00:00Z",
        })
        .to_string()
    };
    let long = "x\u{1b}[2J".repeat(2_000);
    sandbox.write("runs.jsonl", format!("{}\n{}\n", run(&long), run("load")));
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let arguments = [&["--now", NOW, "import", "runs.jsonl"][..], &place].concat();
    let told = sandbox.run(&arguments).exits(4).stderr;
    assert!(told.contains("error: runs.jsonl:1: `JobName` is longer than 1024 bytes"), "{told}");
    assert!(told.contains("1 runs: 1 new, "), "{told}");
    // What AWS does allow, 255 characters of which each is shown as six, fits every table.
    sandbox.write("runs.jsonl", run(&"\u{1b}".repeat(255)));
    sandbox.run(&arguments).exits(0);
    let report = ["--now", NOW, "report", "--last-week", "--format", "text"];
    let text = sandbox.run(&report).exits(0).stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 200), "{text}");
}

/// A name may stand in an error of our own, too.
#[test]
fn a_hostile_file_is_told_of_without_obeying_it() {
    let sandbox = Sandbox::new();
    let name = "\u{1b}[2J\u{202e}runs.json";
    sandbox.write(name, "{\"Id\": \u{1b}]0;owned\u{7}}");
    let told = sandbox.run(&["--now", NOW, "import", name]).exits(1).stderr;
    assert_eq!(steers(&told), None, "{told:?}");
}
