//! The slots of all lanes together: how many requests are under way at a time.
//!
//! While there are slots, taking one is an atomic exchange and nothing else. When they are short, a
//! lane that wants one stands in a queue, once; its worker ends, and one is started when its turn
//! comes. Turns go round between tenants, and within a tenant round between its lanes (fair queueing;
//! each request costs the same), so one that floods waits behind itself only.
//!
//! Some slots are for first attempts of endpoints that answer: retries, and endpoints whose last
//! attempt failed, never take them. So however many endpoints hang or have to be tried again, what was
//! just published for the others finds its way out.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fanfare_app::fault::{Fault, planted};
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use parking_lot::Mutex;

/// What a slot is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A first attempt at an endpoint whose last attempt arrived.
    First,
    /// Any other.
    Later,
}

/// A slot that was taken. It has to be given back.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot(Class);

impl Slot {
    /// What it may be used for: one of the reserved ones is for first attempts only.
    pub(super) fn serves(&self, class: Class) -> bool {
        self.0 == Class::Later || class == Class::First
    }
}

/// A lane's turn: it may use this slot.
pub(super) type Turn = (EndpointId, Slot);

/// The slots of all lanes together.
#[derive(Debug)]
pub(super) struct Slots {
    most: u64,
    /// How many may be taken for anything but first attempts.
    for_later: u64,
    /// How many are taken in all, and in the upper half of the word how many for [`Class::Later`].
    taken: AtomicU64,
    /// Lanes in each queue.
    waiting: [AtomicUsize; 2],
    queues: Mutex<Queues>,
}

const LATER: u64 = 1 << 32;

#[derive(Debug, Default)]
struct Queues {
    of: [Queue; 2],
    /// The class that is looked at first for the next turn.
    next: usize,
}

/// Lanes that wait, by tenant.
#[derive(Debug, Default)]
struct Queue {
    /// The tenants that have a lane waiting, in the order of their turns.
    tenants: VecDeque<Scope>,
    lanes: HashMap<Scope, VecDeque<EndpointId>>,
}

impl Queue {
    fn push(&mut self, tenant: &Scope, lane: EndpointId) {
        if let Some(lanes) = self.lanes.get_mut(tenant) {
            lanes.push_back(lane);
            return;
        }
        self.tenants.push_back(tenant.clone());
        self.lanes.insert(tenant.clone(), VecDeque::from([lane]));
    }

    fn pop(&mut self) -> Option<EndpointId> {
        let tenant = self.tenants.pop_front()?;
        let lanes = self.lanes.get_mut(&tenant)?;
        let lane = lanes.pop_front();
        if lanes.is_empty() {
            self.lanes.remove(&tenant);
        } else {
            self.tenants.push_back(tenant);
        }
        lane
    }
}

impl Slots {
    /// So many slots, of which `reserved` are for first attempts only.
    pub(super) fn new(most: usize, reserved: usize) -> Self {
        let most = u64::from(u32::try_from(most).unwrap_or(u32::MAX).max(1));
        let reserved = u64::from(u32::try_from(reserved).unwrap_or(u32::MAX));
        Self {
            most,
            // At least one, or retries would wait for ever.
            for_later: most.saturating_sub(reserved).max(1),
            taken: AtomicU64::new(0),
            waiting: Default::default(),
            queues: Mutex::default(),
        }
    }

    /// Takes a slot; none while they are short or others wait for one.
    pub(super) fn take(&self, class: Class) -> Option<Slot> {
        let waits = |class: Class| self.waiting[class as usize].load(Ordering::SeqCst) > 0;
        if waits(Class::First) || (class == Class::Later && waits(Class::Later)) {
            return None;
        }
        self.grab(class)
    }

    fn grab(&self, class: Class) -> Option<Slot> {
        let one = match class {
            Class::First => 1,
            Class::Later => 1 + LATER,
        };
        let more = |taken: u64| {
            let later = taken >> 32;
            let free =
                taken % LATER < self.most && (class == Class::First || later < self.for_later);
            let free = free || planted(Fault::IgnoreSlots);
            free.then_some(taken + one)
        };
        self.taken
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .ok()
            .map(|_| Slot(class))
    }

