//! The play: what publishers, owners and operators do, and what befalls the machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::StoreError;
use fanfare_app::port::log::Event;
use fanfare_delivery::EngineOptions;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::Ground;
use fanfare_testkit::memory_store::Moment;
use fanfare_testkit::scripted_sender::Traffic;
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;

use crate::chronicle::{Chronicle, Fact};
use crate::history::Finals;
use crate::life::Life;
use crate::mutant::Mutant;
use crate::network::Network;
use crate::setting::{self, millis, seconds};

mod calm;
mod orderers;
mod owners;
mod publishers;
mod trouble;

/// How many things are done in a run.
const DEEDS: usize = 60;

/// How a life of the machine ended.
pub(crate) enum LifeEnd {
    /// Another one follows, from what was committed.
    Crash,
    /// It was asked to stop, and another one follows.
    Stopped,
    /// Another one follows, from what was synced.
    PowerFailure,
    /// The run is over; this is what there was.
    Last(Box<Finals>),
}

/// A run on its way, over all lives of the machine.
pub(crate) struct Play {
    chance: Seeded,
    /// For what has to do with order, so that the rest is as it would be without.
    order: Seeded,
    /// For what has to do with batches, for the same reason.
    batches: Seeded,
    /// For filters, for the same reason.
    filters: Seeded,
    options: EngineOptions,
    chronicle: Chronicle,
    network: Network,
    mutant: Option<Mutant>,
    settled_in: bool,
    deeds_left: usize,
    endpoints: BTreeMap<EndpointId, Known>,
    made: usize,
    accepted: Arc<Mutex<Vec<Arc<Event>>>>,
}

/// An endpoint as its owner knows it.
struct Known {
    scope: Scope,
    draft: EndpointDraft,
    enabled: bool,
}

impl Play {
    pub(crate) fn new(seed: u64, ground: &Ground, mutant: Option<Mutant>) -> Self {
        let chance = Seeded::new(seed);
        let options = setting::engine(&chance);
        let chronicle = Chronicle::new(ground.clock);
        let committed = chronicle.clone();
        ground
            .store
            .watch(move |change| committed.note(Fact::Committed(change)));
        let traffic = chronicle.clone();
        ground.sender.watch(move |what| {
            traffic.note(match what {
                Traffic::Sent(number, sent) => Fact::Sent(number, sent),
                Traffic::Ended(number, exchange) => Fact::Answered(number, exchange),
            });
        });
        let network = Network::new(seed ^ 0xa15e);
        network.attach(&ground.sender);
        Self {
            chance,
            order: Seeded::new(seed ^ 0x0bde),
            batches: Seeded::new(seed ^ 0xba7c),
            filters: Seeded::new(seed ^ 0xf117),
            options,
            chronicle,
            network,
            mutant,
            settled_in: false,
            deeds_left: DEEDS,
            endpoints: BTreeMap::new(),
            made: 0,
            accepted: Arc::default(),
        }
    }

    pub(crate) fn options(&self) -> &EngineOptions {
        &self.options
    }

    pub(crate) fn facts(&self) -> Vec<(Timestamp, Fact)> {
        self.chronicle.take()
    }

    /// Goes on in a new life of the machine, until that ends.
    pub(crate) async fn live(&mut self, ground: &Ground) -> LifeEnd {
        self.chronicle.follow(ground.clock);
        self.note(Fact::Start);
        if self.settled_in && self.chance.chance(0.1) {
            // Down again while it starts.
            let calls = self.chance.below(12) as usize;
            ground.store.faults().stop_after(calls, self.moment());
        }
        let store = ground.store.clone();
        let end = tokio::select! {
            biased;
            () = store.stopped() => LifeEnd::Crash,
            end = self.act(ground) => end,
        };
        if !matches!(end, LifeEnd::Crash) {
            return end;
        }
        self.note(Fact::End { asked: false });
        if self.chance.chance(0.5) {
            self.note(Fact::Undone(ground.store.unsynced()));
            return LifeEnd::PowerFailure;
        }
        end
    }

    async fn act(&mut self, ground: &Ground) -> LifeEnd {
        // Without faults the store always answers.
        let Ok(life) = Life::begin(ground, &self.options, self.mutant.as_ref()).await else {
            return LifeEnd::Crash;
        };
        ground.store.faults().heal();
        if !self.settled_in {
            self.settle_in(&life).await;
            self.settled_in = true;
        }
        while self.deeds_left > 0 {
            self.deeds_left -= 1;
            if let Some(end) = self.deed(ground, &life).await {
                return end;
            }
            self.note(Fact::Holds(life.engine.footprint()));
        }
        match self.calm(ground, &life).await {
            Ok(finals) => LifeEnd::Last(Box::new(finals)),
            Err(_) => LifeEnd::Last(Box::default()),
        }
    }

    async fn deed(&mut self, ground: &Ground, life: &Life) -> Option<LifeEnd> {
        match self.chance.below(1_000) {
            0..400 => self.publish(life, 12, publishers::SIZES),
            400..410 => self.publish(life, 300, publishers::SIZES),
            410..560 => pass(millis(1 << self.chance.below(13))).await,
            560..615 => self.retry_one(life),
            615..630 => self.recover(life).await,
            630..675 => self.switch(life).await,
            675..690 => self.switch_while_slow(ground, life).await,
            690..700 => self.delete(life).await,
            700..720 => self.add_endpoint(life).await,
            720..780 => self.change_a_mood(),
            780..860 => self.fail(ground),
            860..920 => self.heal(ground),
            920..940 => return Some(LifeEnd::Crash),
            940..950 => self.stop_at_a_call(ground),
            950..960 => return Some(self.shut_down(life).await),
            _ => {
                self.order_something(life).await;
                pass(seconds(self.chance.below(20))).await;
            }
        }
        None
    }

    fn now(&self) -> Timestamp {
        self.chronicle.now()
    }

    fn note(&self, fact: Fact) {
        self.chronicle.note(fact);
    }

    fn moment(&self) -> Moment {
        *self.chance.pick(&[Moment::Before, Moment::After])
    }

    async fn finals(&self, ground: &Ground, life: &Life) -> Result<Finals, StoreError> {
        let endpoints: Vec<_> = self.endpoints.keys().copied().collect();
        let now = self.now();
        let mut finals =
            Finals::read(&ground.store, &publishers::scopes(), &endpoints, now).await?;
        finals.footprint = Some(life.engine.footprint());
        Ok(finals)
    }
}

/// Lets virtual time go on.
async fn pass(span: std::time::Duration) {
    tokio::time::sleep(span).await;
}
