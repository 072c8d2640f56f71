//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, thread::available_parallelism, time::Duration};

use clap::Parser;

use crate::scenario::Scenario;

/// Measures Fanfare on this machine, as shares of what the machine's loopback can carry at all.
#[derive(Debug, Parser)]
#[command(name = "fanfare-bench")]
pub(crate) struct Options {
    /// The built server.
    #[arg(long, default_value = "target/release/fanfare")]
    pub(crate) binary: PathBuf,
    /// Which scenarios to run, in the order of the list; all of them unless told.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    pub(crate) scenario: Vec<Scenario>,
    /// How long each load is measured.
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// How long each load runs before it is measured.
    #[arg(long, default_value_t = 2)]
    pub(crate) warm_up: u64,
    /// How long the raw limit is measured each time.
    #[arg(long, default_value_t = 3)]
    pub(crate) raw_seconds: u64,
    /// How often what is compared is measured in alternation.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// How many connections publish at once in a closed loop.
    #[arg(long, default_value_t = 64)]
    pub(crate) publishers: usize,
    /// How many tenants, with one endpoint each, a load is spread over.
    #[arg(long, default_value_t = 16)]
    pub(crate) tenants: usize,
    /// Bytes of an event's data.
    #[arg(long, default_value_t = 512)]
    pub(crate) payload: usize,
    /// Endpoints that one event goes to in the fan-out.
    #[arg(long, default_value_t = 100)]
    pub(crate) fan_out: usize,
    /// Deliveries under way at most in the fan-out; it publishes on as others end.
    #[arg(long, default_value_t = 3_200)]
    pub(crate) fan_out_window: u64,
    /// On a PostgreSQL of the bench's own, with fsync, instead of the embedded store. Its processor time
    /// counts as the server's.
    #[arg(long)]
    pub(crate) postgres: bool,
    /// An earlier server, which `compared` measures in turns with the other.
    #[arg(long, value_name = "PATH")]
    pub(crate) baseline_binary: Option<PathBuf>,
    /// Events that a tenant floods its endpoint with.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) flood: u64,
    /// Endpoints of which one in twenty fails.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) endpoints: usize,
    /// Failed deliveries that are recovered.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) recovered: u64,
    /// Events a second beside the hanging endpoints.
    #[arg(long, default_value_t = 500)]
    pub(crate) hanging_rate: u64,
    /// Events that wait at an endpoint that hangs.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) waiting: u64,
    /// Events that are stored before the rate is compared with an empty store's.
    #[arg(long, default_value_t = 2_000_000)]
    pub(crate) stored: u64,
    /// How long to wait for acknowledged events that have not arrived before they count as lost.
    #[arg(long, default_value_t = 30)]
    pub(crate) grace: u64,
    /// Threads of the publishing side; half of the machine's unless told.
    #[arg(long, default_value_t = half_of_the_cores())]
    pub(crate) client_threads: usize,
    /// Threads of the receiving side; half of the machine's unless told.
    #[arg(long, default_value_t = half_of_the_cores())]
    pub(crate) receiver_threads: usize,
    /// Where the stores are put while they are measured: a folder on a real disk, or fsync
    /// measures nothing. The system's folder for temporary files unless told.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Instead of all scenarios: a soak of so many minutes, with kills, faults and changes.
    #[arg(long, value_name = "MINUTES")]
    pub(crate) soak: Option<f64>,
    /// Events a second of the soak.
    #[arg(long, default_value_t = 50)]
    pub(crate) soak_rate: u64,
    /// What decides on the soak's chance.
    #[arg(long, default_value_t = 1)]
    pub(crate) soak_seed: u64,
    /// Where the soak writes `soak.csv` and `soak.svg`.
    #[arg(long, default_value = "target/soak")]
    pub(crate) soak_folder: PathBuf,
    /// Writes the figures to this file too.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }

    pub(crate) fn measured(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(crate) fn raw_measured(&self) -> Duration {
        Duration::from_secs(self.raw_seconds)
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

fn half_of_the_cores() -> usize {
    available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .div_ceil(2)
}