    /// Puts a lane into the queue; it must not be in it. Answers whose turn it is, which may be its own.
    pub(super) fn wait(&self, tenant: &Scope, lane: EndpointId, class: Class) -> Vec<Turn> {
        let mut queues = self.queues.lock();
        queues.of[class as usize].push(tenant, lane);
        // Before the slots are looked at: whoever gives one back after that sees it.
        self.waiting[class as usize].fetch_add(1, Ordering::SeqCst);
        self.turns(&mut queues)
    }

    /// Gives a slot back; answers whose turn it is.
    pub(super) fn give_back(&self, slot: Slot) -> Vec<Turn> {
        let one = match slot.0 {
            Class::First => 1,
            Class::Later => 1 + LATER,
        };
        self.taken.fetch_sub(one, Ordering::SeqCst);
        if self.waiting() == 0 {
            return Vec::new();
        }
        self.turns(&mut self.queues.lock())
    }

    fn turns(&self, queues: &mut Queues) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut passed_over = 0;
        while passed_over < 2 {
            let at = queues.next;
            queues.next = 1 - at;
            let class = if at == Class::First as usize {
                Class::First
            } else {
                Class::Later
            };
            let slot = if queues.of[at].tenants.is_empty() {
                None
            } else {
                self.grab(class)
            };
            let Some(slot) = slot else {
                passed_over += 1;
                continue;
            };
            passed_over = 0;
            self.waiting[at].fetch_sub(1, Ordering::SeqCst);
            if let Some(lane) = queues.of[at].pop() {
                turns.push((lane, slot));
            }
        }
        turns
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        usize::try_from(self.taken.load(Ordering::Relaxed) % LATER).unwrap_or(usize::MAX)
    }

    /// Whether they may soon be short: then a lane that has shown nothing yet begins with one request.
    pub(super) fn are_getting_short(&self) -> bool {
        self.taken.load(Ordering::Relaxed) % LATER >= self.most.div_ceil(2)
    }

    /// Lanes that wait for one.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
            .iter()
            .map(|each| each.load(Ordering::SeqCst))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use fanfare_domain::name::{EnvironmentId, TenantId};

    use super::*;

    fn tenant(name: &str) -> Scope {
        Scope {
            environment: EnvironmentId::default_environment(),
            tenant: TenantId::parse(name).unwrap(),
        }
    }

    fn lane(number: u128) -> EndpointId {
        EndpointId::from_bits(number)
    }

    fn turn(slots: &Slots, held: &mut Vec<Slot>) -> Vec<EndpointId> {
        let turns = slots.give_back(held.pop().unwrap());
        let (lanes, taken): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
        held.extend(taken);
        lanes
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let slots = Slots::new(3, 0);
        let mut held: Vec<_> = (0..5).filter_map(|_| slots.take(Class::Later)).collect();
        assert_eq!((held.len(), slots.taken()), (3, 3));
        assert!(slots.take(Class::First).is_none());
        assert_eq!(turn(&slots, &mut held), []);
        assert_eq!(slots.taken(), 2);
        held.extend(slots.take(Class::First));
        assert_eq!(held.len(), 3);
    }

    #[test]
    fn later_attempts_never_take_the_reserved_ones_and_first_ones_take_all() {
        let slots = Slots::new(4, 3);
        let later: Vec<_> = (0..4).filter_map(|_| slots.take(Class::Later)).collect();
        assert_eq!(later.len(), 1);
        let first: Vec<_> = (0..9).filter_map(|_| slots.take(Class::First)).collect();
        assert_eq!(first.len(), 3);
        later.into_iter().chain(first).for_each(|slot| {
            slots.give_back(slot);
        });
        let first: Vec<_> = (0..9).filter_map(|_| slots.take(Class::First)).collect();
        assert_eq!(first.len(), 4);
    }

    #[test]
    fn even_with_all_reserved_one_is_left_for_retries() {
        let slots = Slots::new(2, 2);
        assert!(slots.take(Class::Later).is_some());
        assert!(slots.take(Class::Later).is_none());
    }

    #[test]
    fn turns_go_round_between_tenants_and_then_between_their_lanes() {
        let slots = Slots::new(1, 0);
        let mut held = vec![slots.take(Class::First).unwrap()];
        let (flood, quiet) = (tenant("flood"), tenant("quiet"));
        for number in 1..=4 {
            assert_eq!(slots.wait(&flood, lane(number), Class::First), []);
        }
        assert_eq!(slots.wait(&quiet, lane(9), Class::First), []);
        let mut order = Vec::new();
        for _ in 0..5 {
            order.extend(turn(&slots, &mut held));
        }
        assert_eq!(order, [1, 9, 2, 3, 4].map(lane));
        assert_eq!(slots.waiting(), 0);
    }

    #[test]
    fn nobody_passes_those_who_wait() {
        let slots = Slots::new(1, 0);
        let slot = slots.take(Class::First).unwrap();
        assert_eq!(slots.wait(&tenant("a"), lane(1), Class::First), []);
        let turns = slots.give_back(slot);
        assert_eq!(turns.len(), 1);
        assert!(slots.take(Class::First).is_none());
    }

    #[test]
    fn first_attempts_pass_retries_that_wait_for_their_own_slots() {
        let slots = Slots::new(4, 3);
        let retry = slots.take(Class::Later).unwrap();
        assert_eq!(slots.wait(&tenant("a"), lane(1), Class::Later), []);
        assert!(slots.take(Class::First).is_some());
        let turns = slots.give_back(retry);
        assert_eq!(turns, [(lane(1), Slot(Class::Later))]);
    }

    #[test]
    fn both_classes_get_turns_while_both_wait() {
        let slots = Slots::new(1, 0);
        let mut held = vec![slots.take(Class::First).unwrap()];
        for number in 0..6 {
            let class = if number < 3 {
                Class::First
            } else {
                Class::Later
            };
            assert_eq!(slots.wait(&tenant("a"), lane(number), class), []);
        }
        let mut order = Vec::new();
        for _ in 0..4 {
            order.extend(turn(&slots, &mut held));
        }
        let later = order.iter().filter(|each| **each >= lane(3)).count();
        assert_eq!(later, 2, "{order:?}");
    }

    #[test]
    fn a_reserved_slot_serves_first_attempts_only() {
        assert!(Slot(Class::First).serves(Class::First));
        assert!(!Slot(Class::First).serves(Class::Later));
        assert!(Slot(Class::Later).serves(Class::First) && Slot(Class::Later).serves(Class::Later));
    }

    #[test]
    fn many_threads_take_and_give_back_and_nobody_waits_for_ever() {
        let slots = Slots::new(3, 1);
        let done = AtomicUsize::new(0);
        // Who was given a turn while waiting.
        let given = Mutex::new(HashMap::<EndpointId, Slot>::new());
        std::thread::scope(|scope| {
            for number in 0..8u128 {
                let (slots, done, given) = (&slots, &done, &given);
                scope.spawn(move || {
                    let me = lane(number);
                    let class = if number % 2 == 0 {
                        Class::First
                    } else {
                        Class::Later
                    };
                    let hand = |turns: Vec<Turn>| given.lock().extend(turns);
                    for _ in 0..2_000 {
                        let slot = slots.take(class).unwrap_or_else(|| {
                            hand(slots.wait(&tenant("a"), me, class));
                            loop {
                                if let Some(slot) = given.lock().remove(&me) {
                                    break slot;
                                }
                                std::thread::yield_now();
                            }
                        });
                        assert!(slots.taken() <= 3);
                        hand(slots.give_back(slot));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 16_000);
        assert_eq!((slots.taken(), slots.waiting()), (0, 0));
    }
}
