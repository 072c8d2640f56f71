//! The server under test, as a child process with a store of its own, or several over one PostgreSQL.

use std::{fs::File, io::Read, net::SocketAddr, path::Path};

use anyhow::{Context, Result};

use crate::{api::Api, options::Options, process::Process};

mod node;
mod postgres;

use node::{Node, Recipe};
pub(crate) use postgres::Postgres;

const DIALECTS: &str = "fullstory,konpro,nursa,collect,svix";

/// Killed, and its store removed, when it is dropped.
pub(crate) struct Server {
    /// The first has the address that scenarios with one node know. Dropped before the store.
    nodes: Vec<Node>,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    recipe: Recipe,
}

impl Server {
    /// Starts on an empty store and waits until the server says that it is ready.
    pub(crate) fn start(options: &Options, name_server: SocketAddr) -> Result<Self> {
        Self::start_binary(&options.binary, options, name_server)
    }

    /// The same with another binary.
    pub(crate) fn start_binary(
        binary: &Path,
        options: &Options,
        name_server: SocketAddr,
    ) -> Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("fanfare-bench-");
        let folder = match &options.data {
            Some(data) => folder.tempdir_in(data),
            None => folder.tempdir(),
        };
        let key = random_key()?;
        let recipe = Recipe {
            binary: binary.to_owned(),
            name_server,
            key: key.clone(),
            folder: folder.context("there is no folder for the store")?,
            postgres: options.postgres.then(Postgres::new).transpose()?,
            // An earlier server may not know the youngest one.
            dialects: (binary == options.binary).then_some(DIALECTS),
        };
        let first = recipe.start(1, None)?;
        Ok(Self {
            address: first.address,
            nodes: vec![first],
            key,
            recipe,
        })
    }

    /// Starts one more node over the same PostgreSQL.
    pub(crate) fn add_node(&mut self) -> Result<()> {
        let node = self.recipe.start(self.nodes.len() + 1, None)?;
        self.nodes.push(node);
        Ok(())
    }

    /// Starts one more node that shares nothing with the others but their PostgreSQL's processes: it has a
    /// database of its own.
    pub(crate) fn add_stranger(&mut self) -> Result<()> {
        let own = Postgres::new()?;
        let node = self.recipe.start(self.nodes.len() + 1, Some(own))?;
        self.nodes.push(node);
        Ok(())
    }

    /// Where each node listens.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.nodes.iter().map(|node| node.address)
    }

    /// Kills it without a warning, starts it on the same store, and waits until it is ready.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.start_again()
    }

    /// Kills all its nodes without a warning.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Node::kill)
    }

    /// Starts all its nodes after they were killed.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        let recipe = &self.recipe;
        (self.nodes.iter_mut()).try_for_each(|node| recipe.start_again(node))
    }

    /// A connection for setting things up.
    pub(crate) fn api(&self) -> Result<Api> {
        Api::connect(self.address, &self.key)
    }

    pub(crate) fn process(&self) -> Process {
        Process {
            ids: self.nodes.iter().map(Node::id).collect(),
            postgres: self.postgres().map(|postgres| postgres.process),
        }
    }

    /// Its database, where it has one.
    pub(crate) fn postgres(&self) -> Option<&Postgres> {
        self.recipe.postgres.as_ref()
    }

    /// Bytes of the store.
    pub(crate) fn stored_bytes(&self) -> u64 {
        if let Some(postgres) = self.postgres() {
            let size = "SELECT pg_database_size(current_database())";
            return postgres.database.number(size).unsigned_abs();
        }
        let Ok(files) = self.recipe.folder.path().read_dir() else {
            return 0;
        };
        let sizes = files.filter_map(|file| file.ok()?.metadata().ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    /// Whether it still runs; a scenario that killed it says so instead of reporting figures.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Node::check)
    }
}

fn random_key() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
