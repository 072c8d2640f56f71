//! A healthy endpoint, alone and then beside others that hang: as many each in the look-up of their
//! name, in the connect, in the TLS handshake, before the response head and within the response body.
//! The healthy one gets the same events at the same rate both times, on one server.

use std::time::Duration;

use anyhow::Result;
use fanfare_testkit::receiver::{Answer, ConnectHang, NameAnswer, Receiver, SilentListener};

use crate::{background::Background, bench::Bench, report::Row};

/// The ways to hang.
const WAYS: usize = 5;

/// Longer than a delivery may take, so that time-outs and their retries are part of it.
const LEAST_MEASURED: Duration = Duration::from_secs(20);
/// Few events a second need longer for a 99th percentile.
const MEASURED_QUIET: Duration = Duration::from_secs(60);

const TENANT: &str = "tenant";

/// Many events beside 20 endpoints.
pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    beside(
        bench,
        bench.options.hanging_rate as f64,
        4,
        LEAST_MEASURED,
        "healthy",
    )
}

/// 20 events a second beside 10 endpoints.
pub(crate) fn quiet(bench: &Bench) -> Result<Vec<Row>> {
    beside(bench, 20.0, 2, MEASURED_QUIET, "quiet")
}

fn beside(
    bench: &Bench,
    rate: f64,
    of_each: usize,
    least: Duration,
    name: &str,
) -> Result<Vec<Row>> {
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    let target = [bench.add_tenant(&server, &api, TENANT)?];
    api.create_endpoint(TENANT, &bench.receiver.url("/e/0"))?;
    let length = bench.length_of_at_least(least);
    let mut alone = bench.open(&mut server, &target, rate, length)?;
    alone.scenario = format!("{name}, alone");

    let (_background, hanging) = Background::start("hanging", 1, move || Hanging::start(of_each))?;
    for url in hanging.urls(bench) {
        api.create_endpoint(TENANT, &url)?;
    }
    let mut beside = bench.open(&mut server, &target, rate, length)?;
    beside.scenario = format!("{name}, {} hanging", of_each * WAYS);
    beside.against_alone(&alone);
    beside
        .notes
        .insert("hanging_requests", hanging.http.count() as f64);
    Ok(vec![alone, beside])
}

/// What hangs; all of it in the bench's own process, away from the healthy receiver's thread.
struct Hanging {
    connects: Vec<ConnectHang>,
    handshakes: Vec<SilentListener>,
    http: Receiver,
}

impl Hanging {
    async fn start(of_each: usize) -> Self {
        let http = Receiver::builder().keep(0).start().await;
        let mut hanging = Self {
            connects: Vec::new(),
            handshakes: Vec::new(),
            http,
        };
        for index in 0..of_each {
            hanging.connects.push(ConnectHang::start().await);
            hanging.handshakes.push(SilentListener::start().await);
            hanging
                .http
                .answer(&format!("/head/{index}"), Answer::hang_before_head());
            hanging
                .http
                .answer(&format!("/body/{index}"), Answer::hang_in_body());
        }
        hanging
    }

    fn urls(&self, bench: &Bench) -> Vec<String> {
        let mut urls = Vec::new();
        for index in 0..self.connects.len() {
            let name = format!("hanging-{index}.bench.test");
            bench.name_server.set(&name, NameAnswer::Silence);
            urls.push(format!("http://{name}/"));
            urls.push(format!("http://{}/", self.connects[index].address()));
            urls.push(format!("https://{}/", self.handshakes[index].address()));
            urls.push(self.http.url(&format!("/head/{index}")));
            urls.push(self.http.url(&format!("/body/{index}")));
        }
        urls
    }
}
