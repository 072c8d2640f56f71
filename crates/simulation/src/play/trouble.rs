//! What befalls the store and the machine.

use fanfare_testkit::builders::Ground;
use fanfare_testkit::memory_store::Call;

use super::{LifeEnd, Play};
use crate::chronicle::Fact;
use crate::life::Life;
use crate::setting::{millis, seconds};

const CALLS: [Call; 11] = [
    Call::Append,
    Call::ReadLog,
    Call::Settle,
    Call::Settle,
    Call::Due,
    Call::Lanes,
    Call::Discard,
    Call::ReadDeliveries,
    Call::Apply,
    Call::ChangeJob,
    Call::ReadJobs,
];

impl Play {
    /// A kind of the store's calls fails some times, or takes long.
    pub(super) fn fail(&self, ground: &Ground) {
        let faults = ground.store.faults();
        let call = *self.chance.pick(&CALLS);
        let moment = self.moment();
        if self.chance.chance(0.5) {
            let times = 1 + self.chance.below(6) as usize;
            faults.fail(call, times, moment);
            self.note(Fact::Trouble(format!(
                "the store fails: {call:?} {times} times, {moment:?} its work"
            )));
        } else {
            let delay = millis(1 << self.chance.below(12));
            faults.delay(call, delay, moment);
            self.note(Fact::Trouble(format!(
                "the store is slow: {call:?} by {delay:?}, {moment:?} its work"
            )));
        }
    }

    pub(super) fn heal(&self, ground: &Ground) {
        ground.store.faults().heal();
        self.note(Fact::Trouble("the store is well".to_owned()));
    }

    /// The machine goes down at one of the store's next calls.
    pub(super) fn stop_at_a_call(&self, ground: &Ground) {
        let calls = self.chance.below(20) as usize;
        ground.store.faults().stop_after(calls, self.moment());
    }

    /// The machine is asked to stop, and starts again.
    pub(super) async fn shut_down(&self, life: &Life) -> LifeEnd {
        life.engine.shutdown(seconds(5)).await;
        self.note(Fact::End { asked: true });
        LifeEnd::Stopped
    }
}
