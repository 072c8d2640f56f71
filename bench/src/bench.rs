//! What every scenario works with: the receiver, the name server, and a load measured whole.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use fanfare_testkit::receiver::{NameServer, Receiver};
use http::StatusCode;

use crate::{
    api::{Api, EVENT_TYPE, publish_target},
    background::Background,
    client::Target,
    ledger::{Ledger, Ledgers},
    load::{
        Length, Publication, Published,
        closed::{self, Closed},
        open::{self, Open},
    },
    options::Options,
    payload::Payload,
    report::{Row, median},
    server::Server,
};

/// No loopback carries more requests a second; ledgers for a time have room for so many.
const MOST_EVENTS_A_SECOND: u64 = 400_000;

/// Connections of an open loop: enough that none is waited for at the rates measured here.
const OPEN_CONNECTIONS: usize = 256;

pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) receiver: Receiver,
    pub(crate) name_server: NameServer,
    ledgers: Arc<Ledgers>,
    /// Each measurement of the raw limit, requests a second.
    pub(crate) raw: RefCell<Vec<f64>>,
    /// What the closed loop reached, events a second.
    pub(crate) closed_rate: Cell<Option<f64>>,
    _receiving: Background,
}

impl Bench {
    pub(crate) fn new(options: Options) -> Result<Self> {
        let ledgers = Arc::<Ledgers>::default();
        let observing = ledgers.clone();
        let start = move || async move {
            let observer = Arc::new(move |arrival| observing.arrive(&arrival));
            (
                Receiver::builder().observe(observer).start().await,
                NameServer::start().await,
            )
        };
        let (receiving, (receiver, name_server)) =
            Background::start("receiver", options.receiver_threads, start)?;
        Ok(Self {
            options,
            receiver,
            name_server,
            ledgers,
            raw: RefCell::default(),
            closed_rate: Cell::new(None),
            _receiving: receiving,
        })
    }

    pub(crate) fn start_server(&self) -> Result<Server> {
        Server::start(&self.options, self.name_server.address())
    }

    /// The same with another binary.
    pub(crate) fn start_binary(&self, binary: &Path) -> Result<Server> {
        Server::start_binary(binary, &self.options, self.name_server.address())
    }

    /// A server with the event type and these many tenants, each with one endpoint that answers.
    pub(crate) fn start_with_tenants(&self) -> Result<(Server, Vec<Target>)> {
        self.with_tenants(self.start_server()?)
    }

    /// Gives a new server what [`Bench::start_with_tenants`] says.
    pub(crate) fn with_tenants(&self, server: Server) -> Result<(Server, Vec<Target>)> {
        self.furnish(&server.api()?)?;
        let target = |tenant| {
            let tenant = format!("tenant-{tenant}");
            publish_target(server.address, &server.key, &tenant)
        };
        let targets = (0..self.options.tenants).map(target);
        let targets = targets.collect::<Result<_>>()?;
        Ok((server, targets))
    }

    /// Makes the event type and the tenants with their endpoints.
    pub(crate) fn furnish(&self, api: &Api) -> Result<()> {
        api.create_event_type()?;
        for tenant in 0..self.options.tenants {
            let tenant = format!("tenant-{tenant}");
            api.create_tenant(&tenant)?;
            api.create_endpoint(&tenant, &self.receiver.url("/e/0"))?;
        }
        Ok(())
    }

    /// Makes a tenant without endpoints; says where its events are published.
    pub(crate) fn add_tenant(&self, server: &Server, api: &Api, tenant: &str) -> Result<Target> {
        api.create_tenant(tenant)?;
        publish_target(server.address, &server.key, tenant)
    }

    /// As measured in a time, with room for every event of it.
    pub(crate) fn open_ledger(&self, length: Length, endpoints: usize) -> Arc<Ledger> {
        self.ledgers
            .open(most_events(length) / endpoints as u64, endpoints)
    }

    /// The same for one endpoint, and it counts what arrives against the events' order.
    pub(crate) fn open_watching_order(&self, length: Length) -> Arc<Ledger> {
        self.ledgers
            .open_with(|run| Ledger::new(run, most_events(length), 1).watching_order())
    }

    pub(crate) fn open_ledger_for(&self, events: u64) -> Arc<Ledger> {
        self.ledgers.open(events, 1)
    }

    pub(crate) fn close_ledger(&self, ledger: &Ledger) {
        self.ledgers.close(ledger);
    }

    /// Publishes to these targets.
    pub(crate) fn publication(
        &self,
        targets: &[Target],
        ledger: &Arc<Ledger>,
    ) -> Result<Publication> {
        Ok(Publication {
            targets: targets.into(),
            payload: Arc::new(Payload::event(EVENT_TYPE, self.options.payload)?),
            acknowledges: StatusCode::ACCEPTED,
            ledger: ledger.clone(),
        })
    }

    /// A closed loop of the usual publishers, none of whom waits for deliveries.
    pub(crate) fn full_speed(&self, publication: Publication) -> Closed {
        Closed {
            publication,
            connections: self.options.publishers,
            threads: self.options.client_threads,
            window: None,
        }
    }

