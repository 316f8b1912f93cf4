//! CBOR (RFC 8949), as far as the SDK speaks it to CloudWatch, as JSON: `{"$epoch": seconds}` is an
//! instant in an answer.

use serde_json::{Map, Value, json};

/// An answer as the SDK reads it.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(is) => bytes.push(if *is { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => head(0, whole, bytes),
            None => {
                bytes.push(0xfb);
                bytes.extend(number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::String(text) => {
            head(3, text.len() as u64, bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, bytes);
            items.iter().for_each(|item| write(item, bytes));
        }
        Value::Object(members) => {
            if let Some(seconds) = members.get("$epoch") {
                bytes.push(0xc1);
                return write(seconds, bytes);
            }
            head(5, members.len() as u64, bytes);
            for (name, value) in members {
                write(&json!(name), bytes);
                write(value, bytes);
            }
        }
    }
}

fn head(major: u8, length: u64, bytes: &mut Vec<u8>) {
    let major = major << 5;
    match length {
        0..24 => bytes.push(major | u8::try_from(length).unwrap()),
        _ => {
            bytes.push(major | 27);
            bytes.extend(length.to_be_bytes());
        }
    }
}

/// A request as the SDK writes it.
pub(crate) fn decode(bytes: &[u8]) -> Value {
    Reader { bytes, at: 0 }.value().expect("more than a break")
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        self.at += count;
        &self.bytes[self.at - count..self.at]
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// The next value; `None` where a list of unknown length ends.
    fn value(&mut self) -> Option<Value> {
        let first = self.take(1)[0];
        let (major, minor) = (first >> 5, first & 31);
        if major == 7 {
            return self.simple(minor);
        }
        let length = match minor {
            0..24 => Some(u64::from(minor)),
            24..28 => Some(self.number(1 << (minor - 24))),
            _ => None,
        };
        let count = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap());
        Some(match major {
            0 => json!(length.unwrap()),
            1 => json!(-1 - i64::try_from(length.unwrap()).unwrap()),
            2 | 3 => json!(String::from_utf8(self.take(count).to_vec()).unwrap()),
            4 => Value::Array((0..count).map_while(|_| self.value()).collect()),
            5 => {
                let member = |_| {
                    let name = self.value()?.as_str().unwrap().to_owned();
                    Some((name, self.value().unwrap()))
                };
                Value::Object((0..count).map_while(member).collect::<Map<_, _>>())
            }
            // What is tagged speaks for itself: instants are numbers.
            _ => self.value().unwrap(),
        })
    }

    fn simple(&mut self, minor: u8) -> Option<Value> {
        Some(match minor {
            20 => json!(false),
            21 => json!(true),
            26 => json!(f32::from_bits(u32::try_from(self.number(4)).unwrap())),
            27 => json!(f64::from_bits(self.number(8))),
            31 => return None,
            _ => Value::Null,
        })
    }
}
