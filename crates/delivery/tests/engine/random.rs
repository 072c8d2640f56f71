//! Random histories: publishes, changes of endpoints, faults and crashes in an order that a seed
//! decides, judged at the end.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::deliveries::Retried;
use fanfare_app::port::{Clock, Deliveries};
use fanfare_delivery::EngineOptions;
use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{Ground, acme, endpoint, event, settle_in};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::{Answer, Sent};
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;

use crate::checker::History;
use crate::world::{World, millis, pass, seconds};

/// The waits of every endpoint.
const WAITS: [u64; 6] = [0, 1, 3, 10, 20, 40];

const CALLS: [Call; 8] = [
    Call::Append,
    Call::ReadLog,
    Call::Settle,
    Call::Settle,
    Call::Due,
    Call::Lanes,
    Call::Discard,
    Call::ReadDeliveries,
];

struct Play {
    world: World,
    chance: Arc<Seeded>,
    history: Arc<Mutex<History>>,
    endpoints: Vec<Endpoint>,
    disabled: Vec<Option<fanfare_domain::time::Timestamp>>,
}

fn options(chance: &Seeded) -> EngineOptions {
    EngineOptions {
        lane_queue: *chance.pick(&[2, 16, 256]),
        lane_concurrency_start: *chance.pick(&[1, 4, 8]),
        lane_concurrency_most: *chance.pick(&[8, 32]),
        memory_bytes: *chance.pick(&[2 * 1_024, 64 * 1_024, 64 * 1_024 * 1_024]),
        linger: *chance.pick(&[millis(300), seconds(1)]),
        scan_every: *chance.pick(&[seconds(3), seconds(10)]),
    }
}

