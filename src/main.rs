//! The command `finsent`.

use std::process::ExitCode;

fn main() -> ExitCode {
    finsent::cli::main()
}
