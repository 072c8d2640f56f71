//! The native API over the real use cases and a real store. Only the network is not there.

mod access;
mod batch;
mod bodies;
mod configuration;
mod lists;
mod lookups;
mod publishing;
mod random_bodies;
mod world;
