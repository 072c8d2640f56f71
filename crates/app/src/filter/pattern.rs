//! Patterns of `matches`: compiled once, with what they cost.
//!
//! A match takes time by the text's length times, at worst, the size of the compiled pattern: where the
//! states of its automaton are too many to be kept, each letter is tried on all that are possible. How
//! large a pattern is can't be asked, but it can be bounded; so the smallest of the bounds that lets it
//! through says what it costs.

use regex::{Regex, RegexBuilder};

/// A bound on a compiled pattern's bytes for each step that a byte of text costs.
const BYTES_FOR_A_STEP: usize = 2 * 1024;
/// The most steps that a byte of text may cost: patterns of 256 KiB.
const MAX_STEPS: usize = 128;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) regex: Regex,
    /// What looking at a byte costs.
    pub(super) steps_a_byte: u64,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut steps = 1;
        loop {
            let size = steps * BYTES_FOR_A_STEP;
            let built = RegexBuilder::new(text)
                .size_limit(size)
                .dfa_size_limit(4 * size)
                .build();
            match built {
                Ok(regex) => {
                    return Ok(Self {
                        text: text.to_owned(),
                        regex,
                        steps_a_byte: steps as u64,
                    });
                }
                Err(regex::Error::CompiledTooBig(_)) if steps < MAX_STEPS => steps *= 2,
                Err(regex::Error::CompiledTooBig(_)) => return Err("too large".to_owned()),
                Err(other) => {
                    // The last line says what; those before draw where.
                    let told = other.to_string();
                    let last = told.lines().last().unwrap_or_default();
                    return Err(last.trim_start_matches("error: ").to_owned());
                }
            }
        }
    }
}
