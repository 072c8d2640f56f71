//! An endpoint's filter, with what went wrong with it.

use std::sync::atomic::{AtomicU64, Ordering};

use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use super::{Filter, FilterError, FilterRefused, Subject};

/// How often evaluating a filter failed since the server's start or the filter's last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterErrors {
    /// How often.
    pub count: u64,
    /// The last time and why.
    pub last: Option<(Timestamp, FilterError)>,
}

/// An endpoint's filter, compiled, with what went wrong with it.
#[derive(Debug)]
pub struct EndpointFilter {
    text: String,
    filter: Result<Filter, FilterRefused>,
    count: AtomicU64,
    last: Mutex<Option<(Timestamp, FilterError)>>,
}

impl EndpointFilter {
    /// Compiles an endpoint's filter. One that was saved but can't be used any more matches nothing, and
    /// says so each time.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            filter: Filter::compile(text),
            count: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// The filter's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why what is stored can't be used, if so.
    #[must_use]
    pub fn refused(&self) -> Option<&FilterRefused> {
        self.filter.as_ref().err()
    }

    /// Whether an event is asked for. Nothing is counted.
    ///
    /// # Errors
    /// When the expression can't be evaluated for this event.
    pub fn matches(&self, subject: &Subject<'_>) -> Result<bool, FilterError> {
        match &self.filter {
            Ok(filter) => filter.matches(subject),
            Err(refused) => Err(FilterError::Unusable(refused.clone())),
        }
    }

    /// Counts an error.
    pub fn failed(&self, at: Timestamp, why: FilterError) {
        self.count.fetch_add(1, Ordering::Relaxed);
        *self.last.lock() = Some((at, why));
    }

    /// What was counted.
    #[must_use]
    pub fn errors(&self) -> FilterErrors {
        FilterErrors {
            count: self.count.load(Ordering::Relaxed),
            last: self.last.lock().clone(),
        }
    }
}
