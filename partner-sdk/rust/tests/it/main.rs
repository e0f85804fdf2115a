//! What the crate promises to its users, seen from outside.

mod post;
mod retry;
mod stub;
mod vectors;
