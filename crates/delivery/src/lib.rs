//! The engine that takes accepted events to their endpoints, and the network below it.

pub mod engine;
pub mod guard;
pub mod sender;

pub use engine::{Engine, EngineOptions, EngineParts, Footprint};
