//! Values, and cursors made of them.

use std::fmt::Write as _;

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A row, in the order of its part's columns.
pub type Row = Vec<Value>;

impl Value {
    /// About how much of the memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len() + 24,
            Self::Bytes(bytes) => bytes.len() + 24,
        }
    }

    /// Appends its canonical form, which no other value has.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Int(number) => {
                out.push(1);
                out.extend(number.to_be_bytes());
                return;
            }
            Self::Text(text) => (2, text.as_bytes()),
            Self::Bytes(bytes) => (3, bytes),
        };
        out.push(kind);
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend(bytes);
    }
}

/// Where the next chunk of a part begins: the key of the last row of the one before, in the words of the
/// engine that gave it. Numbers and bytes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<Value>);

impl Cursor {
    /// As a text: numbers as they are, bytes as `x` and hexadecimal digits, with commas between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for value in &self.0 {
            if !text.is_empty() {
                text.push(',');
            }
            match value {
                Value::Int(number) => {
                    let _ = write!(text, "{number}");
                }
                Value::Bytes(bytes) => {
                    text.push('x');
                    for byte in bytes {
                        let _ = write!(text, "{byte:02x}");
                    }
                }
                Value::Null | Value::Text(_) => {}
            }
        }
        text
    }

    /// Reads what [`Cursor::to_text`] gave; none for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let value = |text: &str| match text.strip_prefix('x') {
            None => text.parse().ok().map(Value::Int),
            Some(digits) => {
                let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
                    return None;
                };
                let byte =
                    |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
                let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
                bytes.map(Value::Bytes)
            }
        };
        text.split(',').map(value).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Int),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(values in proptest::collection::vec(key(), 1..4)) {
            let cursor = Cursor(values);
            prop_assert_eq!(Cursor::from_text(&cursor.to_text()), Some(cursor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Cursor::from_text(&text);
        }
    }
}
