//! One look-up for all who ask for a name at a time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use super::Answer;

type Flight = Shared<BoxFuture<'static, Answer>>;

/// The look-ups under way; as many as names that somebody waits for.
#[derive(Default)]
pub(super) struct Flights {
    board: Arc<Mutex<Board>>,
}

#[derive(Default)]
struct Board {
    flights: HashMap<Arc<str>, (u64, WeakShared<BoxFuture<'static, Answer>>)>,
    next: u64,
}

impl Flights {
    /// Waits for the look-up of this name, which `start` begins where none is under way. It goes
    /// on as long as anybody waits, and ends when nobody does.
    pub(super) async fn join<F>(&self, name: &Arc<str>, start: impl FnOnce(Arc<str>) -> F) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let flight = self.flight(name, start);
        flight.await
    }

    fn flight<F>(&self, name: &Arc<str>, start: impl FnOnce(Arc<str>) -> F) -> Flight
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut board = self.board.lock();
        let under_way = board.flights.get(name).and_then(|(_, weak)| weak.upgrade());
        if let Some(flight) = under_way {
            return flight;
        }
        let number = board.next;
        board.next += 1;
        let entry = Entry {
            board: self.board.clone(),
            name: name.clone(),
            number,
        };
        let look_up = start(name.clone());
        let flight = async move {
            let _entry = entry;
            look_up.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            board.flights.insert(name.clone(), (number, weak));
        }
        flight
    }
}

/// Takes a flight off the board when it ends, unless a later one of the same name stands there.
struct Entry {
    board: Arc<Mutex<Board>>,
    name: Arc<str>,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut board = self.board.lock();
        let stands = board.flights.get(&self.name).map(|(number, _)| *number);
        if stands == Some(self.number) {
            board.flights.remove(&self.name);
        }
    }
}