    /// Publishes in a closed loop for the usual time, and measures all of it. Each target has a publisher at least.
    pub(crate) fn closed(
        &self,
        server: &mut Server,
        targets: &[Target],
        length: Length,
    ) -> Result<Row> {
        let ledger = self.open_ledger(length, 1);
        let mut load = self.full_speed(self.publication(targets, &ledger)?);
        load.connections = load.connections.max(targets.len());
        self.measure(server, &ledger, || closed::run(&load, length))
    }

    /// Publishes at a fixed rate, and measures all of it.
    pub(crate) fn open(
        &self,
        server: &mut Server,
        targets: &[Target],
        rate: f64,
        length: Length,
    ) -> Result<Row> {
        let ledger = self.open_ledger(length, 1);
        let load = Open {
            publication: self.publication(targets, &ledger)?,
            rate,
            connections: OPEN_CONNECTIONS,
        };
        self.measure(server, &ledger, || open::run(&load, length))
    }

    /// Runs a load, waits until everything has arrived or is lost, and says how it went.
    pub(crate) fn measure(
        &self,
        server: &mut Server,
        ledger: &Ledger,
        load: impl FnOnce() -> Result<Published>,
    ) -> Result<Row> {
        let process = server.process();
        let (cpu, total, strays) = (
            process.cpu_micros()?,
            self.ledgers.total(),
            self.ledgers.strays(),
        );
        let ran = load();
        server.check()?;
        let published = ran.context("the load failed")?;
        let behind = ledger.outstanding();
        let lost = ledger.wait_for_the_rest(self.options.grace());
        server.check()?;
        let cpu = process.cpu_micros()? - cpu;
        let delivered = self.ledgers.total() - total;
        self.ledgers.close(ledger);
        let mut row = Row::of_load(ledger, published);
        row.cpu_micros_per_delivery = (delivered > 0).then(|| cpu / delivered as f64);
        row.memory = Some(process.memory()?);
        row.lost = Some(lost);
        row.notes.insert("behind_at_end", behind as f64);
        row.notes
            .insert("drain_ms", ledger.drain().as_secs_f64() * 1e3);
        let strays = self.ledgers.strays() - strays;
        if strays > 0 {
            row.notes.insert("strays", strays as f64);
        }
        Ok(row)
    }

    /// Measures the raw limit: the same connections and bodies straight to the receiver.
    pub(crate) fn raw_limit(&self) -> Result<Row> {
        let length = self.raw_length();
        let ledger = self.open_ledger(length, 1);
        let load = self.full_speed(self.raw_publication(&ledger)?);
        let published = closed::run(&load, length)?;
        self.raw.borrow_mut().push(ledger.rate());
        Ok(self.raw_row(&ledger, published))
    }

    /// Posts straight to the receiver at a fixed rate.
    pub(crate) fn raw_open(&self, rate: f64) -> Result<Row> {
        let length = self.raw_length();
        let ledger = self.open_ledger(length, 1);
        let publication = self.raw_publication(&ledger)?;
        let published = open::run(
            &Open {
                publication,
                rate,
                connections: OPEN_CONNECTIONS,
            },
            length,
        )?;
        Ok(self.raw_row(&ledger, published))
    }

    fn raw_length(&self) -> Length {
        let warm_up = Duration::from_millis(500);
        Length::Time {
            warm_up,
            measured: self.options.raw_measured(),
        }
    }

    fn raw_publication(&self, ledger: &Arc<Ledger>) -> Result<Publication> {
        let target = Target::post(self.receiver.address(), "/e/0", None)?;
        Ok(Publication {
            targets: [target].into(),
            payload: Arc::new(Payload::bare(self.options.payload)?),
            acknowledges: StatusCode::OK,
            ledger: ledger.clone(),
        })
    }

    fn raw_row(&self, ledger: &Ledger, published: Published) -> Row {
        self.ledgers.close(ledger);
        let mut row = Row::of_load(ledger, published);
        row.lost = Some(ledger.missing());
        row
    }

    /// The raw limit around now: the mean of the last two times it was measured.
    pub(crate) fn raw_around(&self) -> f64 {
        let raw = self.raw.borrow();
        median(&raw[raw.len().saturating_sub(2)..]).unwrap_or(f64::NAN)
    }

    pub(crate) fn usual_length(&self) -> Length {
        self.length_of(self.options.measured())
    }

    /// The usual length, but for what needs longer.
    pub(crate) fn length_of_at_least(&self, least: Duration) -> Length {
        self.length_of(self.options.measured().max(least))
    }

    fn length_of(&self, measured: Duration) -> Length {
        Length::Time {
            warm_up: self.options.warm_up(),
            measured,
        }
    }
}

fn most_events(length: Length) -> u64 {
    let Length::Time { warm_up, measured } = length else {
        unreachable!("a ledger of a given capacity is opened with it");
    };
    (warm_up + measured).as_secs().max(1) * MOST_EVENTS_A_SECOND
}
