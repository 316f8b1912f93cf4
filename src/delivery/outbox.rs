//! The outbox: mails as files in a folder, `.eml` for mail programs and `.html` for browsers.
//!
//! A file is named by its occurrence alone, and put in place whole by a rename: sending again,
//! after a crash or from two processes, ends with the same file. It delivers nothing to anyone.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::render::Rendered;
use super::sender::{Accepted, Cause, SendError};

/// Characters of the key that a file name shows; file systems allow 255 bytes in all.
const READABLE_CHARS_MAX: usize = 120;

/// How often a file is written anew because its temporary one was taken for a leftover.
const TRIES_MAX: u32 = 4;

/// A folder that mails are written into. It is made when the first mail is.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The outbox in that folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the mail of that occurrence is, or would be: the path of its `.eml`.
    #[must_use]
    pub fn path_of(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.eml", file_stem(key)))
    }

    /// Writes the mail's two files; the message id is the hash in their name, since the name holds
    /// the recipient's address, and message ids go to logs.
    ///
    /// # Errors
    /// When the folder cannot be written. The mail is then not there, or is there as before.
    pub async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        let path = self.path_of(&mail.key);
        let (eml, html) = (mail.bytes.clone(), mail.html.clone());
        let target = path.clone();
        let written = tokio::task::spawn_blocking(move || -> io::Result<()> {
            // The .eml last: where it is, its page is too.
            put(&target.with_extension("html"), html.as_bytes())?;
            put(&target, &eml)?;
            remove_leftovers(&target);
            Ok(())
        });
        let refused = |reason: String| SendError::Refused {
            cause: Cause::Folder,
            reason: format!("cannot write into {}: {reason}", self.folder.display()),
        };
        match written.await {
            Ok(Ok(())) => Ok(Accepted { message_id: short_hash(&mail.key) }),
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

fn short_hash(key: &str) -> String {
    format!("{:x}", Sha256::digest(key))[..16].to_owned()
}

/// The key in characters that every file system takes, and a hash that tells keys apart which
/// look alike then, or to a file system that ignores case.
fn file_stem(key: &str) -> String {
    let readable: String = key
        .chars()
        .take(READABLE_CHARS_MAX)
        .map(|c| if c.is_ascii_alphanumeric() || "-_.@+".contains(c) { c } else { '_' })
        .collect();
    format!("{}.{}", readable.trim_start_matches('.'), short_hash(key))
}

/// Puts a whole file in place: written under a name of its own, brought to the disk, renamed.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let mut tries = 1;
    while let Err(error) = put_once(path, bytes) {
        // Another process may have found the temporary file in the instant before it was locked.
        if error.kind() != ErrorKind::NotFound || tries == TRIES_MAX {
            return Err(error);
        }
        tries += 1;
    }
    // The new name is on the disk only when its folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn put_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Two processes may write the same mail at once, so not even the temporary name is shared.
    let unique = RandomState::new().hash_one(std::process::id());
    let temporary = path.with_extension(format!("{unique:016x}.tmp"));
    let result = write_through(&temporary, bytes).and_then(|file| {
        fs::rename(&temporary, path)?;
        drop(file);
        Ok(())
    });
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// The file stays locked while it is held, which tells others that its writer is alive.
fn write_through(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::create_new(path)?;
    file.lock()?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Removes the temporary files that killed processes left of this mail. A leftover is no mail, so
/// what cannot be removed does no harm.
fn remove_leftovers(path: &Path) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_temporary = name
            .strip_prefix(stem.as_ref())
            .is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".tmp"));
        let writer_is_dead = || File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_temporary && writer_is_dead() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Message;
    use super::*;

    fn mail(key: &str, text: &str) -> Rendered {
        let message = Message {
            from: "runledger@example.com".parse().unwrap(),
            to: "ada@example.org".parse().unwrap(),
            reply_to: None,
            subject: "s".into(),
            text: text.into(),
            html: "<p>x</p>".into(),
            attachments: vec![],
            date: "2026-11-16T06:00:00Z".parse().unwrap(),
            key: key.into(),
        };
        message.render(usize::MAX).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_repeat_is_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(folder.path().join("new/outbox"));
        let first = mail("weekly/2026-W46/all/r0/ada@example.org", "x");
        let accepted = outbox.send(&first).await.unwrap();
        let before = names(outbox.folder());
        assert_eq!(before.len(), 2, "{before:?}");
        assert!(before[0].ends_with(&format!(".{}.eml", accepted.message_id)), "{before:?}");
        assert!(before[0].starts_with("weekly_2026-W46_all_r0_ada@example.org."), "{before:?}");
        assert_eq!(outbox.send(&first).await.unwrap(), accepted);
        assert_eq!(names(outbox.folder()), before);
        assert_eq!(fs::read(outbox.path_of(&first.key)).unwrap(), first.bytes);
        let page = outbox.path_of(&first.key).with_extension("html");
        assert_eq!(fs::read_to_string(page).unwrap(), first.html);
    }

    #[tokio::test]
    async fn writers_at_once_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(folder.path());
        let large = mail("k", &"x".repeat(300_000));
        let sends = (0..8).map(|_| outbox.send(&large));
        assert!(futures::future::join_all(sends).await.iter().all(Result::is_ok));
        assert_eq!(names(folder.path()).len(), 2);
        assert_eq!(fs::read(outbox.path_of("k")).unwrap(), large.bytes);
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_removed_and_a_living_one_s_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(folder.path());
        let path = |key: &str, end: &str| outbox.path_of(key).with_extension(end);
        let mine = mail("k", "x");
        fs::write(path("k", "0123.tmp"), "half a ma").unwrap();
        let living = write_through(&path("k", "4567.tmp"), b"ha").unwrap();
        fs::write(path("other", "0123.tmp"), "half").unwrap();
        outbox.send(&mine).await.unwrap();
        assert!(!path("k", "0123.tmp").exists());
        assert!(path("k", "4567.tmp").exists() && path("other", "0123.tmp").exists());
        drop(living);
        outbox.send(&mine).await.unwrap();
        assert!(!path("k", "4567.tmp").exists());
    }

    #[test]
    fn names_are_safe_and_never_shared() {
        let keys = ["a/b", "a_b", "A/b", "../../etc/passwd", "a\0b", "", "..", "ü"];
        let stems: Vec<String> = keys.iter().map(|key| file_stem(key).to_lowercase()).collect();
        let distinct: std::collections::HashSet<&String> = stems.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        for stem in &stems {
            assert!(!stem.contains(['/', '\\', '\0', ' ']) && stem.is_ascii(), "{stem}");
        }
        assert!(file_stem(&"x".repeat(2_000)).len() < 200);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_a_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("file");
        fs::write(&in_the_way, "x").unwrap();
        let error = Outbox::new(&in_the_way).send(&mail("k", "x")).await.unwrap_err();
        assert!(matches!(error, SendError::Refused { cause: Cause::Folder, .. }), "{error:?}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
