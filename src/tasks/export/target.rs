//! Where an export, or a report's file, goes: a file, standard output, or S3; whole or not at all.
//!
//! Rows go to a temporary file first. Only when the last one is written, and brought to the disk,
//! does that become the file, is copied to standard output, or is put into S3: so neither an error
//! nor a full disk nor a kill leaves half a table that looks like a whole one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::aws::{S3Address, S3AddressError};

/// How temporary files end.
const SUFFIX: &str = ".tmp";

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A device or a pipe, which is written into and never replaced.
    Device(PathBuf),
    /// An object in S3.
    S3(S3Address),
}

impl Target {
    /// What `-o` says: a path, `-`, or `s3://bucket/key`.
    ///
    /// # Errors
    /// For an `s3:` address without bucket or key.
    pub fn named(name: &OsStr) -> Result<Self, S3AddressError> {
        match name.to_str() {
            Some("-") => Ok(Self::Stdout),
            Some(text) if text.starts_with("s3:") => text.parse().map(Self::S3),
            _ => {
                let path = PathBuf::from(name);
                let found = fs::metadata(&path).map(|found| found.is_file() || found.is_dir());
                Ok(if found.unwrap_or(true) { Self::File(path) } else { Self::Device(path) })
            }
        }
    }

    /// How its name ends, in lower case; `None` for standard output.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        let extension = match self {
            Self::Stdout => None,
            Self::File(path) | Self::Device(path) => path.extension(),
            Self::S3(place) => Path::new(&place.key).extension(),
        };
        Some(extension?.to_str()?.to_lowercase())
    }
}

/// The bytes on their way, which nobody sees.
#[derive(Debug)]
pub enum Spool {
    /// Beside the file that it is to become, so that a rename is all that is left to do.
    Beside(NamedTempFile, PathBuf),
    /// A file without a name, which goes when the program does.
    Unnamed(File),
}

impl Spool {
    /// A spool for a target.
    ///
    /// # Errors
    /// When the target's folder, or that of temporary files, cannot be written to.
    pub fn open(target: &Target) -> io::Result<Self> {
        let Target::File(path) = target else { return Ok(Self::Unnamed(tempfile::tempfile()?)) };
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let prefix = prefix_of(path);
        let mut builder = Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        // A table is no secret of who made it: as readable as any file of theirs.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder_of(path))?;
        // The lock tells the next export that this one is alive.
        file.as_file().lock()?;
        remove_leftovers(path, &prefix);
        Ok(Self::Beside(file, path.clone()))
    }

    /// The file to write into.
    ///
    /// # Errors
    /// When the process has too many files open.
    pub fn file(&self) -> io::Result<File> {
        match self {
            Self::Beside(file, _) => file.as_file().try_clone(),
            Self::Unnamed(file) => file.try_clone(),
        }
    }

    /// Brings the bytes to the disk and gives them their name; a file of that name is replaced.
    /// Answers with the bytes, from their beginning, where they have no name.
    ///
    /// # Errors
    /// When the disk does not take them. Nothing is there then, or what was before.
    pub fn finish(self) -> io::Result<Option<File>> {
        match self {
            Self::Beside(file, path) => {
                file.as_file().sync_all()?;
                file.persist(&path)?;
                // The new name is on the disk only when its folder is.
                #[cfg(unix)]
                File::open(folder_of(&path))?.sync_all()?;
                Ok(None)
            }
            Self::Unnamed(mut file) => {
                file.rewind()?;
                Ok(Some(file))
            }
        }
    }
}

/// Writes a file whole or not at all: one of that name is replaced when the new one is on the disk.
///
/// # Errors
/// When the folder cannot be written to, or the disk does not take the bytes.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let spool = Spool::open(&Target::File(path.to_owned()))?;
    spool.file()?.write_all(bytes)?;
    spool.finish().map(|_| ())
}

/// Copies what was written to standard output, a device or a pipe.
///
/// # Errors
/// When that cannot be written to.
pub fn copy(mut file: File, out: &mut impl Write) -> io::Result<()> {
    io::copy(&mut file, out)?;
    out.flush()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn prefix_of(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes the temporary files that killed exports left of this file. What cannot be removed does
/// no harm.
fn remove_leftovers(path: &Path, prefix: &str) {
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_temporary = name.starts_with(prefix) && name.ends_with(SUFFIX);
        let writer_is_dead = || File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_temporary && writer_is_dead() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        fs::write(&path, "before").unwrap();
        let target = Target::File(path.clone());
        let given_up = Spool::open(&target).unwrap();
        given_up.file().unwrap().write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(names(folder.path()), ["runs.csv"]);
        let whole = Spool::open(&target).unwrap();
        whole.file().unwrap().write_all(b"whole").unwrap();
        assert_eq!(whole.finish().unwrap().map(|_| ()), None);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["runs.csv"]);
    }

    #[test]
    fn bytes_replace_a_file_whole_and_a_folder_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "before, and longer").unwrap();
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(write_whole(folder.path(), b"x").is_err());
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn leftovers_of_killed_exports_go_and_those_at_work_stay() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("a.csv"));
        fs::write(folder.path().join(".a.csv.k1ll3d.tmp"), "half").unwrap();
        fs::write(folder.path().join(".b.csv.other.tmp"), "half").unwrap();
        let at_work = Spool::open(&target).unwrap();
        let second = Spool::open(&target).unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!(left.iter().filter(|name| name.starts_with(".a.csv.")).count(), 2);
        second.finish().unwrap();
        at_work.finish().unwrap();
    }

    #[test]
    fn a_target_is_a_path_a_dash_or_an_address() {
        let named = |name: &str| Target::named(OsStr::new(name)).unwrap();
        assert_eq!(named("-"), Target::Stdout);
        assert_eq!(named("a/b.XLSX").extension().as_deref(), Some("xlsx"));
        assert_eq!(named("s3://lake/x/runs.parquet").extension().as_deref(), Some("parquet"));
        assert!(Target::named(OsStr::new("s3://lake")).is_err());
        #[cfg(unix)]
        assert_eq!(named("/dev/null"), Target::Device("/dev/null".into()));
    }
}
