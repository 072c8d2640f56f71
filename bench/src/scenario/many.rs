//! Very many endpoints, twenty to a tenant: all well, and then with one in twenty that fails, at the
//! same rate of events.

use std::time::Duration;

use anyhow::Result;
use fanfare_testkit::receiver::Answer;

use crate::{
    bench::Bench,
    load::open::{self, Open},
    report::Row,
};

const OF_A_TENANT: usize = 20;
/// Events a second, each to twenty endpoints.
const RATE: f64 = 100.0;
const MEASURED: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 64;

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    // No number at its end: what comes there is not counted as a healthy one's.
    bench.receiver.answer("/failing/every", Answer::status(500));
    let tenants = bench.options.endpoints.div_ceil(OF_A_TENANT);
    let mut targets = Vec::new();
    for tenant in 0..tenants {
        let tenant = format!("tenant-{tenant}");
        targets.push(bench.add_tenant(&server, &api, &tenant)?);
        for endpoint in 0..OF_A_TENANT - 1 {
            api.create_endpoint(&tenant, &bench.receiver.url(&format!("/e/{endpoint}")))?;
        }
    }
    let length = bench.length_of_at_least(MEASURED);
    let mut measured = |scenario: String| -> Result<Row> {
        let ledger = bench.open_ledger(length, OF_A_TENANT - 1);
        let load = Open {
            publication: bench.publication(&targets, &ledger)?,
            rate: RATE,
            connections: CONNECTIONS,
        };
        let mut row = bench.measure(&mut server, &ledger, || open::run(&load, length))?;
        row.scenario = scenario;
        row.notes.remove("strays");
        Ok(row)
    };
    let healthy = tenants * (OF_A_TENANT - 1);
    let alone = measured(format!("{healthy} endpoints"))?;
    for tenant in 0..tenants {
        let url = bench.receiver.url("/failing/every");
        api.create_endpoint(&format!("tenant-{tenant}"), &url)?;
    }
    let mut beside = measured(format!("{healthy} endpoints, {tenants} failing"))?;
    beside.against_alone(&alone);
    Ok(vec![alone, beside])
}
