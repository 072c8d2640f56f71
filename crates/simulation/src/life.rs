//! A life of the machine: an engine over a store and a network, until it ends or crashes.

use std::sync::Arc;

use fanfare_app::Fanfare;
use fanfare_app::port::{Sender, StoreError};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_testkit::builders::Ground;
use fanfare_testkit::seeded::Seeded;

use crate::mutant::Mutant;

/// A running engine with the use cases over it.
pub(crate) struct Life {
    pub(crate) engine: Arc<Engine>,
    pub(crate) fanfare: Arc<Fanfare>,
}

impl Life {
    /// Starts, as the binary does.
    pub(crate) async fn begin(
        ground: &Ground,
        options: &EngineOptions,
        mutant: Option<&Mutant>,
    ) -> Result<Self, StoreError> {
        let mut sender: Arc<dyn Sender> = Arc::new(ground.sender.clone());
        let mut clock = Arc::new(ground.clock) as _;
        if let Some(mutant) = mutant {
            mutant.plant_in_store(&ground.store);
            sender = mutant.plant_in_sender(sender);
            clock = mutant.plant_in_clock(clock);
        }
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&ground.directory),
            log: Arc::new(ground.store.clone()),
            deliveries: Arc::new(ground.store.clone()),
            coordination: Arc::new(fanfare_app::port::coordination::OneNode),
            sender,
            clock,
            random: Arc::<Seeded>::clone(&ground.random),
            options: options.clone(),
        }));
        let mut dispatch = Arc::<Engine>::clone(&engine) as _;
        if let Some(mutant) = mutant {
            dispatch = mutant.plant_in_dispatch(dispatch);
        }
        let fanfare = ground.fanfare(dispatch);
        fanfare.refresh().await?;
        engine.start(&fanfare).await?;
        let jobs = Arc::clone(&fanfare);
        tokio::spawn(async move { jobs.run_jobs().await });
        Ok(Self { engine, fanfare })
    }
}
