//! What a store can answer besides what was asked for.

/// Why a store could not do it. Nothing was changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not now: locked, full, gone. What was asked may or may not have been done; trying again later
    /// is right.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too much is waiting for the store already; nothing was done.
    #[error("the store has too much to do")]
    Busy,
    /// What is stored can't be understood.
    #[error("the store holds something unreadable at {place}")]
    Corrupt {
        /// Table, column and row.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Not available, because of `source`.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// Unreadable at `place`, because of `source`.
    pub fn corrupt(
        place: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Corrupt {
            place: place.into(),
            source: source.into(),
        }
    }
}
