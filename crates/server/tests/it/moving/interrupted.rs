//! A move that is cut off after each single step.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::transfer::{
    Bounds, Chunk, Cursor, Difference, MoveError, Part, Reached, Source, State, Target, run,
};
use fanfare_store_postgres::{Address, PostgresTransfer};
use fanfare_store_sqlite::SqliteTransfer;
use fanfare_testkit::postgres::Cluster;
use fanfare_testkit::receiver::Receiver;

use super::{fill, setup};

/// A target that takes so many chunks.
struct CutOff<'t>(&'t dyn Target, AtomicUsize);

#[async_trait]
impl Source for CutOff<'_> {
    async fn state(&self) -> Result<State, StoreError> {
        self.0.state().await
    }

    async fn read(
        &self,
        part: Part,
        after: Option<&Cursor>,
        bounds: Bounds,
    ) -> Result<Chunk, StoreError> {
        self.0.read(part, after, bounds).await
    }
}

#[async_trait]
impl Target for CutOff<'_> {
    async fn reached(&self, part: Part) -> Result<Reached, StoreError> {
        self.0.reached(part).await
    }

    async fn write(&self, part: Part, chunk: &Chunk) -> Result<(), StoreError> {
        let left = self.1.load(Ordering::Relaxed);
        if left == 0 {
            return Err(StoreError::unavailable("it is cut off here"));
        }
        self.1.store(left - 1, Ordering::Relaxed);
        self.0.write(part, chunk).await
    }

    async fn set_state(&self, state: State) -> Result<(), StoreError> {
        self.0.set_state(state).await
    }

    async fn finish(&self) -> Result<(), StoreError> {
        self.0.finish().await
    }
}

/// Goes on after each chunk of at most 5 rows as if the process had ended; answers how often.
async fn step_by_step<T: Target>(
    source: &dyn Source,
    open: impl AsyncFn() -> T,
) -> (usize, Vec<(Part, u64)>) {
    let bounds = Bounds {
        rows: 5,
        bytes: 20_000,
    };
    let mut steps = 0;
    loop {
        let target = open().await;
        let cut_off = CutOff(&target, AtomicUsize::new(1));
        match run(source, &cut_off, bounds, &mut |_| ()).await {
            Ok(counts) => return (steps, counts),
            Err(MoveError::Write { .. }) => steps += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

const DETECTION: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_move_goes_on_after_each_step_and_no_row_is_there_twice() {
    let receiver = Receiver::start().await;
    let mut server = setup().start().await;
    fill(&server, &receiver).await;
    server.terminate().await;
    let origin = server.folder().join("fanfare.db");
    let database = Cluster::shared().database(None);
    let address = Address::parse(&database.address()).unwrap();

    let source = SqliteTransfer::source(&origin).unwrap();
    let (steps, counts) = step_by_step(&source, async || {
        let target = PostgresTransfer::target(&address, "here", DETECTION).await;
        target.unwrap()
    })
    .await;
    assert!(steps > 20, "{steps}");
    let expected =
        |(part, _): &&(Part, u64)| matches!(part, Part::Events | Part::Deliveries | Part::Attempts);
    let rows: Vec<u64> = counts
        .iter()
        .filter(expected)
        .map(|(_, rows)| *rows)
        .collect();
    assert_eq!(rows, [12, 36, 23]);

    let back = server.folder().join("back.db");
    let source = PostgresTransfer::source(&address, DETECTION).await.unwrap();
    let (_, again) = step_by_step(&source, async || {
        SqliteTransfer::target(&back, "there").unwrap()
    })
    .await;
    assert_eq!(counts, again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changed_or_is_missing_is_found_at_the_end() {
    let receiver = Receiver::start().await;
    let mut server = setup().start().await;
    fill(&server, &receiver).await;
    server.terminate().await;
    let origin = server.folder().join("fanfare.db");
    for (damage, difference) in [
        (
            "UPDATE fanfare.payloads SET data = '\\x7b7d' WHERE id = (
                SELECT min(id::text)::uuid FROM fanfare.payloads)",
            Difference::Contents(Part::Events),
        ),
        (
            "DELETE FROM fanfare.open_deliveries WHERE id = (
                SELECT id FROM fanfare.open_deliveries WHERE holds)",
            Difference::Rows(Part::Deliveries, 36, 35),
        ),
    ] {
        let database = Cluster::shared().database(None);
        let address = Address::parse(&database.address()).unwrap();
        let source = SqliteTransfer::source(&origin).unwrap();
        let target = PostgresTransfer::target(&address, "here", DETECTION)
            .await
            .unwrap();
        let bounds = Bounds::default();
        let mut damaged = false;
        let outcome = run(&source, &target, bounds, &mut |progress| {
            if !damaged && progress.part == Part::Jobs {
                damaged = true;
                database.run(damage);
            }
        })
        .await;
        match outcome {
            Err(MoveError::Different(found)) => assert_eq!(found, difference),
            other => panic!("{other:?}"),
        }
    }
}
