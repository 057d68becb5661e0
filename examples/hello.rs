//! Classifies the texts on the command line with the embedded model.
//!
//! ```sh
//! cargo run --release --example hello -- "Shares plunged 12%" "Orders doubled"
//! ```
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::env;
use std::error::Error;

use finsent::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let model = Model::builder().embedded().build()?;
    for text in env::args().skip(1) {
        let prediction = model.classify(&text)?;
        println!("{:<8} {:.3}  {text}", prediction.label(), prediction.score());
    }
    Ok(())
}
