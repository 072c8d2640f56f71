//! Faults that the simulation plants, to show that its checker finds them.
//!
//! Without the feature `mutants`, which is never on in the binary, [`planted`] is a constant.

/// Whether faults can be planted in this build.
pub const CAN_BE_PLANTED: bool = cfg!(feature = "mutants");

/// A fault that can be planted, each at one place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A lane is not told of a retry's due time.
    ForgetDueTime,
    /// A retry is due a second before its time.
    DueTooEarly,
    /// A refill brings in what is in memory already.
    ReadWhatIsHeld,
    /// What is in memory is let go before its outcome is committed.
    LetGoBeforeCommit,
    /// An extra attempt counts in the schedule.
    CountExtraAttempt,
    /// An extra attempt is lost.
    LoseExtraAttempt,
    /// A lane starts a worker for every job.
    IgnoreConcurrency,
    /// A parked delivery is lost.
    LoseParked,
    /// The materialised position is one too high.
    MaterialisedTooHigh,
    /// An endpoint that answered 410 is not disabled.
    ForgetDisabling,
    /// A disabled endpoint gets its deliveries all the same.
    SendToDisabled,
    /// Discarding forgets what is in memory.
    ForgetDiscarded,
    /// Two replays are made for one asking.
    TwinReplay,
    /// Bytes of payloads are not given back.
    LeakBytes,
    /// Events come into memory although there is no room.
    IgnoreRoom,
    /// `Retry-After` is not heeded.
    IgnoreRetryAfter,
    /// 500 counts as success.
    TakeFailureForSuccess,
    /// An answer that breaks off counts as whole.
    TakePartForWhole,
    /// An attempt is recorded that was never sent.
    RecordUnsent,
    /// A start does not take up what has no row.
    SkipRecovery,
    /// A start takes up what has a row, too.
    RecoverRecorded,
    /// What was left in the log is not read.
    ForgetLog,
    /// The policy's total time is not heeded.
    IgnoreTotalTime,
    /// An event for later is sent at once.
    IgnoreDeliverAt,
    /// A delivery whose time is over is sent all the same.
    IgnoreExpiry,
    /// An endpoint's rate is not kept.
    IgnoreRate,
    /// Attempts are made while the breaker is open.
    IgnoreBreaker,
    /// A breaker lets every delivery probe.
    ProbeWithAll,
    /// `Retry-After` slows its own delivery only.
    IgnoreSlowing,
    /// The limit on requests at a time never falls.
    IgnorePressure,
    /// Requests are made without a slot.
    IgnoreSlots,
    /// Retries take the slots of first attempts.
    IgnoreReserve,
    /// What a discard ended in the store is sent from memory.
    IgnoreDoubt,
    /// A replay is told of before it is synced.
    ReplayUnsynced,
    /// A job forgets how far it has come.
    ForgetJobsPlace,
    /// An attempt's number is skipped.
    SkipNumber,
    /// A line goes on while its first is retried.
    PassWhileRetried,
    /// A line is read although what comes before may be on its way.
    IgnoreGaps,
    /// A line goes on although it is held.
    PassHeld,
    /// A delivery that fails does not hold its line up.
    ForgetHold,
    /// A start takes up what stands in an order in none.
    RecoverUnordered,
    /// Skipping a delivery does not lift its hold.
    ForgetLifting,
    /// A batch takes more events than its endpoint wants.
    OverfillBatch,
    /// What waits for others is not sent when its time is over.
    ForgetGathered,
    /// A retry of a batch leaves its last member out.
    LoseMember,
    /// A batch gets another id at its retry.
    RenameBatch,
    /// An event goes to endpoints whose filter refuses it.
    IgnoreFilter,
    /// An event goes to endpoints whose filter fails on it.
    TakeFilterErrorForMatch,
    /// A recovery brings what the filter refuses.
    RecoverUnfiltered,
}

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for everything that this thread does from now on; none takes it out. Does nothing where
/// faults can't be planted.
pub fn plant(fault: Option<Fault>) {
    #[cfg(feature = "mutants")]
    PLANTED.set(fault);
    #[cfg(not(feature = "mutants"))]
    let _ = fault;
}

/// Whether this fault is planted.
#[cfg(feature = "mutants")]
#[must_use]
pub fn planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether this fault is planted: never.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn planted(_fault: Fault) -> bool {
    false
}
