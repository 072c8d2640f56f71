//! Ids: seventeen letters and digits that are not easily mistaken for others.

use fanfare_domain::secret::SECRET_BYTES;

const LETTERS: &[u8; 55] = b"23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz";
const LENGTH: usize = 17;

/// Makes an id from bytes of chance, asking for more until there are enough.
pub(super) fn fresh(mut chance: impl FnMut() -> [u8; SECRET_BYTES]) -> String {
    // Above it, some letters would come more often.
    const FAIR: usize = 256 - 256 % LETTERS.len();
    let mut id = String::with_capacity(LENGTH);
    loop {
        for byte in chance() {
            let byte = usize::from(byte);
            if byte < FAIR {
                id.push(char::from(LETTERS[byte % LETTERS.len()]));
            }
            if id.len() == LENGTH {
                return id;
            }
        }
    }
}

#[test]
fn an_id_has_seventeen_letters_also_where_chance_is_unfair() {
    let mut calls = 0_u8;
    let id = fresh(|| {
        calls += 1;
        let mut bytes = [255; SECRET_BYTES];
        bytes[..9].fill(calls);
        bytes
    });
    assert_eq!((id.as_str(), calls), ("33333333344444444", 2));
}
