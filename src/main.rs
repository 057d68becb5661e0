//! The command `finsent`.

mod allocator;
mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::give_memory_back();
    cli::main()
}
