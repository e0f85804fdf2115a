//! What the crate promises to its users, seen from outside.

mod post;
mod proof;
mod retry;
mod stub;
mod vectors;
