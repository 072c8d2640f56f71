//! What is SQLite's own: files, locks, full disks, commits.

#![allow(clippy::unwrap_used, reason = "a test: an error is its failure")]

mod sqlite {
    mod backup;
    mod commits;
    mod lists;
    mod made;
    mod opening;
    mod trouble;
}
