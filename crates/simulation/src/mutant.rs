//! Mutants: faults that are planted on purpose, each of which some rule must find.
//!
//! Those of the store, the network, the clock and the use cases' way to the engine are planted around
//! the ports. Those of the engine itself stand in its code behind [`fanfare_app::fault::planted`], and
//! need the feature `mutants`.

use std::sync::Arc;

use fanfare_app::fault::Fault;
use fanfare_app::port::{Clock, Dispatch, Sender};
use fanfare_testkit::memory_store::{Call, MemoryStore};

mod ports;

/// A fault that is planted on purpose.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is wrong with it.
    pub name: &'static str,
    plant: Plant,
}

#[derive(Clone, Copy, Debug)]
enum Plant {
    /// Of every so many calls, one is answered as if it was done, and is not.
    Lost(Call, usize),
    /// A crash takes the last commits with it.
    Unsynced(usize),
    /// The engine's clock is fast.
    FastClock,
    /// Every so often a request is sent twice.
    SentTwice,
    /// Every so often a request's answer is that of another one.
    OtherAnswer,
    /// The engine is not told of some events.
    NotHandedOn,
    /// In the engine or the use cases.
    Engine(Fault),
}

const fn mutant(name: &'static str, plant: Plant) -> Mutant {
    Mutant { name, plant }
}

const fn engine(name: &'static str, fault: Fault) -> Mutant {
    mutant(name, Plant::Engine(fault))
}

/// Those that need no feature: planted around the ports.
pub const AROUND_PORTS: &[Mutant] = &[
    mutant("some settlements are lost", Plant::Lost(Call::Settle, 5)),
    mutant("some appends are lost", Plant::Lost(Call::Append, 7)),
    mutant(
        "some changes of endpoints are lost",
        Plant::Lost(Call::Apply, 3),
    ),
    mutant(
        "commits are acknowledged before they are synced",
        Plant::Unsynced(2),
    ),
    mutant("the engine's clock is fast", Plant::FastClock),
    mutant("some requests are sent twice", Plant::SentTwice),
    mutant("some answers are of other requests", Plant::OtherAnswer),
    mutant("the engine is not told of some events", Plant::NotHandedOn),
];

