//! The end of a play: nothing fails any more, and everything must come to its end.

use std::time::Duration;

use fanfare_app::port::{Deliveries, Jobs, StoreError};
use fanfare_domain::delivery::StateName;
use fanfare_testkit::builders::Ground;

use super::{Play, pass, publishers};
use crate::chronicle::Fact;
use crate::history::{Finals, everything_of};
use crate::life::Life;
use crate::setting::seconds;

/// Events are published in the calm too, so long after its begin.
const AFTER: u64 = 40;
/// The most that all can have left to wait: a flood at an endpoint whose rate is low, or at one whose order each
/// of it holds up until it is skipped.
const LONGEST: u64 = 6_000;
/// A lane is kept until its rate is whole again: a burst of four at one a second.
const REST: Duration = seconds(4);
/// What was left in the log while memory was short is read in small steps; the most seconds that it takes.
const BACKLOG: u64 = 600;

impl Play {
    pub(super) async fn calm(
        &mut self,
        ground: &Ground,
        life: &Life,
    ) -> Result<Finals, StoreError> {
        ground.store.faults().heal();
        self.network.calm_down();
        let mut patience = BACKLOG;
        // What was asked for last is on its way.
        pass(seconds(1)).await;
        while life.engine.footprint().without_row > 0 && patience > 0 {
            pass(seconds(1)).await;
            patience -= 1;
        }
        self.note(Fact::Calm);
        pass(seconds(AFTER)).await;
        // Small ones, which find room in memory; some have to be tried again.
        self.network.refuse(self.chance.below(4) as usize);
        self.publish(life, 4, &[0]);
        let mut passed = AFTER;
        while passed < LONGEST {
            self.skip_all(ground, life).await;
            pass(seconds(10)).await;
            passed += 10;
            let placed = life.engine.footprint().without_row == 0;
            if passed > AFTER + 10 && placed && self.all_ended(ground).await? {
                break;
            }
        }
        // Until the scan has swept out what is idle.
        pass(REST + 2 * self.options.scan_every).await;
        self.finals(ground, life).await
    }

    async fn all_ended(&self, ground: &Ground) -> Result<bool, StoreError> {
        if !ground.store.running_jobs(1).await?.is_empty() {
            return Ok(false);
        }
        for scope in publishers::scopes() {
            let mut waiting = everything_of(&scope);
            waiting.state = Some(StateName::Waiting);
            if !ground.store.deliveries(&waiting).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
