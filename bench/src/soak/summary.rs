//! What came of a soak.

use std::fmt;

use super::{
    account::{Discipline, Figures},
    endpoints::Changes,
    rest::Rest,
};

/// Memory may be so much larger in the second half: as a share, and in mebibytes.
const FLAT: (f64, f64) = (1.15, 8.0);

pub(super) struct Summary {
    pub(super) minutes: f64,
    pub(super) kills: u64,
    pub(super) endpoints: Changes,
    /// Requests of publishers that were repetitions.
    pub(super) published: u64,
    pub(super) account: Figures,
    pub(super) discipline: Discipline,
    pub(super) rest: Rest,
    /// The usual memory in both halves, in mebibytes.
    pub(super) growth: Option<(f64, f64)>,
}

impl Summary {
    /// In one line.
    pub(super) fn line(&self) -> String {
        format!(
            "{} minutes, {} kills, {} events, {} deliveries, {} missing, {} twice",
            self.minutes,
            self.kills,
            self.account.acknowledged,
            self.account.taken,
            self.missing(),
            self.account.duplicates
        )
    }

    fn missing(&self) -> u64 {
        match &self.rest {
            Rest::Nothing => 0,
            Rest::Lost(missing, _) | Rest::StandsStill(missing, _) => *missing,
        }
    }

    /// What is not as it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match &self.rest {
            Rest::Nothing => {}
            Rest::Lost(missing, examples) => faults.push(format!(
                "nothing waits, and {missing} deliveries are lost: {}, …",
                examples.join(", ")
            )),
            Rest::StandsStill(missing, examples) => faults.push(format!(
                "something waits and nothing is sent, {missing} deliveries are missing: {}, …",
                examples.join(", ")
            )),
        }
        let Discipline {
            against_order,
            faulty_batches,
            above_rate,
            ..
        } = self.discipline;
        if against_order > 0 {
            faults.push(format!("{against_order} events came against their order"));
        }
        if faulty_batches > 0 {
            faults.push(format!("{faulty_batches} faults of batches"));
        }
        if above_rate > 0 {
            faults.push(format!("{above_rate} requests too many for a rate"));
        }
        if let Some((first, second)) = self.growth
            && second > (first * FLAT.0).max(first + FLAT.1)
        {
            faults.push(format!(
                "memory grew from {first:.1} MiB to {second:.1} MiB"
            ));
        }
        faults
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes {
            moods,
            edits,
            rotations,
            comings_and_goings,
        } = self.endpoints;
        writeln!(f, "{}", self.line())?;
        writeln!(
            f,
            "{} requests came; publishers repeated {}",
            self.account.requests, self.published
        )?;
        writeln!(
            f,
            "receivers changed {moods} times; {edits} edits, {rotations} rotations, {comings_and_goings} \
             endpoints made, switched or deleted"
        )?;
        let Discipline {
            against_order,
            faulty_batches,
            above_rate,
            batches,
            largest_batch,
            burst_used,
        } = self.discipline;
        writeln!(
            f,
            "{against_order} against their order; {batches} batches of at most {largest_batch} events, \
             {faulty_batches} faults of them; {above_rate} requests above a rate, {burst_used} within its burst"
        )?;
        match self.growth {
            Some((first, second)) => write!(
                f,
                "memory, usually: {first:.1} MiB in the first half, {second:.1} MiB in the second"
            ),
            None => write!(f, "memory: too short to compare"),
        }
    }
}
