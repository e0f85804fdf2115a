//! Statements and their proofs: what is right is taken, what is not is found.

mod books;
mod command;
mod continuity;
mod figures;
mod flips;
mod inclusion;
mod lines;
mod merkle;
mod receipts;
mod sections;
mod statements;
mod vectors;
