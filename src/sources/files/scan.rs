//! Where a JSON object ends, told from its quotes and brackets alone.
//!
//! It reads far less than a parser does, so it can tell early that an object has lost its end and
//! has run into the next record. What is between the brackets is the parser's to judge.

/// How deep brackets may nest: one bit each in `Scan::objects`. AWS's records stay below ten.
pub(super) const DEPTH_MAX: u32 = 128;

/// How far a scan has come. Fed with the pieces of an input, in order.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Open brackets, the innermost in the lowest bit: 1 for `{`, 0 for `[`.
    objects: u128,
    depth: u32,
    /// The last byte outside of strings that was no space.
    previous: u8,
    in_string: bool,
    escaped: bool,
    /// How many lines have ended so far.
    pub(super) lines: u64,
}

/// What a piece of input came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The object goes on beyond the piece.
    More,
    /// The object ends before this offset of the piece.
    End(usize),
    /// No JSON can go on like this.
    Broken(Break),
}

/// Why no JSON can go on like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Break {
    #[error("a text has no closing quote on its line")]
    OpenString,
    #[error("a record begins inside another, which has no end")]
    RecordInRecord,
    #[error("a bracket is closed that was not opened")]
    Unbalanced,
    #[error("brackets are nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

impl Scan {
    /// Goes on with the next piece of input.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Found {
        let mut at = 0;
        while at < piece.len() {
            if self.in_string {
                match self.skip_string(&piece[at..]) {
                    Ok(length) => at += length,
                    Err(reason) => return Found::Broken(reason),
                }
                continue;
            }
            let byte = piece[at];
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' => continue,
                b'\n' => {
                    self.lines += 1;
                    continue;
                }
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    if let Err(reason) = self.open(byte == b'{') {
                        return Found::Broken(reason);
                    }
                }
                b'}' | b']' => match self.close(byte == b'}') {
                    Err(reason) => return Found::Broken(reason),
                    Ok(()) if self.depth == 0 => return Found::End(at),
                    Ok(()) => {}
                },
                _ => {}
            }
            self.previous = byte;
        }
        Found::More
    }

    /// How much of the piece belongs to the string that is open.
    fn skip_string(&mut self, piece: &[u8]) -> Result<usize, Break> {
        for (at, byte) in piece.iter().enumerate() {
            if *byte == b'\n' {
                return Err(Break::OpenString);
            }
            if self.escaped {
                self.escaped = false;
            } else if *byte == b'\\' {
                self.escaped = true;
            } else if *byte == b'"' {
                self.in_string = false;
                return Ok(at + 1);
            }
        }
        Ok(piece.len())
    }

    fn open(&mut self, object: bool) -> Result<(), Break> {
        let inside_object = self.depth > 0 && self.objects & 1 == 1;
        if inside_object && self.previous != b':' {
            return Err(Break::RecordInRecord);
        }
        if self.depth == DEPTH_MAX {
            return Err(Break::TooDeep);
        }
        self.objects = self.objects << 1 | u128::from(object);
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, object: bool) -> Result<(), Break> {
        if self.depth == 0 || (self.objects & 1 == 1) != object {
            return Err(Break::Unbalanced);
        }
        self.objects >>= 1;
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Found {
        Scan::default().feed(text.as_bytes())
    }

    #[test]
    fn an_object_ends_where_its_last_bracket_closes() {
        assert_eq!(scan(r#"{"a":[1,{"b":"}"}]}{"c":2}"#), Found::End(19));
        assert_eq!(scan(r#"{"quote\"}":1}"#), Found::End(14));
        assert_eq!(scan("{\"a\":\n {\"b\":1}"), Found::More);
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        let text = r#"{"a":"x\\\"}","b":[{},{"c":null}]} "#;
        let end = text.trim_end().len();
        for cut in 1..end {
            let mut scan = Scan::default();
            assert_eq!(scan.feed(&text.as_bytes()[..cut]), Found::More, "cut at {cut}");
            assert_eq!(scan.feed(&text.as_bytes()[cut..]), Found::End(end - cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_lost_end_is_noticed() {
        assert_eq!(scan("{\"a\":\"b\n"), Found::Broken(Break::OpenString));
        assert_eq!(scan("{\"a\":1,\n{\"a\":2}"), Found::Broken(Break::RecordInRecord));
        assert_eq!(scan("{\"a\":[1}"), Found::Broken(Break::Unbalanced));
        let deep = format!("{{\"a\":{}", "[".repeat(200));
        assert_eq!(scan(&deep), Found::Broken(Break::TooDeep));
    }
}
