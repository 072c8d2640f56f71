//! Cursors: where a list goes on, opaque to callers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_app::port::configuration::Revision;
use fanfare_domain::id::{DeliveryId, EventId, JobId};

/// Which list a cursor belongs to: its first byte, so that one list's cursor is refused by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum List {
    /// Environments.
    Environments = b'w',
    /// Keys.
    Keys = b'k',
    /// Tenants.
    Tenants = b't',
    /// Event types.
    EventTypes = b'y',
    /// Endpoints.
    Endpoints = b'p',
    /// Events.
    Events = b'e',
    /// Deliveries.
    Deliveries = b'd',
    /// Attempts of a delivery.
    Attempts = b'a',
    /// Jobs.
    Jobs = b'j',
}

/// A position in a list.
pub(crate) trait Position: Sized {
    /// Its bytes.
    fn bytes(&self) -> Vec<u8>;
    /// Reads its bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Position for Revision {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Position for EventId {
    fn bytes(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }
}

impl Position for DeliveryId {
    fn bytes(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }
}

/// The number of an attempt.
impl Position for u16 {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Position for JobId {
    fn bytes(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }
}

/// The text of a cursor.
pub(crate) fn encode<P: Position>(list: List, position: &P) -> String {
    let mut bytes = vec![list as u8];
    bytes.extend(position.bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor of this list.
pub(crate) fn decode<P: Position>(list: List, text: &str) -> Option<P> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    match bytes.split_first() {
        Some((first, rest)) if *first == list as u8 => P::read(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let text = encode::<Revision>(List::Tenants, &7);
        assert_eq!(decode::<Revision>(List::Tenants, &text), Some(7));
        assert_eq!(decode::<Revision>(List::Keys, &text), None);
        assert_eq!(decode::<EventId>(List::Tenants, &text), None);
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(bits: u128, revision: i64) {
            let id = DeliveryId::from_bits(bits);
            let text = encode(List::Deliveries, &id);
            prop_assert_eq!(decode(List::Deliveries, &text), Some(id));
            let text = encode::<Revision>(List::Keys, &revision);
            prop_assert_eq!(decode(List::Keys, &text), Some(revision));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,64}") {
            let _ = decode::<DeliveryId>(List::Deliveries, &text);
        }
    }
}
