//! Settlement: cycles, what closing one adds, nets and the payments that follow.

pub mod closing;
pub mod cycle;
pub mod netting;
pub mod payment;
pub mod position;

pub use cycle::{CycleId, CycleState};
pub use position::PositionSum;
