//! The Coalition clearing server.
pub mod audit;
pub mod auth;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod faults;
pub mod http;
pub mod jobs;
pub mod rehearse;
pub mod server;
pub mod settings;
pub mod store;
pub mod telemetry;
