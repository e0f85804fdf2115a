//! Statements and their proofs: what is right is taken, what is not is found.

mod books;
mod command;
mod continuity;
mod flips;
mod inclusion;
mod merkle;
mod receipts;
mod statements;
mod vectors;
