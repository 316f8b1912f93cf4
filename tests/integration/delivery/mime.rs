//! Mails as another parser reads them: Python's, which shares no code with what wrote them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use runledger::delivery::{Attachment, Message};

use super::stage::message;
use crate::harness::{beside_tests, python};

fn parsed(message: &Message) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.eml");
    std::fs::write(&file, message.render(usize::MAX).unwrap().bytes).unwrap();
    let said = python(&beside_tests("oracle/read_mail.py"), &[file.as_os_str()]);
    serde_json::from_str(&said).unwrap()
}

fn header(mail: &Value, name: &str) -> Vec<String> {
    let headers = mail["headers"].as_array().unwrap().iter();
    headers.filter(|h| h[0] == name).map(|h| h[1].as_str().unwrap().to_owned()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[test]
fn texts_and_files_arrive_as_they_were() {
    let mut mail = message("ada@example.org");
    mail.subject = "Kosten für Köln: 12,50 € (📈 +4 %), und zwar in der ganzen Woche 46 ".repeat(2);
    mail.from = "\"Überblick, Kosten\" <runledger@example.com>".parse().unwrap();
    mail.reply_to = Some("Plattform <platform@example.com>".parse().unwrap());
    mail.text = format!("Kosten: 12,50 €\n.\n\nFrom here\n{}\n", "lang ".repeat(400));
    mail.html = format!("<p>Köln &amp; <b>{}</b></p>\n", "x".repeat(3_000));
    let every_byte: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let file = |name: &str, content_type: &str, bytes: &[u8]| Attachment {
        file_name: name.into(),
        content_type: content_type.into(),
        bytes: bytes.to_vec().into(),
    };
    let csv = "läufe,kosten\nunix line\r\ndos line\n\n";
    mail.attachments = vec![
        file("runs 2026-W46.csv", "text/csv", csv.as_bytes()),
        file("Läufe und Kosten der Woche, mit allem.bin", "application/octet-stream", &every_byte),
    ];
    let read = parsed(&mail);
    assert_eq!(header(&read, "Subject"), [mail.subject.trim()]);
    assert_eq!(read["mailboxes"]["From"], json!([["Überblick, Kosten", "runledger@example.com"]]));
    assert_eq!(read["mailboxes"]["To"], json!([["", "ada@example.org"]]));
    assert_eq!(read["mailboxes"]["Reply-To"], json!([["Plattform", "platform@example.com"]]));
    assert_eq!(header(&read, "Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header(&read, "X-Runledger-Occurrence"), [mail.key.clone()]);
    assert_eq!(header(&read, "Date"), ["Mon, 16 Nov 2026 06:00:00 +0000"]);
    assert_eq!(read["header_defects"], json!([]));

    let body = &read["body"];
    assert_eq!((&body["type"], &body["defects"]), (&json!("multipart/mixed"), &json!([])));
    let alternative = &body["parts"][0];
    assert_eq!(alternative["type"], "multipart/alternative");
    let [text, html] = [&alternative["parts"][0], &alternative["parts"][1]];
    assert_eq!((&text["type"], &text["charset"]), (&json!("text/plain"), &json!("utf-8")));
    assert_eq!(text["content"].as_str().unwrap().replace("\r\n", "\n"), mail.text);
    assert_eq!(html["type"], "text/html");
    assert_eq!(html["content"].as_str().unwrap().replace("\r\n", "\n"), mail.html);
    let [first, second] = [&body["parts"][1], &body["parts"][2]];
    assert_eq!(first["file_name"], "runs 2026-W46.csv");
    assert_eq!(first["disposition"], "attachment");
    assert_eq!(second["file_name"], "Läufe und Kosten der Woche, mit allem.bin");
    assert_eq!(second["sha256"], sha256(&every_byte));
    assert_eq!(body["parts"].as_array().unwrap().len(), 3);
}

/// Whatever others put into texts, nobody but the one recipient is named and no header is added.
#[test]
fn an_attack_adds_no_header_and_no_recipient() {
    let attacks = [
        "x\r\nBcc: eve@example.org",
        "x\nTo: eve@example.org\n\nbody",
        "x\r\n\r\n--=_mixed\r\nContent-Type: text/html\r\n\r\n<script>",
        "=?utf-8?q?x=0D=0ABcc:_eve@example.org?=",
        "\u{0}\u{85}\u{2028}Bcc: eve@example.org",
    ];
    let names = |read: &Value| -> Vec<String> {
        let headers = read["headers"].as_array().unwrap().iter();
        headers.map(|h| h[0].as_str().unwrap().to_owned()).collect()
    };
    let usual = names(&parsed(&message("ada@example.org")));
    for attack in attacks {
        let mut evil = message("ada@example.org");
        (evil.subject, evil.key) = (attack.into(), attack.into());
        (evil.text, evil.html) = (attack.into(), attack.into());
        evil.attachments[0].file_name = attack.into();
        evil.attachments[0].content_type = attack.into();
        let read = parsed(&evil);
        assert_eq!(names(&read), usual, "{attack:?}");
        assert_eq!(read["mailboxes"]["To"], json!([["", "ada@example.org"]]));
        assert_eq!(read["body"]["parts"].as_array().unwrap().len(), 2, "{attack:?}");
        assert_eq!(read["body"]["parts"][1]["type"], "application/octet-stream");
        assert_eq!(header(&read, "Subject")[0].lines().count(), 1);
    }
}
