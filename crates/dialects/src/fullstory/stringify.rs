//! JSON as ECMAScript's `JSON.stringify(JSON.parse(text))` writes it, byte for byte.
//!
//! FullStory's own sample receiver verifies a signature over what it gets when it parses the body and
//! writes it again. So the body must already be what that gives: no white space, the shortest escapes,
//! numbers as a double is written, integer-like names first, and the last of equal names.
//!
//! Nesting is as deep as the text says, so nothing here calls itself. Work and memory are linear in
//! the text, which the bound on an event's data bounds.

use std::collections::HashMap;

mod string;
#[cfg(test)]
mod tests;

/// A value, with its parts by their places in the arena.
enum Node {
    /// As it is written.
    Scalar(Vec<u8>),
    Array(Vec<usize>),
    /// Names as they are written, quotes included.
    Object(Vec<(Vec<u8>, usize)>),
}

/// An array or object that is not closed yet.
enum Open {
    Array(Vec<usize>),
    Object {
        members: Vec<(Vec<u8>, usize)>,
        /// The name whose value is being read.
        name: Vec<u8>,
    },
}

/// Writes JSON anew; none when the text is not JSON.
pub(super) fn stringify(text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader {
        text,
        at: 0,
        arena: Vec::new(),
    };
    let root = reader.document()?;
    Some(write(&reader.arena, root, text.len()))
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    arena: Vec<Node>,
}

impl Reader<'_> {
    fn document(&mut self) -> Option<usize> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match self.value()? {
                Read::Opened(fresh) => {
                    open.push(fresh);
                    continue;
                }
                Read::Whole(node) => self.keep(node),
            };
            // A value ended; perhaps what it stands in ends with it.
            loop {
                let ends = match open.last_mut() {
                    None => {
                        let rest = self.peek();
                        return rest.is_none().then_some(value);
                    }
                    Some(Open::Array(items)) => {
                        items.push(value);
                        match self.next()? {
                            b',' => false,
                            b']' => true,
                            _ => return None,
                        }
                    }
                    Some(Open::Object { members, name }) => {
                        members.push((std::mem::take(name), value));
                        match self.next()? {
                            b',' => {
                                *name = self.name()?;
                                false
                            }
                            b'}' => true,
                            _ => return None,
                        }
                    }
                };
                if !ends {
                    break;
                }
                value = match open.pop()? {
                    Open::Array(items) => self.keep(Node::Array(items)),
                    Open::Object { members, .. } => self.keep(Node::Object(arranged(members))),
                };
            }
        }
    }

    fn keep(&mut self, node: Node) -> usize {
        self.arena.push(node);
        self.arena.len() - 1
    }

    /// The next byte that is no white space, not taken.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at).copied() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        let (written, length) = string::rewrite(self.text.get(self.at..)?)?;
        self.at += length;
        Some(written)
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        if self.next()? != b'"' {
            return None;
        }
        let name = self.string()?;
        (self.next()? == b':').then_some(name)
    }

    fn value(&mut self) -> Option<Read> {
        let scalar = |text: Vec<u8>| Some(Read::Whole(Node::Scalar(text)));
        match self.next()? {
            b'{' if self.peek()? == b'}' => {
                self.at += 1;
                Some(Read::Whole(Node::Object(Vec::new())))
            }
            b'{' => Some(Read::Opened(Open::Object {
                members: Vec::new(),
                name: self.name()?,
            })),
            b'[' if self.peek()? == b']' => {
                self.at += 1;
                Some(Read::Whole(Node::Array(Vec::new())))
            }
            b'[' => Some(Read::Opened(Open::Array(Vec::new()))),
            b'"' => scalar(self.string()?),
            _ => {
                self.at -= 1;
                scalar(self.word()?)
            }
        }
    }

    /// A number or a literal.
    fn word(&mut self) -> Option<Vec<u8>> {
        let rest = self.text.get(self.at..)?;
        let within = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.iter().take_while(|byte| within(byte)).count();
        let word = std::str::from_utf8(rest.get(..length)?).ok()?;
        self.at += length;
        match word {
            "true" | "false" | "null" => Some(word.as_bytes().to_vec()),
            _ if word.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                number(word.parse().ok()?)
            }
            _ => None,
        }
    }
}

enum Read {
    Opened(Open),
    Whole(Node),
}

/// As ECMAScript writes a number; one that no double holds is null.
fn number(value: f64) -> Option<Vec<u8>> {
    let mut buffer = ryu_js::Buffer::new();
    let written = if value.is_finite() {
        // Minus zero too.
        if value == 0.0 {
            "0"
        } else {
            buffer.format_finite(value)
        }
    } else {
        "null"
    };
    Some(written.as_bytes().to_vec())
}

/// Members as an ECMAScript object has them: of equal names the last value, at the first one's place;
/// integer-like names first, ascending.
fn arranged(members: Vec<(Vec<u8>, usize)>) -> Vec<(Vec<u8>, usize)> {
    let mut kept: Vec<(Vec<u8>, usize)> = Vec::with_capacity(members.len());
    let mut places: HashMap<Vec<u8>, usize> = HashMap::with_capacity(members.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(place) => kept[*place].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept.sort_by_key(|(name, _)| index(name).unwrap_or(u64::MAX));
    kept
}

/// The integer that a quoted name is like: below 2^32 − 1, without leading zeros.
fn index(quoted: &[u8]) -> Option<u64> {
    let digits = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let plain = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (plain && value < u64::from(u32::MAX)).then_some(value)
}

enum Piece<'a> {
    Value(usize),
    Text(&'a [u8]),
}

fn write(arena: &[Node], root: usize, about: usize) -> Vec<u8> {
    let mut written = Vec::with_capacity(about);
    let mut ahead = vec![Piece::Value(root)];
    while let Some(piece) = ahead.pop() {
        let node = match piece {
            Piece::Text(text) => {
                written.extend_from_slice(text);
                continue;
            }
            Piece::Value(place) => &arena[place],
        };
        match node {
            Node::Scalar(text) => written.extend_from_slice(text),
            Node::Array(items) => {
                written.push(b'[');
                ahead.push(Piece::Text(b"]"));
                for (place, item) in items.iter().enumerate().rev() {
                    ahead.push(Piece::Value(*item));
                    if place > 0 {
                        ahead.push(Piece::Text(b","));
                    }
                }
            }
            Node::Object(members) => {
                written.push(b'{');
                ahead.push(Piece::Text(b"}"));
                for (place, (name, value)) in members.iter().enumerate().rev() {
                    ahead.push(Piece::Value(*value));
                    ahead.push(Piece::Text(b":"));
                    ahead.push(Piece::Text(name));
                    if place > 0 {
                        ahead.push(Piece::Text(b","));
                    }
                }
            }
        }
    }
    written
}
