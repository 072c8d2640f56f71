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

impl<T, C> Found<T, C> {
    /// Adds what one step of a search found to `all`, of which so many are wanted; answers where the next step
    /// begins and for how many more, unless this was the last.
    pub fn collect_into(self, all: &mut Vec<T>, wanted: usize) -> Option<(C, usize)> {
        all.extend(self.found);
        let left = wanted.saturating_sub(all.len());
        self.stopped_at.filter(|_| left > 0).map(|at| (at, left))
    }
}
