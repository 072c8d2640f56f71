//! Which path gets which answer, and in which order.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;

use super::answer::Answer;

struct Sequence {
    answers: Vec<Arc<Answer>>,
    next: AtomicUsize,
}

impl Sequence {
    fn new(answers: Vec<Answer>) -> Self {
        assert!(!answers.is_empty(), "a script needs at least one answer");
        Self {
            answers: answers.into_iter().map(Arc::new).collect(),
            next: 0.into(),
        }
    }

    fn take(&self) -> Arc<Answer> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.answers[next.min(self.answers.len() - 1)].clone()
    }
}

/// Answers by path; the last of a sequence repeats.
pub(super) struct Script {
    paths: RwLock<HashMap<String, Sequence>>,
    otherwise: RwLock<Arc<Answer>>,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            paths: RwLock::default(),
            otherwise: RwLock::new(Arc::new(Answer::ok())),
        }
    }

    pub(super) fn set(&self, path: &str, answers: Vec<Answer>) {
        self.paths
            .write()
            .insert(path.to_owned(), Sequence::new(answers));
    }

    pub(super) fn set_otherwise(&self, answer: Answer) {
        *self.otherwise.write() = Arc::new(answer);
    }

    /// The next answer for this path, which has no query.
    pub(super) fn next(&self, path: &str) -> Arc<Answer> {
        match self.paths.read().get(path) {
            Some(sequence) => sequence.take(),
            None => self.otherwise.read().clone(),
        }
    }
}
