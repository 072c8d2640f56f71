//! What tests change in the store and no operator may want to: variables whose names say so, which no
//! list of settings shows.

use super::Environment;
use super::fault::{Fault, Origin};

/// What the names of such variables end with.
const SUFFIX: &str = "_FOR_TEST_PURPOSES_ONLY";

/// Changes to the store that only tests make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestPurposes {
    /// Loses acknowledged events when the power fails, so that a test can show that it would notice.
    pub(crate) synchronous_off: bool,
    /// Bytes of the write-ahead log after which it is copied into the file, so that a short test
    /// goes through many such copies.
    pub(crate) checkpoint_bytes: Option<u64>,
}

impl TestPurposes {
    /// Whether a variable is one of these, or looks like one.
    pub(super) fn is_one(name: &str) -> bool {
        name.ends_with(SUFFIX)
    }

    /// Reads them. Each that is set is warned of; one that can't be understood is a fault, since a test
    /// that does not test what it means to is worse than none.
    pub(super) fn read(
        environment: &Environment,
        warnings: &mut Vec<String>,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut read = Self::default();
        for (name, text) in environment {
            let Some(hook) = name.strip_suffix(SUFFIX) else {
                continue;
            };
            let understood = match hook {
                "FANFARE_SYNCHRONOUS_OFF" => text
                    .parse()
                    .map(|off| read.synchronous_off = off)
                    .map_err(|_| "must be true or false"),
                "FANFARE_CHECKPOINT_BYTES" => text
                    .parse()
                    .map(|bytes| read.checkpoint_bytes = Some(bytes))
                    .map_err(|_| "must be a number of bytes"),
                _ => Err("is no setting, not even for tests"),
            };
            match understood {
                Ok(()) => warnings.push(format!(
                    "environment variable {name} is set; unset it wherever events matter"
                )),
                Err(detail) => faults.push(Fault {
                    origin: Origin::Variable(name.clone()),
                    detail: detail.to_owned(),
                }),
            }
        }
        read
    }
}