/// Those in the code of the engine and the use cases.
pub const IN_THE_ENGINE: &[Mutant] = &[
    engine("a due time is forgotten", Fault::ForgetDueTime),
    engine("retries are due too early", Fault::DueTooEarly),
    engine("what is in memory is read again", Fault::ReadWhatIsHeld),
    engine(
        "follow-ups do not wait for the commit",
        Fault::LetGoBeforeCommit,
    ),
    engine(
        "an extra attempt counts in the schedule",
        Fault::CountExtraAttempt,
    ),
    engine("an extra attempt is lost", Fault::LoseExtraAttempt),
    engine(
        "the limit on requests at a time is ignored",
        Fault::IgnoreConcurrency,
    ),
    engine("a parked delivery is lost", Fault::LoseParked),
    engine(
        "the materialised position is too high",
        Fault::MaterialisedTooHigh,
    ),
    engine(
        "an endpoint's disabling is forgotten",
        Fault::ForgetDisabling,
    ),
    engine("a disabled endpoint is sent to", Fault::SendToDisabled),
    engine(
        "discarding forgets what is in memory",
        Fault::ForgetDiscarded,
    ),
    engine("a replay has a twin", Fault::TwinReplay),
    engine("bytes of payloads are not given back", Fault::LeakBytes),
    engine("there is always room in memory", Fault::IgnoreRoom),
    engine("Retry-After is ignored", Fault::IgnoreRetryAfter),
    engine("a failure counts as success", Fault::TakeFailureForSuccess),
    engine(
        "a part of an answer counts as the whole",
        Fault::TakePartForWhole,
    ),
    engine(
        "an attempt is recorded that was not sent",
        Fault::RecordUnsent,
    ),
    engine("a start takes up nothing", Fault::SkipRecovery),
    engine("a start takes up what is recorded", Fault::RecoverRecorded),
    engine("what was left in the log is forgotten", Fault::ForgetLog),
    engine("the total time is ignored", Fault::IgnoreTotalTime),
    engine("an event for later is sent at once", Fault::IgnoreDeliverAt),
    engine("what has expired is sent", Fault::IgnoreExpiry),
    engine("a rate is ignored", Fault::IgnoreRate),
    engine(
        "attempts are made while the breaker is open",
        Fault::IgnoreBreaker,
    ),
    engine("every delivery probes", Fault::ProbeWithAll),
    engine(
        "Retry-After slows its own delivery only",
        Fault::IgnoreSlowing,
    ),
    engine(
        "the limit on requests at a time never falls",
        Fault::IgnorePressure,
    ),
    engine("requests are made without a slot", Fault::IgnoreSlots),
    engine(
        "retries take the slots of first attempts",
        Fault::IgnoreReserve,
    ),
    engine("what was discarded is sent from memory", Fault::IgnoreDoubt),
    engine(
        "a replay is told of before it is synced",
        Fault::ReplayUnsynced,
    ),
    engine("a job forgets how far it has come", Fault::ForgetJobsPlace),
    engine("an attempt's number is skipped", Fault::SkipNumber),
    engine(
        "a line goes on while its first is retried",
        Fault::PassWhileRetried,
    ),
    engine(
        "a line goes on before all lower positions were handed on",
        Fault::IgnoreGaps,
    ),
    engine("a held line goes on", Fault::PassHeld),
    engine("a failure does not hold its line up", Fault::ForgetHold),
    engine("a start forgets the order", Fault::RecoverUnordered),
    engine("what lifts a hold is lost", Fault::ForgetLifting),
    engine("a batch is too large", Fault::OverfillBatch),
    engine(
        "what waits for others in a batch waits too long",
        Fault::ForgetGathered,
    ),
    engine("a retry leaves one of its batch out", Fault::LoseMember),
    engine("a batch gets another id at its retry", Fault::RenameBatch),
    engine("a filter is ignored", Fault::IgnoreFilter),
    engine(
        "a filter that fails counts as a match",
        Fault::TakeFilterErrorForMatch,
    ),
    engine(
        "a recovery brings what a filter refuses",
        Fault::RecoverUnfiltered,
    ),
];

/// Takes an engine's fault out again when it is dropped.
pub(crate) struct Planted;

impl Drop for Planted {
    fn drop(&mut self) {
        fanfare_app::fault::plant(None);
    }
}

impl Mutant {
    /// All that this build can plant.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let engine = fanfare_app::fault::CAN_BE_PLANTED.then_some(IN_THE_ENGINE);
        AROUND_PORTS.iter().chain(engine.into_iter().flatten())
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|mutant| mutant.name == name)
    }

    pub(crate) fn plant_in_engine(&self) -> Planted {
        if let Plant::Engine(fault) = self.plant {
            fanfare_app::fault::plant(Some(fault));
        }
        Planted
    }

    pub(crate) fn plant_in_store(&self, store: &MemoryStore) {
        match self.plant {
            Plant::Lost(call, every) => store.faults().lose(call, every),
            Plant::Unsynced(commits) => store.forget_at_crash(commits),
            _ => {}
        }
    }

    pub(crate) fn plant_in_clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        match self.plant {
            Plant::FastClock => Arc::new(ports::FastClock(clock)),
            _ => clock,
        }
    }

    pub(crate) fn plant_in_sender(&self, sender: Arc<dyn Sender>) -> Arc<dyn Sender> {
        match self.plant {
            Plant::SentTwice => Arc::new(ports::Twice::around(sender)),
            Plant::OtherAnswer => Arc::new(ports::OtherAnswer::around(sender)),
            _ => sender,
        }
    }

    pub(crate) fn plant_in_dispatch(&self, dispatch: Arc<dyn Dispatch>) -> Arc<dyn Dispatch> {
        match self.plant {
            Plant::NotHandedOn => Arc::new(ports::HandingOn::around(dispatch)),
            _ => dispatch,
        }
    }
}
