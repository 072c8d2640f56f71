//! The closed loop through two doors of one server, in turns whose order changes: events of the native
//! API, and messages of the Svix dialect.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    api::EVENT_TYPE,
    bench::Bench,
    client::Target,
    load::closed,
    payload::Payload,
    report::{Row, middle},
    server::Server,
};

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let (mut server, native) = bench.start_with_tenants()?;
    let svix = svix_targets(bench, &server)?;
    let payload = Payload::svix_message(EVENT_TYPE, bench.options.payload)?;
    let payload = Arc::new(payload);
    let length = bench.usual_length();
    let (mut native_rows, mut svix_rows) = (Vec::new(), Vec::new());
    for round in 0..bench.options.rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                native_rows.push(bench.closed(&mut server, &native, length)?);
                continue;
            }
            let ledger = bench.open_ledger(length, 1);
            let mut publication = bench.publication(&svix, &ledger)?;
            publication.payload = Arc::clone(&payload);
            let load = bench.full_speed(publication);
            svix_rows.push(bench.measure(&mut server, &ledger, || closed::run(&load, length))?);
        }
    }
    let native = middle("native API".to_owned(), &native_rows)?;
    let mut svix = middle("Svix dialect".to_owned(), &svix_rows)?;
    let rates = svix.deliveries_per_second.zip(native.deliveries_per_second);
    svix.share = rates.map(|(svix, native)| svix / native);
    svix.share_of = Some("native");
    Ok(vec![native, svix])
}

/// The same tenants as applications.
fn svix_targets(bench: &Bench, server: &Server) -> Result<Vec<Target>> {
    let target = |tenant| {
        let path = format!("/api/v1/app/tenant-{tenant}/msg");
        Target::post(server.address, &path, Some(&server.key))
    };
    (0..bench.options.tenants).map(target).collect()
}
