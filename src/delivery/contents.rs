//! What a file holds that goes with a mail: its bytes, or that it is too large for any mail. Large
//! files stay on the disk until a mail is made of them: those of many editions need not fit into
//! memory together.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};

/// What a file holds.
#[derive(Clone)]
pub enum Contents {
    /// Bytes in memory, shared by all mails that they go with.
    Held(Arc<[u8]>),
    /// Bytes of a file without a name, which goes when the last of its mails does.
    OnDisk {
        /// The file. Reading it moves its place, so that one reads at a time.
        file: Arc<Mutex<File>>,
        /// Its length in bytes.
        len: usize,
    },
    /// It was not made to its end: it fits into no mail.
    TooLarge(Extent),
}

/// How large a file is, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes.
    Bytes(usize),
    /// More bytes than these.
    MoreThan(usize),
    /// More rows than these.
    MoreRowsThan(u32),
}

impl Contents {
    /// The bytes of a file without a name.
    ///
    /// # Errors
    /// When its length cannot be told.
    pub fn on_disk(file: File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(Self::OnDisk { file: Arc::new(Mutex::new(file)), len })
    }

    /// How large it is.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match self {
            Self::Held(bytes) => Extent::Bytes(bytes.len()),
            Self::OnDisk { len, .. } => Extent::Bytes(*len),
            Self::TooLarge(extent) => *extent,
        }
    }

    /// The bytes; none of a file that is too large.
    ///
    /// # Errors
    /// When the disk does not give them back, whole.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Held(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::OnDisk { file, len } => {
                // Whoever panicked over it left nothing but its place, which is set anew.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.rewind()?;
                let mut bytes = vec![0; *len];
                file.read_exact(&mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
            Self::TooLarge(_) => Ok(Cow::Borrowed(&[])),
        }
    }
}

impl<B: Into<Arc<[u8]>>> From<B> for Contents {
    fn from(bytes: B) -> Self {
        Self::Held(bytes.into())
    }
}

/// Equal bytes, wherever they are.
impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        let known = |of: &Self| matches!(of.extent(), Extent::Bytes(_));
        self.extent() == other.extent()
            && match (self.bytes(), other.bytes()) {
                (Ok(ours), Ok(theirs)) => known(self) == known(other) && ours == theirs,
                _ => false,
            }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contents({:?})", self.extent())
    }
}

/// In words: `1.2 MB`, `more than 14.6 MB`.
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |bytes: usize| bytes.div_ceil(100_000);
        match self {
            Self::Bytes(bytes) => write!(f, "{}.{} MB", tenths(*bytes) / 10, tenths(*bytes) % 10),
            Self::MoreThan(bytes) => {
                // Rounded down: more than 14.6 is true of what is more than 14.68.
                write!(f, "more than {}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
            }
            Self::MoreRowsThan(rows) => write!(f, "more than {rows} rows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_come_back_from_the_disk_as_often_as_they_are_asked_for() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a,b\n").unwrap();
        let spooled = Contents::on_disk(file).unwrap();
        let held = Contents::from(b"a,b\n".to_vec());
        for _ in 0..2 {
            assert_eq!(spooled.bytes().unwrap().as_ref(), b"a,b\n");
        }
        assert_eq!(spooled, held);
        assert_ne!(spooled, Contents::from(b"a,c\n".to_vec()));
        assert_ne!(Contents::from(Vec::new()), Contents::TooLarge(Extent::MoreThan(0)));
    }

    #[test]
    fn an_extent_never_says_less_than_is_known() {
        let words = |extent: Extent| extent.to_string();
        assert_eq!(words(Extent::Bytes(1)), "0.1 MB");
        assert_eq!(words(Extent::Bytes(1_200_001)), "1.3 MB");
        assert_eq!(words(Extent::MoreThan(14_689_999)), "more than 14.6 MB");
        assert_eq!(words(Extent::MoreRowsThan(200_000)), "more than 200000 rows");
    }
}
