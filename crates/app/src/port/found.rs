//! What a search found.

/// What a bounded search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T, C> {
    /// In the order of the list.
    pub found: Vec<T>,
    /// Where it stopped before it had found as many as were asked for or had come to the end: everything
    /// up to there was looked at, it included, and what comes after it was not.
    pub stopped_at: Option<C>,
}
