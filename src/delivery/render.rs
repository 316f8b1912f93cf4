//! Renders a message into the bytes of one MIME mail, the same bytes for the same message.
//!
//! The MIME library writes headers and encodings; this file decides structure, names and what is
//! left out when a mail would be too large. It sends nothing.

use std::borrow::Cow;

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as MailAddress;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use sha2::{Digest, Sha256};

use super::contents::Extent;
use super::message::{Attachment, Message, one_line, safe_content_type, safe_file_name};
use crate::model::{Address, SentFile};

/// The most bytes SES v2 takes for one mail, encoded: 40 MB, read as decimal megabytes to be on
/// the safe side (Amazon SES developer guide, "Service quotas").
pub const SIZE_MAX: usize = 40_000_000;

/// RFC 5322, 2.1.1, without the line break.
const LINE_BYTES_MAX: usize = 998;

/// What a part's own headers and boundary take at most, for deciding what fits.
const PART_OVERHEAD: usize = 1_200;

/// A mail as it leaves: for the outbox, for SES and for a preview, these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The occurrence's key.
    pub key: String,
    /// Who writes.
    pub from: Address,
    /// The one recipient.
    pub to: Address,
    /// The whole mail, headers and all, lines ending in CRLF.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// The HTML part as the reader sees it, notices included.
    pub html: String,
    /// The attachments, in order.
    pub files: Vec<SentFile>,
    /// The attachments that did not fit; the mail says so to its reader.
    pub left_out: Vec<LeftOut>,
}

/// An attachment that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its file name.
    pub file_name: String,
    /// Its size, as far as that is known.
    pub size: Extent,
}

/// A message that cannot become a mail.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// Too large even with every attachment left out.
    #[error(
        "the mail to {to} takes {bytes} bytes without attachments, and {limit} are allowed; \
         shorten the report, or raise `max_megabytes` under [mail]"
    )]
    TooLarge {
        /// The recipient.
        to: Address,
        /// The bytes it takes.
        bytes: usize,
        /// The bytes allowed.
        limit: usize,
    },
    /// A file that cannot be read back.
    #[error("the attachment {file_name} cannot be read from the disk: {reason}; send again")]
    Attachment {
        /// The file.
        file_name: String,
        /// What the system says.
        reason: String,
    },
    /// A line that mail servers would cut or refuse.
    #[error("the mail to {to} has a line of {bytes} bytes, and mail allows 998")]
    LongLine {
        /// The recipient.
        to: Address,
        /// The line's length.
        bytes: usize,
    },
}

impl Message {
    /// The mail's bytes, at most `limit` of them.
    ///
    /// An attachment that does not fit is left out, and text and HTML say so at their top: a
    /// report whose largest file is missing serves its reader better than no report.
    ///
    /// # Errors
    /// When the message does not fit even without attachments, a header cannot be folded, or an
    /// attachment cannot be read from the disk.
    pub fn render(&self, limit: usize) -> Result<Rendered, RenderError> {
        let limit = limit.min(SIZE_MAX);
        let (kept, left_out) = self.fitting(limit);
        let kept = kept.into_iter().map(Loaded::of).collect::<Result<Vec<_>, _>>()?;
        let notices: Vec<String> = left_out.iter().map(LeftOut::notice).collect();
        let text = text_with(&notices, &clean(&self.text));
        let html = html_with(&notices, &clean(&self.html));
        let bytes = self.write(&text, &html, &kept);
        self.check(&bytes, limit)?;
        Ok(Rendered {
            key: self.key.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            sha256: format!("{:x}", Sha256::digest(&bytes)),
            bytes,
            html,
            files: kept.iter().map(Loaded::sent).collect(),
            left_out,
        })
    }

    /// The attachments that fit, in order, and those that do not.
    fn fitting(&self, limit: usize) -> (Vec<&Attachment>, Vec<LeftOut>) {
        let bodies = encoded_len(self.text.len()) + encoded_len(self.html.len());
        let mut used = bodies + 4 * PART_OVERHEAD;
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for attachment in &self.attachments {
            let size = attachment.bytes.extent();
            let room = limit.saturating_sub(used);
            match size {
                Extent::Bytes(bytes) if encoded_len(bytes) + PART_OVERHEAD <= room => {
                    used += encoded_len(bytes) + PART_OVERHEAD;
                    kept.push(attachment);
                }
                _ => {
                    let file_name = safe_file_name(&attachment.file_name);
                    left_out.push(LeftOut { file_name, size });
                    // Its notice, twice.
                    used += PART_OVERHEAD;
                }
            }
        }
        (kept, left_out)
    }

