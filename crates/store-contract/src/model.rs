//! Long rows of random steps, compared with a model of a few lines.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use crate::engine::Engine;

mod deliveries;
mod log;

pub use deliveries::deliveries_do_what_a_simple_model_does;
pub use log::the_log_does_what_a_simple_model_does;

/// How many rows of steps are tried.
const CASES: u32 = 24;

/// Runs `check` on a fresh store for each of some random values.
async fn for_each_case<S>(
    engine: &dyn Engine,
    strategy: S,
    check: impl AsyncFn(&dyn Engine, S::Value),
) where
    S: Strategy,
{
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        let tried = TestRunner::new(config).run(&strategy, |value| {
            Handle::current().block_on(check(engine, value));
            Ok(())
        });
        if let Err(failure) = tried {
            panic!("{failure}");
        }
    });
}
