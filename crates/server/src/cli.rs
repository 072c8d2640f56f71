//! What can be typed.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

/// Sends webhooks: a product publishes an event, and every endpoint that asked for it gets it,
/// signed, and retried until it arrives.
#[derive(Debug, Parser)]
#[command(name = "fanfare", version, propagate_version = true)]
pub(crate) struct Cli {
    /// The file with the settings, as FANFARE_CONFIG names it too; `fanfare config default` prints
    /// one to start from
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and send what is published
    Serve,
    /// Show the whole way of an event on this machine, step by step, then keep serving
    Demo(DemoArgs),
    /// Make, list and revoke keys, also beside a running server
    #[command(subcommand)]
    Key(KeyCommand),
    /// Take over what another webhook sender has
    #[command(subcommand)]
    Import(ImportCommand),
    /// Make the store, or bring an older release's store up to date, as `serve` does too
    Migrate,
    /// Copy a stopped store to PostgreSQL, or from there to a file; the same command goes on where one was
    /// cut off
    Move(MoveArgs),
    /// Copy the store, also while it is in use
    Backup {
        /// The file to make; it must not be there yet
        to: PathBuf,
    },
    /// Check the signature of a delivery
    Verify(VerifyArgs),
    /// Print the API's OpenAPI document
    Openapi,
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder for the store and what arrives
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    pub(crate) folder: PathBuf,

    /// End after the steps instead of serving on
    #[arg(long)]
    pub(crate) once: bool,
}

/// Of `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once
    Create(KeyCreateArgs),
    /// List the keys, never their texts
    List(InEnvironment),
    /// Revoke a key; a running server refuses it within a second
    Revoke {
        /// The key's id, as `fanfare key list` shows it
        id: String,
        #[command(flatten)]
        of: InEnvironment,
    },
}

/// Of `import`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Event types, applications and endpoints of a running Svix, read through its API; what is there
    /// already is left as it is, also beside a running server
    Svix(ImportArgs),
}

/// A secret from the command line, or what may hold one; its `Debug` form hides it.
#[derive(Clone)]
struct Hidden(String);

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Of `import svix`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Where the Svix is, such as `https://svix.example.com`
    #[arg(long)]
    pub(crate) url: String,

    /// The token of the organisation that is taken over
    #[arg(long, required_unless_present = "token_file")]
    token: Option<Hidden>,

    /// A file with the token, which then stands in no list of processes
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,

    /// The environment to take it over into; made where it is missing. For an organisation whose tokens are
    /// used on, its id, org_…
    #[arg(long, value_name = "ID", default_value = "default")]
    pub(crate) environment: String,

    /// Say what would be made and what can't be taken over, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl ImportArgs {
    /// The token.
    ///
    /// # Errors
    /// When its file can't be read.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        match (&self.token, &self.token_file) {
            (Some(Hidden(token)), _) => Ok(token.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("--token-file {}", path.display()))?;
                Ok(text.trim().to_owned())
            }
            (None, None) => Ok(String::new()),
        }
    }
}

/// Of `move`.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The store to copy: sqlite:PATH or postgres://USER@HOST/DATABASE, the server itself and not a pooler.
    /// A password is better named by password_file than written here, where lists of processes show it
    #[arg(long, value_name = "STORE")]
    from: Hidden,

    /// Where to: the other kind of store, empty, or what a move from there left unfinished
    #[arg(long, value_name = "STORE")]
    to: Hidden,
}

impl MoveArgs {
    /// The text of `--from`.
    pub(crate) fn from(&self) -> &str {
        &self.from.0
    }

    /// The text of `--to`.
    pub(crate) fn to(&self) -> &str {
        &self.to.0
    }
}

/// The environment that a command is about.
#[derive(Debug, Args)]
pub(crate) struct InEnvironment {
    /// The environment
    #[arg(long, value_name = "ID", default_value = "default")]
    pub(crate) environment: String,
}

/// Of `key create`.
#[derive(Debug, Args)]
pub(crate) struct KeyCreateArgs {
    /// What people call it
    #[arg(long)]
    pub(crate) name: String,

    /// What it may do: admin, manager, publisher or reader
    #[arg(long)]
    pub(crate) role: String,

    /// The only tenant that it acts for; without it, all of the environment
    #[arg(long)]
    pub(crate) tenant: Option<String>,

    /// How long it counts, such as 90d; without it, until it is revoked
    #[arg(long, value_name = "DURATION")]
    pub(crate) expires_in: Option<String>,

    #[command(flatten)]
    pub(crate) of: InEnvironment,
}

/// Of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The file with the secret: whsec_…, whsk_…, or the public whpk_…
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,

    /// A file with the delivery's headers, one `name: value` a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "timestamp", "signature"])]
    pub(crate) headers_file: Option<PathBuf>,

    /// The header `webhook-id`
    #[arg(long, required_unless_present = "headers_file")]
    pub(crate) id: Option<String>,

    /// The header `webhook-timestamp`
    #[arg(long, required_unless_present = "headers_file")]
    pub(crate) timestamp: Option<String>,

    /// The header `webhook-signature`
    #[arg(long, required_unless_present = "headers_file")]
    pub(crate) signature: Option<String>,

    /// The file with the body, byte for byte as it arrived; - for the standard input
    #[arg(long, value_name = "FILE", required_unless_present = "body")]
    pub(crate) body_file: Option<PathBuf>,

    /// The body
    #[arg(long, conflicts_with = "body_file")]
    pub(crate) body: Option<String>,
}

/// Of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with the settings, and change nothing
    Check,
    /// Print the commented file with all defaults
    Default,
}
