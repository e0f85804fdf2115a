//! Statements: what one party gave and got in one cycle, line by line, with what proves it.
//!
//! A statement is computed from what can no longer change: the cycle's frozen positions and the
//! transactions up to where it was cut. It is written out while it is read, so that its length
//! does not matter; the same bytes come out whenever and wherever that is done.

pub mod line;
pub mod movement;
pub mod scan;

pub use line::{Line, LineVat};
