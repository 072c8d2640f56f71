//! Scaffolding for tests and the bench: nothing here is part of the product.

pub mod receiver;
