//! A soak: the real server under load for a long time, killed at random, its receivers failing in every
//! way, its endpoints changed and their secrets rotated. Nothing acknowledged may be lost, orders, batches and
//! rates must be kept, what comes twice is counted, and memory must stay flat.
//!
//! Time goes by in four equal parts. In the first third of each the server is killed every now and then;
//! then it runs without a kill, so that growth of its memory would show.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use fanfare_testkit::{
    receiver::{NameServer, Receiver},
    seeded::Seeded,
};

use crate::{background::Background, clock, options::Options, server::Server};

mod account;
mod batches;
mod endpoints;
mod lines;
mod pace;
mod plot;
mod publishing;
mod rest;
mod series;
mod steady;
mod summary;

use account::Account;
use endpoints::Endpoints;
use publishing::Publishing;
use series::{Sample, Series};
use summary::Summary;

/// Parts of the time, each with kills in its first third.
const PARTS: u64 = 4;
/// The shortest and the longest time between two kills, in seconds.
const BETWEEN_KILLS: (u64, u64) = (8, 40);
const SECOND: Duration = Duration::from_secs(1);

/// Runs it to its end; fails where something was lost, came otherwise than asked for, or memory grew.
pub(crate) fn run(options: &Options, minutes: f64) -> Result<()> {
    let seconds = (minutes * 60.0).max(4.0) as u64;
    let account = Arc::new(Account::new(options.soak_rate, seconds));
    let observing = Arc::clone(&account);
    let start = move || async move {
        let observer = Arc::new(move |arrival| observing.arrive(&arrival));
        let receiver = Receiver::builder().observe(observer).start().await;
        (receiver, NameServer::start().await)
    };
    let (_receiving, (receiver, names)) = Background::start("receiver", 1, start)?;
    let mut server = Server::start(options, names.address())?;
    let mut endpoints = Endpoints::make(&server, &receiver, Seeded::new(options.soak_seed))?;
    let publishing = Publishing::start(&server, options.soak_rate, Arc::clone(&account))?;

    let mut series = Series::create(&options.soak_folder)?;
    let chance = Seeded::new(options.soak_seed ^ 0x5eed);
    let began = clock::now();
    let elapsed = || (clock::now() - began) / clock::span(SECOND);
    let part = (seconds / PARTS).max(1);
    let mut next_kill = BETWEEN_KILLS.0;
    let mut started = 0;
    let mut kills = 0;
    while elapsed() < seconds {
        let now = elapsed();
        let killing = now % part < part / 3;
        let killed = killing && now >= next_kill;
        if killed {
            server.restart().context("after a kill")?;
            kills += 1;
            started = elapsed();
            let (shortest, longest) = BETWEEN_KILLS;
            next_kill = started + shortest + chance.below(longest - shortest);
        }
        server.check()?;
        endpoints.befall(&server, &receiver);
        series.add(Sample {
            second: elapsed(),
            age: elapsed() - started,
            killed,
            memory: server.process().own_memory(),
            stored: server.stored_bytes(),
            account: account.figures(),
        })?;
        wait_for_the_next_second(began);
    }
    let published = publishing.stop();
    endpoints.calm(&receiver);
    let rest = rest::wait(&account, &server);
    server.check()?;
    let summary = Summary {
        minutes,
        kills,
        endpoints: endpoints.figures(),
        published,
        account: account.figures(),
        discipline: account.discipline(),
        rest,
        growth: series.growth(),
    };
    let svg = options.soak_folder.join("soak.svg");
    fs::write(&svg, plot::draw(series.samples(), &summary.line()))
        .with_context(|| format!("{} cannot be written", svg.display()))?;
    println!("{summary}");
    println!("{} and {}", series.path().display(), svg.display());
    match summary.faults() {
        faults if faults.is_empty() => Ok(()),
        faults => bail!("{}", faults.join("; ")),
    }
}

fn wait_for_the_next_second(began: u64) {
    let second = clock::span(SECOND);
    let passed = (clock::now() - began) % second;
    clock::sleep(Duration::from_nanos(second - passed));
}
