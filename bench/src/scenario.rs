//! What is measured. Every scenario starts servers of its own on empty stores.

mod closed;
pub(crate) mod compared;
mod doors;
mod fan_out;
mod flood;
mod hanging;
mod idle;
mod many;
pub(crate) mod nodes;
mod open;
mod ordered;
mod raw;
mod recovery;
mod stored;
mod waiting;

use anyhow::Result;
use clap::ValueEnum;

use crate::{bench::Bench, report::Row};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The bench against its own receiver, without a server: what the machine can do.
    Raw,
    /// The memory of a server that has nothing to do.
    Idle,
    /// Publishers that each wait for their acknowledgement, in alternation with the raw limit.
    Closed,
    /// Fixed rates: 500 events a second, 30 % and 70 % of what the closed loop reached.
    Open,
    /// One event to many endpoints.
    FanOut,
    /// A healthy endpoint alone, and then beside 20 that hang.
    Hanging,
    /// 20 events a second to a healthy endpoint alone, and then beside 10 that hang.
    Quiet,
    /// A tenant with 10 events a second beside one that floods its slow endpoint.
    Flood,
    /// Strict order at full speed, beside the same load without an order.
    Ordered,
    /// Very many endpoints of which one in twenty fails.
    Many,
    /// Very many failed deliveries are recovered while new ones come.
    Recovery,
    /// The closed loop through the native API and through the Svix dialect, in turns.
    Doors,
    /// The closed loop and the fan-out in turns with an earlier server's; needs `--baseline-binary`.
    Compared,
    /// The same in turns with a bare server of the same libraries; on SQLite only.
    Bare,
    /// The closed loop over one, two and four nodes that share a PostgreSQL; needs `--postgres`.
    Nodes,
    /// Events that wait at an endpoint that hangs: the server's memory.
    Waiting,
    /// The rate of a store that holds many events against an empty store's.
    Stored,
}

impl Scenario {
    pub(crate) fn run(self, bench: &Bench) -> Result<Vec<Row>> {
        match self {
            Self::Raw => raw::run(bench),
            Self::Idle => idle::run(bench),
            Self::Closed => closed::run(bench),
            Self::Open => open::run(bench),
            Self::FanOut => fan_out::run(bench),
            Self::Hanging => hanging::run(bench),
            Self::Quiet => hanging::quiet(bench),
            Self::Flood => flood::run(bench),
            Self::Ordered => ordered::run(bench),
            Self::Many => many::run(bench),
            Self::Recovery => recovery::run(bench),
            Self::Doors => doors::run(bench),
            Self::Compared => compared::with_earlier(bench),
            Self::Bare => compared::with_bare(bench),
            Self::Nodes => nodes::run(bench),
            Self::Waiting => waiting::run(bench),
            Self::Stored => stored::run(bench),
        }
    }
}
