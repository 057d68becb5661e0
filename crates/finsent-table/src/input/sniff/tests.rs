//! What is settled on the first rows, and what is refused.

use super::*;
use crate::input::dialect::{COMMA, Quote, TAB};

fn settle_with(text: &str, delimiter: u8, choice: DialectChoice, column: Option<&str>) -> Result<Settled, TableError> {
    let sample = Sample { bytes: text.into(), is_whole: true, has_carriage_returns: false };
    settle(&sample, Expected { file: "f", delimiter, choice: &choice, text_column: column })
}

fn csv(text: &str) -> Result<Settled, TableError> {
    settle_with(text, COMMA, DialectChoice::default(), None)
}

fn differences(text: &str) -> String {
    csv(text).unwrap().differences.join(", ")
}

#[test]
fn a_plain_file_has_no_differences() {
    for text in [
        "id,text\n1,Profit rose\n",
        "text\nProfit rose; sharply\nSales fell, too\n",
        "a,b\nx,y\n",
        "text\n",
        "",
        "id,headline\n1,\"Profit rose; sharply\"\n2,\"\"\"Buy\"\" says one\"\n",
        "Firma,0,1\nAAA,up,down\nBBB,down,up\n",
    ] {
        assert_eq!(differences(text), "", "{text}");
    }
}

#[test]
fn what_separates_is_settled_by_the_columns_that_it_makes() {
    assert_eq!(
        differences("id;headline;chg,%\n1;Orders doubled;+3,1\n2;Shares plunged;-12,4\n"),
        "semicolon-separated"
    );
    assert_eq!(differences("Datum;Schlagzeile;Kurs\r\n09.03.2026;\"Gewinn; 1,20\";12,50\r\n"), "semicolon-separated");
    assert_eq!(differences("id\theadline\n1\tProfit, again\n"), "tab-separated");
    assert_eq!(differences("id|headline\n1|Profit, again\n"), "pipe-separated");
    let tsv = settle_with("id,headline\n1,up\n", TAB, DialectChoice::default(), None).unwrap();
    assert_eq!(tsv.differences, ["comma-separated"]);
}

#[test]
fn the_first_line_of_a_spreadsheet_may_say_what_separates() {
    for text in ["sep=;\nid;headline\n1;Orders, doubled\n", "\"SEP=;\"\r\nid;headline\r\n1;up\r\n"] {
        let settled = csv(text).unwrap();
        assert!(settled.has_separator_line && settled.differences == ["semicolon-separated"], "{text}");
    }
}

#[test]
fn two_delimiters_that_make_equal_sense_are_refused() {
    let text = "a;b,c\nx;y,z\nu;v,w\n";
    assert!(matches!(csv(text), Err(TableError::UnclearDelimiter { .. })));
    let said = DialectChoice { delimiter: Some(b';'), ..DialectChoice::default() };
    assert_eq!(settle_with(text, COMMA, said, None).unwrap().dialect.delimiter, b';');
    assert_eq!(settle_with(text, COMMA, DialectChoice::default(), Some("a")).unwrap().dialect.delimiter, b';');
}

#[test]
fn a_comma_of_prose_or_of_numbers_separates_nothing() {
    let delimiter = |text| {
        let rows = DialectChoice { no_header: true, ..DialectChoice::default() };
        settle_with(text, COMMA, rows, None).unwrap().dialect.delimiter
    };
    assert_eq!(delimiter("positive;Orders doubled, again\nnegative;Sales fell, again\n"), b';');
    assert_eq!(delimiter("up;1,5\ndown;2,5\n"), b';');
    assert_eq!(delimiter("up, again,1;5\ndown, again,2;5\n"), COMMA);
}

#[test]
fn data_in_the_first_line_is_recognized_or_unclear() {
    for text in [
        "neutral,The group keeps its plant as it is .\npositive,Profit of the group rose to EUR 9.4 mn .\n",
        "Shares plunged 12%\nOrders doubled\nFed leaves rates unchanged\n",
        "1,Orders doubled in the quarter\n2,Sales fell again by a tenth\n",
        "up,Profit rose\ndown,Sales fell\nup,Orders doubled\n",
    ] {
        assert!(!csv(text).unwrap().dialect.has_header, "{text}");
    }
    for text in ["Orders doubled\nShares plunged\n", "AAA,2019\nBBB,2020\n"] {
        assert!(matches!(csv(text), Err(TableError::UnclearHeader { .. })), "{text}");
        let said = DialectChoice { no_header: true, ..DialectChoice::default() };
        assert!(!settle_with(text, COMMA, said, None).unwrap().dialect.has_header);
    }
    let named =
        settle_with("Orders doubled\nShares plunged\n", COMMA, DialectChoice::default(), Some("Orders doubled"));
    assert!(named.unwrap().dialect.has_header);
}

#[test]
fn tabs_are_quoted_only_if_all_quotes_make_sense() {
    let tsv = |text: &str| settle_with(text, TAB, DialectChoice::default(), None).unwrap();
    let posts = tsv("id\ttext\n1\t\"Short squeeze, says the forum\n2\tMargin call\n3\t7\" wafers\n");
    assert_eq!((posts.dialect.quote, posts.differences.len()), (None, 1));
    assert_eq!(tsv("id\ttext\n1\t\"Short squeeze\n2\tof 7\"\n").dialect.quote, None);
    assert_eq!(tsv("id\ttext\n1\t\"He said \"\"buy\"\"\"\n2\tup\n").dialect.quote, Some(b'"'));
    let said = DialectChoice { quote: Some(Quote::With(b'"')), ..DialectChoice::default() };
    assert_eq!(settle_with("text\n\"a\n", TAB, said, None).unwrap().dialect.quote, Some(b'"'));
}

#[test]
fn a_quoted_value_over_lines_to_a_stray_quote_is_refused() {
    let text = "id,text\n1,up\n2,\"Short squeeze\n3,Margin call\n4,7\" wafers\n";
    assert!(matches!(csv(text), Err(TableError::SwallowedRows { line: 3, .. })));
    let said = DialectChoice { quote: Some(Quote::None), ..DialectChoice::default() };
    assert_eq!(settle_with(text, COMMA, said, None).unwrap().dialect.quote, None);
}

#[test]
fn quotes_and_escapes_are_those_that_make_sense() {
    let spark = csv("id,headline\n1,\"CEO: \\\"we will miss\\\", shares slump\"\n2,\"up\"\n").unwrap();
    assert_eq!((spark.dialect.escape, spark.differences), (Some(b'\\'), vec!["quotes escaped with \\".to_owned()]));
    assert_eq!(csv("id,text\n1,\"in C:\\\"\n2,\"up\"\n").unwrap().dialect.escape, None);
    assert_eq!(differences("id,text\n1,'up, again'\n2,'down'\n"), "quoted with '");
    assert_eq!(csv("id,text\n1,'Buy' says one\n2,'tis over\n").unwrap().dialect.quote, Some(b'"'));
}

#[test]
fn rows_of_many_lengths_are_read_as_the_name_says() {
    assert_eq!(differences("text,n\nProfit rose,1\nup, and down, 2\n"), "");
    assert_eq!(differences("text;n\nProfit rose;1\na;b;c\n"), "semicolon-separated");
}
