//! Events whose data carries a mark: which run it belongs to, and its number there.

use anyhow::{Result, ensure};
use bytes::Bytes;

const KEY: &[u8] = br#""mark":""#;
/// Four digits of the run, a dash, twelve digits of the number.
const MARK: usize = 4 + 1 + 12;

/// A request body that needs only its mark changed for each event.
pub(crate) struct Payload {
    body: Vec<u8>,
    mark_at: usize,
}

impl Payload {
    /// Event data of exactly `size` bytes alone, as it is posted straight to the receiver.
    pub(crate) fn bare(size: usize) -> Result<Self> {
        Self::wrapped("", size, "")
    }

    /// A publish request with event data of exactly `size` bytes.
    pub(crate) fn event(event_type: &str, size: usize) -> Result<Self> {
        Self::wrapped(&format!(r#"{{"type":"{event_type}","data":"#), size, "}")
    }

    /// A request that makes a message through the Svix dialect.
    pub(crate) fn svix_message(event_type: &str, size: usize) -> Result<Self> {
        Self::wrapped(
            &format!(r#"{{"eventType":"{event_type}","payload":"#),
            size,
            "}",
        )
    }

    fn wrapped(before: &str, size: usize, after: &str) -> Result<Self> {
        let frame = r#"{"mark":"","pad":""}"#.len() + MARK;
        ensure!(
            size >= frame,
            "a payload needs at least {frame} bytes, {size} are too few"
        );
        let mark = "0".repeat(MARK);
        let pad = "x".repeat(size - frame);
        let body = format!(r#"{before}{{"mark":"{mark}","pad":"{pad}"}}{after}"#).into_bytes();
        let mark_at = before.len() + 1 + KEY.len();
        Ok(Self { body, mark_at })
    }

    /// The body for this event.
    pub(crate) fn body(&self, run: u16, number: u64) -> Bytes {
        let mut body = self.body.clone();
        let mark = &mut body[self.mark_at..self.mark_at + MARK];
        write_digits(&mut mark[..4], u64::from(run));
        mark[4] = b'-';
        write_digits(&mut mark[5..], number);
        body.into()
    }
}

/// The run and number that a delivered body carries, wherever in it the data is.
pub(crate) fn read_mark(body: &[u8]) -> Option<(u16, u64)> {
    let key_at = body.windows(KEY.len()).position(|window| window == KEY)?;
    let mark = body.get(key_at + KEY.len()..key_at + KEY.len() + MARK)?;
    let run = read_digits(&mark[..4])?;
    Some((u16::try_from(run).ok()?, read_digits(&mark[5..])?))
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn read_digits(place: &[u8]) -> Option<u64> {
    place.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_the_data_has_its_size() {
        let payload = Payload::event("bench.event", 512).unwrap();
        let body = payload.body(17, 1_234_567);
        assert_eq!(read_mark(&body), Some((17, 1_234_567)));
        let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(parsed["data"].to_string().len(), 512);
        assert_eq!(Payload::bare(512).unwrap().body(1, 1).len(), 512);
        assert!(Payload::bare(10).is_err());
        assert_eq!(read_mark(b"{}"), None);
    }
}
