//! Faults in the dealings of nodes, each of which some rule must find.

/// A fault that is planted on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A node sends whether its lease lasts or not.
    IgnoreLease,
    /// A lease lasts longer than others wait.
    LongLease,
    /// The store takes what a node writes that was declared gone.
    AcceptOldEpoch,
    /// An endpoint is taken from an owner that is there.
    TakeFromTheLiving,
    /// An owner lets go while something is under way.
    LetGoAtOnce,
    /// A new owner does not reckon with what the one before sent.
    ForgetPace,
    /// What a node accepted that is gone is not taken over.
    ForgetTheGone,
    /// A wish of an extra attempt reaches nobody.
    DropWish,
    /// A job ends by itself what another node attempts.
    EndAnothers,
    /// A job counts again what it has counted of other nodes' ends.
    CountAgain,
    /// A node sends nothing while it has heard last that a breaker opened.
    BelieveHints,
    /// A node's engine is not told what was heard of breakers.
    IgnoreHints,
    /// What a gone node had in a batch is taken over one by one.
    ShareOut,
    /// A node binds batches in its own name only, and not as an owner.
    BindNoOwners,
}

impl Mutant {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::IgnoreLease,
        Self::LongLease,
        Self::AcceptOldEpoch,
        Self::TakeFromTheLiving,
        Self::LetGoAtOnce,
        Self::ForgetPace,
        Self::ForgetTheGone,
        Self::DropWish,
        Self::EndAnothers,
        Self::CountAgain,
        Self::BelieveHints,
        Self::IgnoreHints,
        Self::ShareOut,
        Self::BindNoOwners,
    ];
}
