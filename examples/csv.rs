//! Adds a label and a score to each row of a CSV file on standard input.
//!
//! ```sh
//! cargo run --release --example csv -- headline < news.csv > scored.csv
//! ```

use std::error::Error;
use std::{env, io};

use finsent::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let column = env::args().nth(1).ok_or("name the column of the texts")?;
    let model = Model::builder().embedded().build()?;
    let mut reader = csv::Reader::from_reader(io::stdin());
    let mut writer = csv::Writer::from_writer(io::stdout());

    let mut header = reader.headers()?.clone();
    let text = header.iter().position(|name| name == column).ok_or("there is no such column")?;
    header.extend(["label", "score"]);
    writer.write_record(&header)?;

    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    for rows in rows.chunks(256) {
        let results = model.classify_batch(rows.iter().map(|row| &row[text]));
        for (row, result) in rows.iter().zip(results) {
            let mut row = row.clone();
            match result {
                Ok(prediction) => row.extend([prediction.label(), &prediction.score().to_string()]),
                Err(error) => row.extend(["", &error.to_string()]),
            }
            writer.write_record(&row)?;
        }
    }
    Ok(writer.flush()?)
}
