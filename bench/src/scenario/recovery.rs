//! New events, alone and then while very many failed deliveries of another tenant are recovered, as
//! fast as a job may go.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fanfare_testkit::receiver::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::{
    api::Api,
    bench::Bench,
    clock,
    load::{Length, closed},
    report::Row,
};

const NEW: f64 = 100.0;
const MEASURED: Duration = Duration::from_secs(30);
/// The most that a job's maker may ask for unless the server is set otherwise, deliveries a second.
const RATE: u32 = 2_000;
const LEAST_PROGRESS: Duration = Duration::from_secs(30);

pub(crate) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let failed = bench.options.recovered;
    let mut server = bench.start_server()?;
    let api = server.api()?;
    api.create_event_type()?;
    let new = [bench.add_tenant(&server, &api, "new")?];
    api.create_endpoint("new", &bench.receiver.url("/e/0"))?;
    let broken = bench.add_tenant(&server, &api, "broken")?;
    bench.receiver.answer("/broken/0", Answer::status(500));
    let endpoint = api.create_endpoint_of(
        "broken",
        &json!({
            "url": bench.receiver.url("/broken/0"),
            // Each delivery fails by its first attempt.
            "delivery_policy": { "waits": ["0s"], "disable_after": "0s", "breaker": { "enabled": false } },
        }),
    )?;
    let ledger = bench.open_ledger_for(failed);
    let load = bench.full_speed(bench.publication(&[broken], &ledger)?);
    closed::run(&load, Length::Capacity)?;
    ledger.wait_for_the_rest(bench.options.grace());
    bench.close_ledger(&ledger);
    server.check()?;
    bench.receiver.answer("/broken/0", Answer::ok());

    let length = bench.length_of_at_least(MEASURED);
    let mut alone = bench.open(&mut server, &new, NEW, length)?;
    alone.scenario = "new ones, alone".to_owned();

    let start = clock::now();
    let job = Job::start(&api, &endpoint)?;
    let mut beside = bench.open(&mut server, &new, NEW, length)?;
    beside.scenario = format!("new ones, {failed} recovered");
    beside.notes.remove("strays");
    beside.cpu_micros_per_delivery = None;
    beside.against_alone(&alone);
    let taken = job.wait(&api)?;
    let seconds = (clock::now() - start) as f64 / 1e9;
    beside.notes.insert("recovered", taken as f64);
    beside.notes.insert("recovery_s", seconds);
    ensure!(
        taken == failed,
        "{taken} deliveries were recovered, and {failed} had failed"
    );
    Ok(vec![alone, beside])
}

/// A recovery that is under way.
struct Job {
    path: String,
}

impl Job {
    fn start(api: &Api, endpoint: &str) -> Result<Self> {
        let body = json!({ "since": "2020-01-01T00:00:00Z", "rate": RATE });
        let path = format!("{endpoint}/recover");
        let (status, job) = api.call(Method::POST, &path, &body)?;
        let id = job["id"]
            .as_str()
            .with_context(|| format!("POST {path} was answered with {status}: {job}"))?;
        Ok(Self {
            path: format!("/v1/jobs/{id}"),
        })
    }

    /// Waits until it is completed; says how many deliveries it took.
    fn wait(&self, api: &Api) -> Result<u64> {
        let mut progress = (0, clock::now());
        loop {
            let (_, job) = api.call(Method::GET, &self.path, &Value::Null)?;
            let taken = job["progress"]["taken"].as_u64().unwrap_or(0);
            if job["state"] == "completed" {
                return Ok(taken);
            }
            if taken != progress.0 {
                progress = (taken, clock::now());
            }
            if clock::now() - progress.1 > clock::span(LEAST_PROGRESS) {
                bail!("the job does not go on: {job}");
            }
            clock::sleep(Duration::from_millis(100));
        }
    }
}
