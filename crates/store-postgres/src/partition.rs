//! Partitions by days: made ahead, and made in time where one is missing.

use std::collections::BTreeSet;

use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::session::Session;

const DAY: i64 = 24 * 3_600 * 1_000;

/// How many days from today have their partitions before they are needed.
const AHEAD: i64 = 2;

/// The day of a time, counted from the Unix epoch.
pub(crate) const fn day(time: Timestamp) -> i64 {
    time.millis() / DAY
}

/// Which partitions there are, as far as is known.
pub(crate) struct Partitions {
    address: Address,
    options: Options,
    known: Mutex<BTreeSet<i64>>,
}

impl Partitions {
    /// They are made through the direct address.
    pub(crate) fn new(address: Address, options: Options) -> Self {
        Self {
            address,
            options,
            known: Mutex::default(),
        }
    }

    /// Makes those of today and of the next days, by the server's calendar.
    pub(crate) async fn make_ahead(&self) -> Result<(), Failure> {
        let session = Session::connect(&self.address, &self.options).await?;
        let today = "SELECT floor(extract(epoch FROM now()) / 86400)::bigint";
        let Some(row) = session.row(today, &[]).await? else {
            return Ok(());
        };
        let today: i64 = row.try_get(0)?;
        self.ensure((0..=AHEAD).map(|ahead| today + ahead)).await
    }

    /// Makes those of these days that are missing.
    pub(crate) async fn ensure(&self, days: impl Iterator<Item = i64>) -> Result<(), Failure> {
        let missing: BTreeSet<i64> = {
            let known = self.known.lock();
            days.filter(|day| !known.contains(day)).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let session = Session::connect(&self.address, &self.options).await?;
        for day in missing {
            session
                .run(
                    "SELECT fanfare.make_partitions($1)",
                    &[(&day, tokio_postgres::types::Type::INT8)],
                )
                .await?;
            self.known.lock().insert(day);
        }
        Ok(())
    }

    /// Forgets what is known, where a node may have taken some.
    pub(crate) fn forget(&self) {
        self.known.lock().clear();
    }
}
