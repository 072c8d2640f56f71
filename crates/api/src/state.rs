//! What every handler is given.

use std::sync::Arc;

use fanfare_app::Fanfare;

use crate::options::ApiOptions;

/// The use cases, and the bounds of bodies.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// The use cases.
    pub(crate) fanfare: Arc<Fanfare>,
    /// The bounds.
    pub(crate) options: Arc<ApiOptions>,
}
