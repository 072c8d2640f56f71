//! Use cases of Fanfare, and the ports that they need.
//!
//! A use case is a method of [`Fanfare`]: it checks what came in, says what is wrong with all of it
//! at once, and calls ports. Nothing here knows HTTP, SQL or a provider's wire format.

pub mod directory;
pub mod format;
pub mod port;