fn answer(chance: &Seeded, _sent: &Sent) -> Answer {
    let delay = *chance.pick(&[0, 1, 20, 300, 1_500]);
    let answer = match chance.below(1_000) {
        0..600 => Answer::status(200),
        600..750 => Answer::status(500),
        750..800 => Answer::status(503).header("retry-after", "7"),
        800..850 => Answer::hang(),
        850..900 => Answer::error(ErrorKind::ConnectionRefused),
        900..997 => Answer::status(302),
        _ => Answer::status(410),
    };
    answer.after(millis(delay))
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let chance = Arc::new(Seeded::new(seed));
        let world = World::on(Ground::new(seed ^ 0xfeed), options(&chance)).await;
        settle_in(&world.fanfare).await;
        let answers = Arc::new(Seeded::new(seed ^ 0xa15e));
        world
            .ground
            .sender
            .decide(move |sent| answer(&answers, sent));
        let mut play = Self {
            world,
            chance,
            history: Arc::default(),
            endpoints: Vec::new(),
            disabled: Vec::new(),
        };
        play.history.lock().waits = WAITS.map(seconds).to_vec();
        for _ in 0..=play.chance.below(3) {
            play.add_endpoint().await;
        }
        play
    }

    fn draft(&self, url: &str) -> fanfare_app::endpoints::EndpointDraft {
        let mut draft = endpoint(url);
        draft.policy = Some(PolicyPatch {
            waits: Some(WAITS.map(seconds).to_vec()),
            timeout: Some(seconds(2)),
            jitter: Some(0.1),
            ..PolicyPatch::default()
        });
        draft
    }

    async fn add_endpoint(&mut self) {
        let url = format!("https://r{}.example/", self.endpoints.len());
        let made = self.world.endpoint_with(self.draft(&url)).await;
        self.history.lock().urls.insert(made.id, url);
        self.endpoints.push(made);
        self.disabled.push(None);
    }

    async fn step(&mut self) {
        match self.chance.below(100) {
            0..45 => self.publish(),
            45..60 => pass(millis(1 << self.chance.below(13))).await,
            60..66 => self.retry_one(),
            66..72 => self.switch().await,
            72..74 => self.delete().await,
            74..76 => self.add_endpoint().await,
            76..88 => self.fault(),
            88..93 => self.world.ground.store.faults().heal(),
            93..96 => self.crash().await,
            _ => pass(seconds(self.chance.below(20))).await,
        }
    }

    /// Publishes some at the same time, and does not wait for the answers.
    fn publish(&self) {
        for _ in 0..=self.chance.below(12) {
            let fanfare = Arc::clone(&self.world.fanfare);
            let history = Arc::clone(&self.history);
            tokio::spawn(async move {
                if let Ok(accepted) = fanfare.publish(acme(), event(), None).await {
                    history.lock().acknowledged.push(accepted.event);
                }
            });
        }
    }

    fn retry_one(&self) {
        let history = Arc::clone(&self.history);
        let acknowledged = &history.lock().acknowledged;
        if acknowledged.is_empty() {
            return;
        }
        let event = Arc::clone(self.chance.pick(acknowledged));
        if event.targets.is_empty() {
            return;
        }
        let place = self.chance.below(event.targets.len() as u64) as u16;
        let fanfare = Arc::clone(&self.world.fanfare);
        let told = Arc::clone(&self.history);
        tokio::spawn(async move {
            let id = event.id.delivery(place).to_string();
            if let Ok(Retried::Replay(replay)) = fanfare.retry(&acme(), &id).await {
                told.lock().replays.push(replay.id);
            }
        });
    }

    /// Disables an endpoint, or enables it again.
    async fn switch(&mut self) {
        let place = self.chance.below(self.endpoints.len() as u64) as usize;
        let id = self.endpoints[place].id;
        let Some(url) = self.history.lock().urls.get(&id).cloned() else {
            return;
        };
        let mut draft = self.draft(&url);
        let since = self.disabled[place].take();
        draft.enabled = Some(since.is_some());
        let now = self.world.ground.clock.now();
        if let Some(since) = since {
            self.history.lock().disabled.push((url, since, now));
        }
        let id = id.to_string();
        let fanfare = &self.world.fanfare;
        let changed = fanfare
            .replace_endpoint(&acme(), &id, draft, Vec::new())
            .await;
        if changed.is_ok() && since.is_none() {
            self.disabled[place] = Some(self.world.ground.clock.now());
        }
    }

    async fn delete(&mut self) {
        let endpoint = self.chance.pick(&self.endpoints).id.to_string();
        let fanfare = &self.world.fanfare;
        let _ = fanfare.delete_endpoint(&acme(), &endpoint).await;
    }

    fn fault(&self) {
        let faults = self.world.ground.store.faults();
        let call = *self.chance.pick(&CALLS);
        let moment = *self.chance.pick(&[Moment::Before, Moment::After]);
        if self.chance.chance(0.5) {
            faults.fail(call, 1 + self.chance.below(6) as usize, moment);
        } else {
            let delay = millis(1 << self.chance.below(12));
            faults.delay(call, delay, moment);
        }
    }

    async fn crash(&mut self) {
        let sent = self.world.ground.sender.count();
        self.history.lock().crashes.push(sent);
        let ground = self.world.ground.crash();
        self.world = World::on(ground, self.world.options.clone()).await;
    }

    /// Lets everything come to its end, and gathers what there is to judge.
    async fn end(self) -> (World, History) {
        let world = self.world;
        world.ground.store.faults().heal();
        world.ground.sender.decide(|_| Answer::status(200));
        pass(seconds(300)).await;
        let mut history = std::mem::take(&mut *self.history.lock());
        history.sent = world.ground.sender.sent();
        for row in world.rows().await {
            let attempts = world.attempts(&row).await;
            history.rows.insert(row.id, (row, attempts));
        }
        let (from, to) = (Default::default(), world.ground.clock.now());
        for id in history.urls.keys() {
            let tallies = world.ground.store.tallies(*id, from, to).await.unwrap();
            let ends = tallies
                .iter()
                .map(|tally| tally.delivered + tally.failed + tally.discarded);
            history.tallied_ends += ends.sum::<u64>();
        }
        (world, history)
    }
}

async fn play(seed: u64) {
    let mut play = Play::begin(seed).await;
    for _ in 0..60 {
        play.step().await;
    }
    let (world, history) = play.end().await;
    let mut faults = history.faults();
    let footprint = world.engine.footprint();
    if footprint.timers + footprint.lanes + footprint.payload_bytes + footprint.without_row > 0 {
        faults.push(format!("something stays in memory: {footprint:?}"));
    }
    let shown: Vec<_> = faults.iter().take(5).collect();
    assert!(
        faults.is_empty(),
        "seed {seed}: {} faults: {shown:#?}",
        faults.len()
    );
}

fn play_all(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let limit = Duration::from_secs(48 * 3_600);
        let ended = runtime.block_on(async { tokio::time::timeout(limit, play(seed)).await });
        assert!(ended.is_ok(), "seed {seed} never ends");
    }
}

#[test]
fn whatever_happens_every_acknowledged_delivery_comes_to_one_end_even_seeds() {
    play_all((0..300).step_by(2));
}

#[test]
fn whatever_happens_every_acknowledged_delivery_comes_to_one_end_odd_seeds() {
    play_all((1..300).step_by(2));
}
