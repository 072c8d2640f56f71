//! Why a store takes no part in a move.

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store can't be opened for a move. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It must not take part.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It can't be opened.
    #[error("{place}")]
    Failed {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl OpenError {
    /// It can't be opened, because of `source`.
    pub fn failed(place: impl ToString, source: impl Into<Cause>) -> Self {
        Self::Failed {
            place: place.to_string(),
            source: source.into(),
        }
    }
}

/// Why a store must not take part in a move.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Somebody works with it.
    #[error("{place} is in use by {user}; stop that first")]
    InUse {
        /// Where it is.
        place: String,
        /// Who.
        user: String,
    },
    /// Its tables are not those that this release knows.
    #[error(
        "{place} has schema version {found}, and this release moves version {wanted}; \
        bring it up to date with `fanfare migrate` of this release, or use the release that it belongs to"
    )]
    Version {
        /// Where it is.
        place: String,
        /// Its version.
        found: u32,
        /// The version that is moved.
        wanted: u32,
    },
    /// The target has something in it, and was not made by a move that is unfinished.
    #[error(
        "{place} is not empty: it holds {what}; a move goes into an empty one, or goes on with its own \
        unfinished target"
    )]
    NotEmpty {
        /// Where it is.
        place: String,
        /// What is there.
        what: String,
    },
    /// The target was begun by another move.
    #[error(
        "{place} is the unfinished target of a move from {begun}, and not from {asked}; go on with that \
        one, or remove it and begin anew"
    )]
    OtherMove {
        /// Where it is.
        place: String,
        /// What it was begun from.
        begun: String,
        /// What is to be moved now.
        asked: String,
    },
    /// The source is the unfinished target of another move.
    #[error("{place} is itself the unfinished target of a move; let that one end first")]
    Unfinished {
        /// Where it is.
        place: String,
    },
}
