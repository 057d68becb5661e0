//! What the machine has: memory, and how its CPUs hang together.

mod memory;
mod topology;

pub use memory::{available_memory, free_memory};
pub use topology::Topology;
