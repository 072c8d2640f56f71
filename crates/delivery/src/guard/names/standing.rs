//! What is remembered of a name's last look-up.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;

/// Names in each of the two generations. When the younger one is full the older one is forgotten:
/// its names are as good as new then.
const GENERATION: usize = 8_192;

/// How a name has behaved; each kind has places of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its last look-up was answered, be it with no.
    Answers,
    /// It was never asked for, or has been forgotten.
    #[default]
    New,
    /// Its last look-up ran out of time.
    Hangs,
}

/// Remembers between 8,192 and 16,384 names.
#[derive(Default)]
pub(super) struct Standings {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Arc<str>, Standing>,
    old: HashMap<Arc<str>, Standing>,
}

impl Standings {
    pub(super) fn of(&self, name: &str) -> Standing {
        let generations = self.generations.lock();
        let young = generations.young.get(name);
        young
            .or_else(|| generations.old.get(name))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn set(&self, name: &Arc<str>, standing: Standing) {
        let mut generations = self.generations.lock();
        if generations.young.len() >= GENERATION && !generations.young.contains_key(name) {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(name.clone(), standing);
    }
}