    fn write(&self, text: &str, html: &str, attachments: &[Loaded<'_>]) -> Vec<u8> {
        let seed = self.seed(text, html, attachments);
        let multipart = |kind: &str| {
            // `=_` occurs in no quoted-printable or base64 line, and the hash in no other.
            ContentType::new(format!("multipart/{kind}"))
                .attribute("boundary", format!("=_{kind}_{seed}"))
        };
        let part = |kind: &'static str, body| MimePart::new(kind, BodyPart::Text(body));
        let bodies = vec![part("text/plain", text.into()), part("text/html", html.into())];
        let mut body = MimePart::new(multipart("alternative"), bodies);
        if !attachments.is_empty() {
            let mut parts = vec![body];
            parts.extend(attachments.iter().map(Loaded::part));
            body = MimePart::new(multipart("mixed"), parts);
        }
        let mut message = MessageBuilder::new()
            .from(mail_address(&self.from))
            .to(mail_address(&self.to))
            .subject(one_line(&self.subject))
            .date(self.date.as_second())
            .message_id(format!("{seed}@{}", self.from.domain()))
            // RFC 3834: keeps out-of-office answers and answers of robots away.
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .header("X-Runledger-Occurrence", HeaderType::Text(Text::new(one_line(&self.key))));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(mail_address(reply_to));
        }
        let mut bytes = Vec::new();
        message.body(body).serialize(&mut bytes);
        bytes
    }

    /// A hash of all that the mail is made of, so that equal messages give equal bytes and
    /// different ones have different names.
    fn seed(&self, text: &str, html: &str, attachments: &[Loaded<'_>]) -> String {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            // With its length before it, or `ab`+`c` and `a`+`bc` would hash alike.
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        };
        let reply_to = self.reply_to.as_ref().map_or("", Address::mailbox);
        for header in [&self.key, self.from.mailbox(), self.to.mailbox(), reply_to, &self.subject] {
            add(header.as_bytes());
        }
        add(&self.date.as_second().to_be_bytes());
        add(text.as_bytes());
        add(html.as_bytes());
        for Loaded { attachment, bytes } in attachments {
            add(attachment.file_name.as_bytes());
            add(bytes);
        }
        format!("{:x}", hash.finalize())[..32].to_owned()
    }

    fn check(&self, bytes: &[u8], limit: usize) -> Result<(), RenderError> {
        if bytes.len() > limit {
            return Err(RenderError::TooLarge { to: self.to.clone(), bytes: bytes.len(), limit });
        }
        let longest = bytes.split(|b| *b == b'\n').map(|line| line.trim_ascii_end().len()).max();
        match longest {
            Some(length) if length > LINE_BYTES_MAX => {
                Err(RenderError::LongLine { to: self.to.clone(), bytes: length })
            }
            _ => Ok(()),
        }
    }
}

impl LeftOut {
    /// The sentence that tells the reader.
    fn notice(&self) -> String {
        format!(
            "The attachment {} ({}) was left out, because the mail would have been too large.",
            self.file_name, self.size,
        )
    }
}

/// An attachment with its bytes at hand.
struct Loaded<'a> {
    attachment: &'a Attachment,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Loaded<'a> {
    fn of(attachment: &'a Attachment) -> Result<Self, RenderError> {
        let bytes = attachment.bytes.bytes().map_err(|error| RenderError::Attachment {
            file_name: safe_file_name(&attachment.file_name),
            reason: error.to_string(),
        })?;
        Ok(Self { attachment, bytes })
    }

    fn sent(&self) -> SentFile {
        SentFile {
            name: safe_file_name(&self.attachment.file_name),
            bytes: self.bytes.len() as u64,
            sha256: format!("{:x}", Sha256::digest(&self.bytes)),
        }
    }

    /// A file, always in base64, so that its bytes arrive as they are: the library would choose an
    /// encoding for text by itself, so its media type is written as a raw header that it does not
    /// read.
    fn part(&self) -> MimePart<'_> {
        MimePart::raw(BodyPart::Binary(self.bytes.as_ref().into()))
            .header("Content-Type", Raw::new(safe_content_type(&self.attachment.content_type)))
            .attachment(safe_file_name(&self.attachment.file_name))
    }
}

/// The most bytes that a file can have and go with a mail of at most `limit` bytes, beside texts of
/// whatever length: what is larger need not be made to its end.
#[must_use]
pub const fn attachment_bytes_max(limit: usize) -> usize {
    let limit = if limit < SIZE_MAX { limit } else { SIZE_MAX };
    // Lines of 76 letters and a break hold 57 bytes.
    let lines = limit.saturating_sub(5 * PART_OVERHEAD) / 78;
    lines * 57
}

