//! The command `finsent`.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

/// `cli/allocator.rs` gives the reason.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let typed: Vec<OsString> = env::args_os().collect();
    ExitCode::from(finsent::cli::main(&typed))
}
