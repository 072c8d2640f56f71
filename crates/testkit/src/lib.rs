//! Scaffolding for tests and the bench: nothing here is part of the product.

pub mod builders;
pub mod clock;
pub mod memory_store;
pub mod postgres;
mod power;
pub mod receiver;
pub mod scripted_sender;
pub mod seeded;
