//! Names whose last look-up ran out of time.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;

/// Names in each of the two generations. When the younger one is full the older one is forgotten:
/// its names are as good as new then, until they hang again.
const GENERATION: usize = 4_096;

/// Remembers between 4,096 and 8,192 names.
#[derive(Default)]
pub(super) struct SlowNames {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashSet<Arc<str>>,
    old: HashSet<Arc<str>>,
}

impl SlowNames {
    pub(super) fn contains(&self, name: &str) -> bool {
        let generations = self.generations.lock();
        generations.young.contains(name) || generations.old.contains(name)
    }

    pub(super) fn insert(&self, name: &Arc<str>) {
        let mut generations = self.generations.lock();
        if generations.young.len() >= GENERATION {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(name.clone());
    }

    pub(super) fn remove(&self, name: &str) {
        let mut generations = self.generations.lock();
        generations.young.remove(name);
        generations.old.remove(name);
    }
}
