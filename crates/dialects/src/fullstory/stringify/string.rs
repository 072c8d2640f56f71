//! Strings, with no more escapes than ECMAScript writes.

/// Rewrites a string from behind its opening quote; answers it in quotes, and how many bytes were
/// read. None when it is not a JSON string.
pub(super) fn rewrite(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut written = vec![b'"'];
    let mut at = 0;
    loop {
        let byte = *text.get(at)?;
        match byte {
            b'"' => {
                written.push(b'"');
                return Some((written, at + 1));
            }
            b'\\' => at += 1 + escape(text.get(at + 1..)?, &mut written)?,
            0..0x20 => return None,
            _ => {
                written.push(byte);
                at += 1;
            }
        }
    }
}

/// Reads what stands behind a backslash, writes the letter that it means, and answers how many bytes
/// it took.
fn escape(text: &[u8], written: &mut Vec<u8>) -> Option<usize> {
    let letter = match *text.first()? {
        kept @ (b'"' | b'\\' | b'/') => char::from(kept),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unit(text, written),
        _ => return None,
    };
    put(letter, written);
    Some(1)
}

/// `uXXXX`, or two of them that make a pair.
fn unit(text: &[u8], written: &mut Vec<u8>) -> Option<usize> {
    let first = hex(text.get(1..5)?)?;
    if let Some(letter) = char::from_u32(first) {
        put(letter, written);
        return Some(5);
    }
    let second = match text.get(5..11) {
        Some([b'\\', b'u', digits @ ..]) => hex(digits),
        _ => None,
    };
    if let (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) = (first, second)
        && let Some(letter) = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00))
    {
        put(letter, written);
        return Some(11);
    }
    // Half of a pair, alone.
    written.extend_from_slice(format!("\\u{first:04x}").as_bytes());
    Some(5)
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digit = |value: u32, byte: &u8| Some(value * 16 + char::from(*byte).to_digit(16)?);
    digits.iter().try_fold(0, digit)
}

/// A letter, escaped where it must be.
fn put(letter: char, written: &mut Vec<u8>) {
    let short: &[u8] = match letter {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\u{8}' => b"\\b",
        '\t' => b"\\t",
        '\n' => b"\\n",
        '\u{c}' => b"\\f",
        '\r' => b"\\r",
        '\0'..' ' => {
            written.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            return;
        }
        _ => {
            written.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    written.extend_from_slice(short);
}
