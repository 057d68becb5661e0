//! Prepares the files that the server embeds.
#![expect(clippy::print_stdout, reason = "Cargo reads the output of build scripts")]

mod page;
#[cfg(feature = "swagger-ui")]
mod swagger_ui;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    page::compress()?;
    #[cfg(feature = "swagger-ui")]
    swagger_ui::extract()?;
    Ok(())
}
