//! What came of a soak.

use std::fmt;

use super::{account::Figures, endpoints::Changes};

/// Memory may be so much larger in the second half: as a share, and in mebibytes.
const FLAT: (f64, f64) = (1.15, 8.0);

pub(super) struct Summary {
    pub(super) minutes: f64,
    pub(super) kills: u64,
    pub(super) endpoints: Changes,
    /// Requests of publishers that were repetitions.
    pub(super) published: u64,
    pub(super) account: Figures,
    pub(super) lost: u64,
    /// The usual memory in both halves, in mebibytes.
    pub(super) growth: Option<(f64, f64)>,
}

impl Summary {
    /// In one line.
    pub(super) fn line(&self) -> String {
        format!(
            "{} minutes, {} kills, {} events, {} deliveries, {} lost, {} twice",
            self.minutes,
            self.kills,
            self.account.acknowledged,
            self.account.taken,
            self.lost,
            self.account.duplicates
        )
    }

    /// What is not as it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.lost > 0 {
            faults.push(format!("{} deliveries are lost", self.lost));
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
        match self.growth {
            Some((first, second)) => write!(
                f,
                "memory, usually: {first:.1} MiB in the first half, {second:.1} MiB in the second"
            ),
            None => write!(f, "memory: too short to compare"),
        }
    }
}
