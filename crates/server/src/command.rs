//! The commands, one module each.

use std::io::Write;

use anyhow::Context;

use crate::cli::{Cli, Command, ImportCommand};
use crate::config::{self, Loaded};

mod backup;
mod config_file;
mod demo;
mod import;
mod key;
mod migrate;
mod moving;
mod openapi;
mod serve;
mod shell;
mod verify;

/// Does what was typed.
///
/// # Errors
/// With what people need to know, in one line but for faults in the settings.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let file = cli.config.as_deref();
    let load = || config::load(file, &config::process_environment());
    match cli.command {
        Command::Serve => serve::run(load()?),
        Command::Demo(args) => demo::run(file, config::process_environment(), &args),
        Command::Key(command) => key::run(load()?.settings, command),
        Command::Import(ImportCommand::Svix(args)) => import::run(&load()?.settings, &args),
        Command::Migrate => migrate::run(&load()?.settings),
        Command::Move(args) => moving::run(&load()?.settings, &args),
        Command::Backup { to } => backup::run(&load()?.settings, &to),
        Command::Verify(args) => verify::run(&args),
        Command::Openapi => openapi::run(),
        Command::Config(command) => config_file::run(&command, load),
    }
}

/// Writes to the standard output, as commands do with what was asked for. Logs go to the standard
/// error output.
pub(crate) fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .context("the standard output can't be written")
}

/// A runtime for a command that does one thing after another.
fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime can't be started")
}
