//! What a secret token may hold: it becomes the value of a header.

/// The longest token.
pub(super) const MOST: usize = 512;

/// Checks a token.
///
/// # Errors
/// Says what would be right.
pub(super) fn check(token: &str) -> Result<(), String> {
    let visible = token
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let trimmed = token.trim_matches(' ') == token;
    if (1..=MOST).contains(&token.len()) && visible && trimmed {
        Ok(())
    } else {
        Err(format!(
            "must be 1 to {MOST} visible ASCII characters, with spaces inside only"
        ))
    }
}

#[test]
fn a_token_can_be_a_headers_value() {
    for good in ["x", "Bearer abc", &"x".repeat(MOST)] {
        assert_eq!(check(good), Ok(()));
    }
    for bad in [
        "",
        " x",
        "x ",
        "a\nb",
        "a\tb",
        "ä",
        "a\u{7f}",
        &"x".repeat(MOST + 1),
    ] {
        assert!(check(bad).is_err(), "{bad:?}");
    }
}
