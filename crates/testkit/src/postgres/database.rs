//! Databases of a cluster.

use tokio_postgres::NoTls;

use super::Cluster;

/// A database of a test; dropped with it.
pub struct Database {
    pub(super) cluster: &'static Cluster,
    pub(super) name: String,
}

impl Database {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.address(&self.name)
    }

    /// Runs statements in it.
    ///
    /// # Panics
    /// When one fails.
    pub fn run(&self, sql: &str) {
        run(&self.address(), sql);
    }

    /// The number that a query gives, its first row's.
    ///
    /// # Panics
    /// When it fails, or gives none.
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        let asked = connected(&self.address(), async |client| {
            client.query_one(sql, &[]).await?.try_get(0)
        });
        match asked {
            Ok(number) => number,
            Err(error) => panic!("{sql}: {error:?}"),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A cluster that is gone has no databases left.
        let _ = try_run(&self.cluster.address(&self.cluster.maintenance), &drop);
    }
}

pub(super) fn run(address: &str, sql: &str) {
    if let Err(error) = try_run(address, sql) {
        panic!("{sql}: {error:?}");
    }
}

fn try_run(address: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    connected(address, async |client| client.batch_execute(sql).await)
}

/// On a thread of its own, so that it can be called with a runtime or without.
fn connected<T: Send>(
    address: &str,
    work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error> + Send,
) -> Result<T, tokio_postgres::Error> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let work = async {
                let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
                let driver = tokio::spawn(connection);
                let done = work(&client).await;
                drop(client);
                let _ = driver.await;
                done
            };
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a small runtime can be made")
                .block_on(work)
        });
        thread.join().expect("it does not panic")
    })
}