/// The length of so many bytes in base64, in lines of 76 with their breaks: the longest of the
/// encodings that the library chooses from.
const fn encoded_len(bytes: usize) -> usize {
    let base64 = bytes.div_ceil(3) * 4;
    base64 + base64.div_ceil(76) * 2
}

fn mail_address(address: &Address) -> MailAddress<'_> {
    MailAddress::new_address(address.name().map(one_line), address.mailbox())
}

/// A body without control characters other than tabs and line ends: error texts of jobs bring
/// terminal escapes and NUL bytes along, which mail does not allow.
fn clean(body: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if body.contains(is_odd) {
        Cow::Owned(body.chars().filter(|c| !is_odd(*c)).collect())
    } else {
        Cow::Borrowed(body)
    }
}

fn text_with(notices: &[String], text: &str) -> String {
    if notices.is_empty() { text.to_owned() } else { format!("{}\n\n{text}", notices.join("\n")) }
}

/// The notices go to the top of the body, where the reader looks.
fn html_with(notices: &[String], html: &str) -> String {
    if notices.is_empty() {
        return html.to_owned();
    }
    let lines: String =
        notices.iter().map(|notice| format!("<p>{}</p>", escaped(notice))).collect();
    let body_tag = html.find("<body").and_then(|at| html[at..].find('>').map(|end| at + end + 1));
    let (head, rest) = html.split_at(body_tag.unwrap_or(0));
    format!("{head}{lines}{rest}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::delivery::Contents;

    fn message() -> Message {
        Message {
            from: "Runledger <runledger@example.com>".parse().unwrap(),
            to: "ada@example.org".parse().unwrap(),
            reply_to: Some("Data platform <platform@example.com>".parse().unwrap()),
            subject: "Data jobs, week 46: $12.50".into(),
            text: "Cost 12.50\n".into(),
            html: "<html><body class=\"a\"><p>Cost 12.50</p></body></html>".into(),
            attachments: vec![],
            date: "2026-11-16T06:00:00Z".parse().unwrap(),
            key: "weekly/2026-W46/all/r0/ada@example.org".into(),
        }
    }

    fn attachment(name: &str, bytes: Vec<u8>) -> Attachment {
        let content_type = "text/csv".into();
        Attachment { file_name: name.into(), content_type, bytes: bytes.into() }
    }

    fn rendered(message: &Message) -> Rendered {
        message.render(SIZE_MAX).unwrap()
    }

    fn as_text(mail: &Rendered) -> String {
        String::from_utf8(mail.bytes.clone()).expect("mail is ASCII")
    }

    /// The lines of the header block, continuations joined.
    fn headers(mail: &Rendered) -> Vec<String> {
        let text = as_text(mail);
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn headers_are_these_and_no_others() {
        let mail = rendered(&message());
        let lines = headers(&mail);
        let names: Vec<&str> = lines.iter().map(|l| l.split_once(": ").unwrap().0).collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "X-Runledger-Occurrence",
                "Reply-To",
                "MIME-Version",
                "Content-Type",
            ]
        );
        assert_eq!(lines[1], "To: <ada@example.org>");
        assert_eq!(lines[3], "Date: Mon, 16 Nov 2026 06:00:00 +0000");
        assert!(lines[4].ends_with("@example.com>"), "{}", lines[4]);
        assert!(lines[9].starts_with("Content-Type: multipart/alternative; boundary=\"=_alt"));
    }

    #[test]
    fn the_same_message_gives_the_same_bytes_and_another_does_not() {
        let mut with_file = message();
        with_file.attachments = vec![attachment("a.csv", b"a,b\n1,2\n".to_vec())];
        assert_eq!(rendered(&with_file), rendered(&with_file.clone()));
        let mut variants = vec![message(), with_file.clone()];
        let mut vary = |change: fn(&mut Message)| {
            let mut other = with_file.clone();
            change(&mut other);
            variants.push(other);
        };
        vary(|m| m.subject.push('x'));
        vary(|m| m.text.push('x'));
        vary(|m| m.html.push('x'));
        vary(|m| m.key.push('x'));
        vary(|m| m.date = "2026-11-16T06:00:01Z".parse().unwrap());
        vary(|m| m.to = "eve@example.org".parse().unwrap());
        vary(|m| m.reply_to = None);
        vary(|m| m.attachments[0].bytes = b"a,b\n1,3\n".to_vec().into());
        let ids: HashSet<String> = variants
            .iter()
            .map(|m| {
                headers(&rendered(m)).into_iter().find(|l| l.starts_with("Message-ID")).unwrap()
            })
            .collect();
        assert_eq!(ids.len(), variants.len(), "each has a name of its own");
    }

    #[test]
    fn a_subject_or_key_cannot_add_a_header() {
        for attack in
            ["x\r\nBcc: eve@example.org", "x\nBcc: eve@example.org", "x\r\n\r\nbody", "\r"]
        {
            let mut evil = message();
            evil.subject = attack.into();
            evil.key = attack.into();
            evil.attachments = vec![Attachment {
                file_name: attack.into(),
                content_type: attack.into(),
                bytes: b"x".to_vec().into(),
            }];
            let mail = rendered(&evil);
            let lines = headers(&mail);
            assert_eq!(lines.len(), 10, "{lines:?}");
            let text = as_text(&mail);
            assert!(!text.lines().any(|l| l.to_ascii_lowercase().starts_with("bcc:")), "{text}");
        }
    }

    #[test]
    fn foreign_letters_and_long_lines_stay_within_what_mail_allows() {
        let mut wide = message();
        wide.subject = "Kosten für Köln: 12 € ".repeat(20);
        wide.from = "\"Überblick, Kosten\" <runledger@example.com>".parse().unwrap();
        wide.text = "x".repeat(5_000) + "\n.\n\u{1b}[31mred\0\n";
        wide.html = format!("<p>{}</p>", "ü".repeat(5_000));
        wide.attachments = vec![attachment(&"ü".repeat(200), vec![b'x'; 5_000])];
        let mail = rendered(&wide);
        assert!(mail.bytes.is_ascii());
        assert!(as_text(&mail).contains("Subject: =?utf-8?"));
        assert!(!mail.bytes.contains(&0) && !mail.bytes.contains(&0x1b));
        assert!(
            as_text(&mail).split("\r\n").all(|l| l.len() <= LINE_BYTES_MAX && !l.contains('\n'))
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let mut large = message();
        large.attachments = vec![
            attachment("small.csv", vec![b'1'; 1_000]),
            attachment("<big>.csv", vec![b'2'; 200_000]),
            attachment("second.csv", vec![b'3'; 1_000]),
        ];
        let limit = 100_000;
        let mail = large.render(limit).unwrap();
        assert!(mail.bytes.len() <= limit);
        let size = Extent::Bytes(200_000);
        assert_eq!(mail.left_out, [LeftOut { file_name: "_big_.csv".into(), size }]);
        let text = as_text(&mail);
        assert!(text.contains("small.csv") && text.contains("second.csv"));
        let said = "<body class=\"a\"><p>The attachment _big_.csv (0.2 MB) was left out, because";
        assert!(mail.html.contains(said), "{}", mail.html);
        assert!(text.contains("The attachment _big_.csv (0.2 MB) was left out"), "{text}");
        assert!(matches!(large.render(1_000), Err(RenderError::TooLarge { limit: 1_000, .. })));
        assert!(large.render(SIZE_MAX).unwrap().left_out.is_empty());
        // What was never made to its end is left out of a mail of any size.
        let size = Extent::MoreRowsThan(200_000);
        large.attachments[1].bytes = Contents::TooLarge(size);
        let mail = large.render(SIZE_MAX).unwrap();
        assert_eq!(mail.left_out, [LeftOut { file_name: "_big_.csv".into(), size }]);
        assert!(mail.html.contains("_big_.csv (more than 200000 rows) was left out"));
    }

    /// What is given up while it is made could not have gone with the shortest of mails either.
    #[test]
    fn what_is_a_little_smaller_than_the_most_fits_and_nothing_larger_does() {
        let limit = 500_000;
        let most = attachment_bytes_max(limit);
        let mut one = message();
        one.attachments = vec![attachment("a.csv", vec![0xFF; most - 1_000])];
        assert_eq!(one.render(limit).unwrap().left_out, []);
        one.attachments = vec![attachment("a.csv", vec![0xFF; most + 5 * PART_OVERHEAD])];
        assert_eq!(one.render(limit).unwrap().left_out.len(), 1);
    }

    /// What is estimated before is never less than what is written, or a mail would be refused
    /// that could have gone without its last file.
    #[test]
    fn the_estimate_is_an_upper_bound() {
        for size in [0, 1, 56, 57, 58, 76, 10_000, 123_457] {
            let mut one = message();
            let without = rendered(&one).bytes.len();
            one.attachments = vec![attachment("a.csv", vec![0xFF; size])];
            let with = rendered(&one).bytes.len();
            assert!(with - without <= encoded_len(size) + 2 * PART_OVERHEAD);
        }
    }
}
