//! Fanfare: a webhook sender that a company runs itself. This is the binary: its commands, its
//! settings, and how the parts are put together.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

mod cli;
mod clock;
mod command;
mod config;
mod http;
mod logging;
mod metrics;
mod node;
mod process;
mod random;
mod shutdown;
mod store;

/// Many small allocations on several threads are what this program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// The simulation's faults are no part of the binary, however it is built.
const _: () = assert!(!fanfare_app::fault::CAN_BE_PLANTED);

fn main() -> ExitCode {
    process::keep_memory_small();
    match command::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes, in one line. Where this can't be written, nothing else can be told.
            let _ = writeln!(std::io::stderr(), "fanfare: {error:#}");
            ExitCode::FAILURE
        }
    }
}
