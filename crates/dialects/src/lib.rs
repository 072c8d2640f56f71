//! Dialects: other providers' management APIs and delivery formats, spoken exactly.
//!
//! A dialect is a module with four parts: the management API (routes, authentication, bodies, errors,
//! ids), the delivery format (envelope, headers, signature), its delivery policy, and the event types
//! that it knows. It owns no tables and no rules: it translates to and from the use cases that the
//! native API calls, and finds its endpoints by ids of its own form (`fanfare_app::external`).
//!
//! A new one is a folder here and a line in the list below, besides its `mod`;
//! `docs/adding-a-dialect.md` goes through it.

mod body;
mod collect;
mod dialect;
mod door;
mod fullstory;
mod konpro;
mod limiter;
mod nursa;
mod serving;
mod signing;
mod svix;

pub use body::BodyRefused;
pub use dialect::{Dialect, DialectSettings};
pub use door::{Denied, Door};
pub use serving::{Binding, Doors};
pub use svix::{SvixImport, Taken};

/// Makes [`make`] and [`ALL`] from a list of all dialects.
macro_rules! dialects {
    ($($module:ident :: $dialect:ident),* $(,)?) => {
        /// Every dialect by its name, made from what the operator sets for it.
        ///
        /// # Errors
        /// When a setting can't be used, with its name and what would be right.
        pub fn make(
            name: &str,
            settings: &DialectSettings,
        ) -> Option<Result<Box<dyn Dialect>, String>> {
            match name {
                $($module::NAME => Some($module::$dialect::new(settings).map(boxed)),)*
                _ => None,
            }
        }

        /// The names of all dialects.
        pub const ALL: &[&str] = &[$($module::NAME),*];
    };
}

dialects! {
    collect::Collect,
    fullstory::FullStory,
    konpro::KonPro,
    nursa::Nursa,
    svix::Svix,
}

fn boxed(dialect: impl Dialect) -> Box<dyn Dialect> {
    Box::new(dialect)
}
