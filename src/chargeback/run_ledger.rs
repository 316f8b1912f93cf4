//! What was booked for each run of a closed month, packed so that a million runs fit into some
//! twenty megabytes: against it later facts are held.
//!
//! A run is its identity's hash, so the ledger says nothing of names. The format is stored for
//! ever: see [`RunLedger::pack`].

use sha2::{Digest, Sha256};

use crate::model::{RunIdentity, Usd};

/// What the packed form begins with: its name and version.
const MAGIC: &[u8; 4] = b"RLL1";
const HASH_BYTES: usize = 16;

/// What was booked for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The run: see [`run_hash`].
    pub run: u128,
    /// Where it was booked: the place of the cell in the closed month's list.
    pub cell: u32,
    /// How much.
    pub usd: Usd,
}

/// The booked runs of a closed month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLedger {
    /// What each run used in the month, those that used nothing known included, in the order of
    /// their hashes.
    pub own: Vec<Entry>,
    /// What was corrected of earlier months, by month, likewise.
    pub corrections: Vec<(String, Vec<Entry>)>,
}

/// Bytes that are no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run ledger of a closed month cannot be read: {0}")]
pub struct LedgerError(&'static str);

/// A run in 128 bits, the same for ever: the head of SHA-256 over the identity's parts, each after
/// its length in four bytes, so that no two identities are one text.
#[must_use]
pub fn run_hash(identity: &RunIdentity) -> u128 {
    let RunIdentity { account, region, engine, application_id, run_id, attempt } = identity;
    let attempt = attempt.to_string();
    let application = application_id.as_deref().unwrap_or_default();
    let mut hasher = Sha256::new();
    for part in [account, region, engine.as_str(), application, run_id, &attempt] {
        hasher.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    digest.iter().take(HASH_BYTES).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

impl RunLedger {
    /// The packed form: `RLL1`; the number of sections; then each section as its month (its own is
    /// empty), the number of entries, and each entry as 16 bytes of hash, the cell, and the
    /// nano-dollars. Numbers are LEB128, the amount in zigzag.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        number(&mut bytes, self.corrections.len() as u128 + 1);
        section(&mut bytes, "", &self.own);
        for (month, entries) in &self.corrections {
            section(&mut bytes, month, entries);
        }
        bytes
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// When the bytes are none, or those of a newer version.
    pub fn unpack(bytes: &[u8]) -> Result<Self, LedgerError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(LedgerError("it is of another version"))?;
        let mut reader = Reader(rest);
        let sections = reader.number()?;
        let mut ledger = Self::default();
        for index in 0..sections {
            let length = reader.size()?;
            let month = std::str::from_utf8(reader.take(length)?)
                .map_err(|_| LedgerError("a month is no text"))?;
            let count = reader.size()?;
            // Every entry takes bytes, so a count beyond them is a lie that must not be allocated.
            let mut entries = Vec::with_capacity(count.min(reader.0.len() / HASH_BYTES));
            for _ in 0..count {
                entries.push(reader.entry()?);
            }
            match index {
                0 => ledger.own = entries,
                _ => ledger.corrections.push((month.to_owned(), entries)),
            }
        }
        Ok(ledger)
    }
}

fn section(bytes: &mut Vec<u8>, month: &str, entries: &[Entry]) {
    number(bytes, month.len() as u128);
    bytes.extend_from_slice(month.as_bytes());
    number(bytes, entries.len() as u128);
    for entry in entries {
        bytes.extend_from_slice(&entry.run.to_be_bytes());
        number(bytes, entry.cell.into());
        let nanos = entry.usd.nanos();
        number(bytes, ((nanos << 1) ^ (nanos >> 127)).cast_unsigned());
    }
}

fn number(bytes: &mut Vec<u8>, mut number: u128) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], LedgerError> {
        let (head, rest) = self.0.split_at_checked(bytes).ok_or(LedgerError("it is cut short"))?;
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self) -> Result<u128, LedgerError> {
        let mut number = 0_u128;
        for shift in (0..u128::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(LedgerError("a number is too long"))
    }

    fn size(&mut self) -> Result<usize, LedgerError> {
        usize::try_from(self.number()?).map_err(|_| LedgerError("a size is out of range"))
    }

    fn entry(&mut self) -> Result<Entry, LedgerError> {
        let hash = self.take(HASH_BYTES)?;
        let run = hash.iter().fold(0, |hash, byte| hash << 8 | u128::from(*byte));
        let cell =
            u32::try_from(self.number()?).map_err(|_| LedgerError("a cell is out of range"))?;
        let zigzag = self.number()?;
        let nanos = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
        Ok(Entry { run, cell, usd: Usd::from_nanos(nanos) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Engine;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (any::<u128>(), any::<u32>(), any::<i128>())
            .prop_map(|(run, cell, nanos)| Entry { run, cell, usd: Usd::from_nanos(nanos) });
        prop::collection::vec(entry, 0..20)
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_back_and_nothing_shorter_does(
            own in entries(), month in "[0-9-]{0,9}", corrections in entries(), cut in 0_usize..99
        ) {
            let ledger = RunLedger { own, corrections: vec![(month, corrections)] };
            let bytes = ledger.pack();
            prop_assert_eq!(RunLedger::unpack(&bytes), Ok(ledger));
            let shorter = &bytes[..bytes.len().saturating_sub(1 + cut)];
            prop_assert!(RunLedger::unpack(shorter).is_err());
        }
    }

    /// The format is stored for ever: these bytes were written out by hand.
    #[test]
    fn the_format_never_changes() {
        let own = vec![Entry { run: 1, cell: 300, usd: Usd::from_nanos(-2) }];
        let ledger = RunLedger { own, corrections: vec![("2026-10".into(), Vec::new())] };
        let mut bytes = b"RLL1\x02\x00\x01".to_vec();
        bytes.extend([0; 15]);
        bytes.extend([1, 0xac, 0x02, 0x03]);
        bytes.extend(b"\x072026-10\x00");
        assert_eq!(ledger.pack(), bytes);
    }

    /// Computed with Python's hashlib and struct.
    #[test]
    fn the_hash_never_changes() {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: "jr_1".into(),
            attempt: 1,
        };
        assert_eq!(format!("{:032x}", run_hash(&identity)), "7c7c1778dad42c3105798f2bc19a3ce3");
        let moved = RunIdentity {
            account: "11112222333".into(),
            region: "3eu-west-1".into(),
            ..identity.clone()
        };
        assert_ne!(run_hash(&moved), run_hash(&identity));
    }
}
