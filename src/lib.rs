//! The Coalition clearing server.
pub mod clock;
pub mod domain;
pub mod engine;
pub mod store;
