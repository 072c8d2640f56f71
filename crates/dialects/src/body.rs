//! Reading bodies within their bound.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::door::Door;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRefused {
    /// It is larger than the bound.
    TooLarge,
    /// It broke off, or came in a broken form.
    Broken,
}

impl Door {
    /// Reads a whole body, at most [`Door::body_bytes`].
    ///
    /// # Errors
    /// When it is too large or broken.
    pub async fn read(&self, body: Body) -> Result<Bytes, BodyRefused> {
        match Limited::new(body, self.body_bytes()).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(cause) if cause.is::<LengthLimitError>() => Err(BodyRefused::TooLarge),
            Err(_) => Err(BodyRefused::Broken),
        }
    }
}
