//! Ids of the original's form: a prefix and 27 characters of base 62, sortable by time.
//!
//! Ours have 128 bits, theirs 160: the lower 32 are zero, so that each names exactly one of ours and back.

/// Sorts as bytes do.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 27;

/// Prefixes, with the underscore.
pub(super) const APPLICATION: &str = "app_";
pub(super) const ENDPOINT: &str = "ep_";
pub(super) const MESSAGE: &str = "msg_";
pub(super) const ATTEMPT: &str = "atmpt_";
pub(super) const TASK: &str = "qtask_";
pub(super) const ORGANISATION: &str = "org_";

/// The text of one of our ids.
pub(super) fn shown(prefix: &str, bits: u128) -> String {
    let mut words = [0u32; 5];
    for (place, word) in words.iter_mut().take(4).enumerate() {
        *word = (bits >> (96 - 32 * place)) as u32;
    }
    let mut digits = [0u8; LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u64;
        for word in &mut words {
            let value = (rest << 32) | u64::from(*word);
            *word = (value / 62) as u32;
            rest = value % 62;
        }
        *digit = ALPHABET[rest as usize];
    }
    let mut text = String::with_capacity(prefix.len() + LENGTH);
    text.push_str(prefix);
    text.extend(digits.iter().map(|digit| char::from(*digit)));
    text
}

/// The 160 bits of a text of this form.
fn words(prefix: &str, text: &str) -> Option<[u32; 5]> {
    let digits = text.strip_prefix(prefix)?.as_bytes();
    if digits.len() != LENGTH {
        return None;
    }
    let mut words = [0u32; 5];
    for digit in digits {
        let mut carry = ALPHABET.iter().position(|letter| letter == digit)? as u64;
        for word in words.iter_mut().rev() {
            let value = u64::from(*word) * 62 + carry;
            *word = value as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(words)
}

/// Whether a text has this form, whoever made it.
pub(super) fn well_formed(prefix: &str, text: &str) -> bool {
    words(prefix, text).is_some()
}

/// Which of our ids a text names; none where it can't be one.
pub(super) fn bits(prefix: &str, text: &str) -> Option<u128> {
    let words = words(prefix, text)?;
    let upper = words[..4].iter();
    let bits = upper.fold(0u128, |sum, word| (sum << 32) | u128::from(*word));
    (words[4] == 0).then_some(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_sorts_as_its_bits(one: u128, other: u128) {
            let (a, b) = (shown(MESSAGE, one), shown(MESSAGE, other));
            prop_assert_eq!(bits(MESSAGE, &a), Some(one));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        }
    }

    #[test]
    fn what_is_no_id_names_nothing() {
        let id = shown(ENDPOINT, 7);
        for text in [
            "",
            "ep_",
            "ep_1",
            &id[..id.len() - 1],
            &format!("{id}0"),
            &id.replacen("ep_", "msg_", 1),
            // One past 160 bits, and one that is no number.
            "ep_aWgEPTl1tmebfsQzFP4bxwgy80W",
            "ep_00000000000000000000000000-",
            // The lower bits are not zero.
            "ep_000000000000000000000000001",
        ] {
            assert_eq!(bits(ENDPOINT, text), None, "{text}");
        }
        assert!(well_formed(ENDPOINT, "ep_aWgEPTl1tmebfsQzFP4bxwgy80V"));
        assert!(well_formed(ORGANISATION, "org_00000000000SvixManagement00"));
    }
}
