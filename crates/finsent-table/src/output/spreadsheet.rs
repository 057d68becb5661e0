//! Cells of CSV files that spreadsheets take for formulas.

/// The characters that begin a formula, or that a spreadsheet skips before one.
const STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// `cell` with an apostrophe before it if a spreadsheet would take it for a formula: it shows such a cell as text.
pub fn no_formula(cell: String) -> String {
    if cell.starts_with(STARTS) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_a_formula_gets_an_apostrophe() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(no_formula(cell.into()), format!("'{cell}"));
        }
        for cell in ["", "a=1", "1", " =1", "'=1", "\u{2212}1"] {
            assert_eq!(no_formula(cell.into()), cell);
        }
    }
}
