//! The engine in virtual time: the real engine and use cases over a store in memory and a scripted
//! network.

mod world;

mod recording;
mod retries;
