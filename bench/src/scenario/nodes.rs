//! The closed loop over one, two and four nodes that share a PostgreSQL, in turns whose order changes, each on a
//! new store: what a delivery costs all of them and PostgreSQL together.
//!
//! Each node has as many publishers as one has alone. What a delivery costs depends on how many share a commit,
//! and so on the load of each node, whose number grows because the load does.
//!
//! Beside that, four nodes that share nothing but the machine, each with a database of its own: what four cost that
//! know nothing of each other. The rest of what four cost together is what sharing costs.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{
    api::{Api, publish_target},
    bench::Bench,
    client::Target,
    clock,
    report::{Row, median, middle},
    server::Server,
};

/// How many nodes, and whether they share a store.
const FLEETS: [(usize, bool); 4] = [(1, true), (2, true), (4, true), (4, false)];

/// Figures that bars look at: of one node's, and of as many that share nothing.
pub(crate) const CPU_OF_ONE_NODE: &str = "cpu_of_one_node";
pub(crate) const CPU_OF_STRANGERS: &str = "cpu_of_as_many_strangers";

/// How long a change of the configuration may take to every node.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    if !bench.options.postgres {
        // A file is one node's.
        return Ok(Vec::new());
    }
    let mut rows = FLEETS.map(|_| Vec::new());
    for round in 0..bench.options.rounds {
        for turn in 0..FLEETS.len() {
            let which = (round + turn) % FLEETS.len();
            rows[which].push(of(bench, FLEETS[which])?);
        }
        bench.raw_limit()?;
    }
    let mut middles = Vec::new();
    for ((count, shares), of_it) in FLEETS.into_iter().zip(&rows) {
        let name = if shares { "nodes" } else { "strangers" };
        let mut row = middle(format!("{name}: {count}"), of_it)?;
        row.share = against(&rows[0], of_it, |row| row.deliveries_per_second);
        row.share_of = Some("one node");
        let cpu = against(&rows[0], of_it, |row| row.cpu_micros_per_delivery);
        row.notes.extend(cpu.map(|cpu| (CPU_OF_ONE_NODE, cpu)));
        let alike = FLEETS.iter().position(|fleet| *fleet == (count, false));
        if let Some(strangers) = alike.filter(|_| shares) {
            let cpu = against(&rows[strangers], of_it, |row| row.cpu_micros_per_delivery);
            row.notes.extend(cpu.map(|cpu| (CPU_OF_STRANGERS, cpu)));
        }
        middles.push(row);
    }
    Ok(middles)
}

/// The middle of what a figure is of one node's in the same round.
fn against(one: &[Row], several: &[Row], figure: fn(&Row) -> Option<f64>) -> Option<f64> {
    let pairs = one.iter().zip(several);
    let shares: Vec<f64> = pairs
        .filter_map(|(one, several)| Some(figure(several)? / figure(one)?))
        .collect();
    median(&shares)
}

fn of(bench: &Bench, (count, shares): (usize, bool)) -> Result<Row> {
    let (mut server, _) = bench.start_with_tenants()?;
    for _ in 1..count {
        if shares {
            server.add_node()?;
        } else {
            server.add_stranger()?;
        }
    }
    if !shares {
        for address in server.addresses().skip(1) {
            bench.furnish(&Api::connect(address, &server.key)?)?;
        }
    }
    let targets = targets(bench, &server)?;
    bench.closed(&mut server, &targets, bench.usual_length())
}

/// A target for each publisher, so many for each node: neighbours publish to different nodes, and each tenant
/// through all of them.
fn targets(bench: &Bench, server: &Server) -> Result<Vec<Target>> {
    let addresses: Vec<_> = server.addresses().collect();
    for address in &addresses {
        let api = Api::connect(*address, &server.key)?;
        for tenant in 0..bench.options.tenants {
            wait_for_the_endpoint(&api, tenant)?;
        }
    }
    let target = |publisher: usize| {
        let address = addresses[publisher % addresses.len()];
        let tenant = publisher / addresses.len() % bench.options.tenants;
        publish_target(address, &server.key, &format!("tenant-{tenant}"))
    };
    let publishers = bench.options.publishers * addresses.len();
    (0..publishers).map(target).collect()
}

/// Publishes through a node until it knows the tenant's endpoint.
fn wait_for_the_endpoint(api: &Api, tenant: usize) -> Result<()> {
    let start = clock::now();
    loop {
        let answer = api.publish(&format!("tenant-{tenant}"))?;
        let deliveries = answer["deliveries"]
            .as_u64()
            .context("an event says its deliveries")?;
        if deliveries > 0 {
            return Ok(());
        }
        if clock::now() - start > clock::span(PATIENCE) {
            bail!("a node knows no endpoint of tenant-{tenant} after {PATIENCE:?}");
        }
        clock::sleep(Duration::from_millis(50));
    }
}
