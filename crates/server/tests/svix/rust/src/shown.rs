//! What was seen, for the table of methods.

use std::collections::BTreeMap;
use std::fmt::Debug;

use svix::error::Error;

/// What each method showed.
#[derive(Default)]
pub(crate) struct Shown(pub(crate) BTreeMap<&'static str, [Option<String>; 2]>);

impl Shown {
    pub(crate) fn told(&mut self, method: &'static str, success: &str) {
        self.0.entry(method).or_default()[0] = Some(success.to_owned());
    }

    /// The call must have failed so, with the client's typed error.
    pub(crate) fn refused<T: Debug>(
        &mut self,
        method: &'static str,
        outcome: Result<T, Error>,
        status: u16,
        what: &str,
    ) {
        match outcome {
            Err(Error::Http(error)) => {
                let payload = error.payload.expect("a body with a code");
                assert_eq!(
                    (error.status.as_u16(), &*payload.code),
                    (status, what),
                    "{method}"
                );
            }
            Err(Error::Validation(error)) => {
                let payload = error.payload.expect("a body with what is wrong");
                assert_eq!(
                    (422, &*payload.detail[0].loc.join(".")),
                    (status, what),
                    "{method}"
                );
            }
            other => panic!("{method}: {other:?}"),
        }
        let error = &mut self.0.entry(method).or_default()[1];
        error.get_or_insert_with(|| format!("{status} {what}"));
    }
}
