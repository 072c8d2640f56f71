//! How stores that keep rows write what is no plain number or text, so that every store writes it the
//! same and a move from one to another copies rows as they are.
//!
//! Nothing outside of stores has to know of it.

pub mod attempt;
pub mod code;
pub mod event;
pub mod tally;
