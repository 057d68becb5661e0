//! Tables that are not plain CSV: what separates, quotes and escapes, headers, damaged rows.

use crate::finsent::{Run, assert_fails, classify_file, parse_csv, parse_json_lines, run, run_with_input, write_file};

/// The values of a field in the JSON Lines output.
fn values(run: &Run, field: &str) -> Vec<String> {
    let value = |row: &serde_json::Value| row[field].as_str().unwrap_or_default().to_owned();
    parse_json_lines(&run.stdout).iter().map(value).collect()
}

fn assert_reads(run: &Run, field: &str, expected: &[&str], told: &str) {
    assert_eq!(
        (run.code, values(run, field)),
        (Some(0), expected.iter().map(ToString::to_string).collect()),
        "{run:?}"
    );
    assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
}

#[test]
fn posts_with_stray_quotes_between_tabs_are_one_row_each() {
    let posts = "id\ttext\n1\t\"Short squeeze incoming\n2\tMargin call\n3\t7\" wafers: orders above plan\n";
    let expected = ["\"Short squeeze incoming", "Margin call", "7\" wafers: orders above plan"];
    assert_reads(&classify_file("n.tsv", posts, &[]), "text", &expected, "quotes are part of the values");
    assert_reads(&classify_file("n.tsv", posts, &["--quote", "none"]), "text", &expected, "3 texts");
    let commas = posts.replace('\t', ",");
    assert_fails(&classify_file("n.csv", &commas, &[]), 1, &["line 2", "the rows after it", "--quote none"]);
    assert_reads(&classify_file("n.csv", &commas, &["--quote", "none"]), "text", &expected, "not quoted");
}

#[test]
fn a_file_without_a_header_is_read_from_its_first_line() {
    let texts = "Shares plunged 12%\nOrders doubled\n";
    let expected = ["Shares plunged 12%", "Orders doubled"];
    assert_reads(&classify_file("n.csv", texts, &[]), "column_1", &expected, "no header; its columns are `column_1`");
    let phrase = "neutral,\"The group will keep its plant as it is .\"\r\npositive,Profit rose to EUR 9 mn .\r\n";
    let run = classify_file("n.csv", phrase, &["--no-header", "--text-column", "2", "--format", "csv"]);
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!((&header[..2], records.len()), (&["column_1", "column_2"].map(String::from)[..], 2), "{run:?}");
    let unclear = "Orders doubled\nShares plunged\n";
    assert_fails(
        &classify_file("n.csv", unclear, &[]),
        2,
        &["names its columns or is data", "--no-header", "--text-column"],
    );
    let run = classify_file("n.csv", unclear, &["--no-header"]);
    assert_reads(&run, "column_1", &["Orders doubled", "Shares plunged"], "no header");
}

#[test]
fn what_separates_is_recognized_said_or_refused() {
    let rows = "id;headline;chg,%\n1;Orders doubled;+3,1\n2;Shares plunged;-12,4\n";
    let expected = ["Orders doubled", "Shares plunged"];
    assert_reads(&classify_file("n.csv", rows, &[]), "headline", &expected, "read as semicolon-separated");
    let said = format!("sep=;\n{rows}");
    assert_reads(&classify_file("n.csv", said, &[]), "headline", &expected, "read as semicolon-separated");
    let stars = rows.replace(';', "*");
    assert_reads(&classify_file("n.csv", stars, &["--delimiter", "*"]), "headline", &expected, "'*'-separated");
    assert_fails(
        &classify_file("n.csv", "a;b,c\nx;y,z\n", &[]),
        2,
        &["comma-separated or semicolon-separated", "--delimiter"],
    );
    assert_fails(&classify_file("n.csv", "a\n", &["--delimiter", "||"]), 2, &["--delimiter", "one ASCII character"]);
    assert_fails(&classify_file("n.csv", "a\n", &["--delimiter", ";", "--quote", ";"]), 2, &["cannot be both"]);
    let place = classify_file("n.csv", "sep=;\nid;text\n1;up\n2;\n", &[]);
    assert_fails(&place, 5, &["line 4: the text is empty (id 2)"]);
}

#[test]
fn quotes_that_are_escaped_as_spark_does_are_read() {
    let rows =
        "id,headline,ticker\n1,\"CEO: \\\"we will miss guidance\\\", shares slump\",AAA\n2,\"Orders doubled\",BBB\n";
    let expected = ["CEO: \"we will miss guidance\", shares slump", "Orders doubled"];
    assert_reads(&classify_file("n.csv", rows, &[]), "headline", &expected, "quotes escaped with \\");
    assert_reads(&classify_file("n.csv", rows, &["--escape", "\\"]), "headline", &expected, "quotes escaped with \\");
}

#[test]
fn what_python_writes_for_no_number_is_read_as_null() {
    let rows =
        "{\"id\": 1, \"text\": \"Orders doubled\", \"ret\": NaN}\n{\"id\": 2, \"text\": \"Up\", \"ret\": -Infinity}\n";
    let run = classify_file("n.jsonl", rows, &[]);
    assert_reads(&run, "text", &["Orders doubled", "Up"], "2 texts");
    assert!(run.stdout.contains(r#""ret":null"#), "{}", run.stdout);
}

#[test]
fn a_damaged_row_fails_alone_with_its_line_and_id() {
    let run = classify_file("n.jsonl", "{\"text\":\"Up\"}\n{\"id\":7,\"text\":\"Profit ros\n", &[]);
    assert_fails(&run, 5, &["line 2: not a JSON object", "at line 2 column", "(id 7)"]);
    assert_eq!(parse_json_lines(&run.stdout)[1]["id"], 7);
}

#[test]
fn backslashes_that_escape_nothing_are_kept() {
    let rows = "id,headline\n1,\"CEO: \\\"up\\\" in C:\\news\\\\\"\n2,\"Orders, doubled\"\n";
    for args in [&[][..], &["--escape", "\\"]] {
        let run = classify_file("n.csv", rows, args);
        assert_reads(&run, "headline", &["CEO: \"up\" in C:\\news\\", "Orders, doubled"], "escaped with \\");
    }
}

/// Forty rows, one of which has a byte that is not UTF-8 in its second column.
fn damaged_bytes() -> Vec<u8> {
    let row = |number: usize| match number {
        30 => [b"30,wi\xe9re,Orders doubled\n".to_vec()],
        number => [format!("{number},wire,Orders doubled\n").into_bytes()],
    };
    [b"id,source,headline\n".to_vec()].into_iter().chain((1..=40).flat_map(row)).flatten().collect()
}

#[test]
fn bytes_in_another_encoding_fail_their_row_or_are_replaced() {
    let bytes = damaged_bytes();
    for args in [&[][..], &["--encoding-errors", "row"]] {
        let run = classify_file("n.csv", &bytes, args);
        assert_fails(&run, 5, &["line 31: not UTF-8: byte 0xe9", "(id 30)", "40 texts", "1 failed"]);
    }
    let run = classify_file("n.csv", &bytes, &["--encoding-errors", "replace"]);
    assert_eq!((run.code, values(&run, "source")[29].as_str()), (Some(0), "wi\u{fffd}re"));
    assert_fails(&classify_file("n.csv", &bytes, &["--encoding-errors", "strict"]), 1, &["line 31 of", "--encoding"]);
    let utf16: Vec<u8> = "id,text\n1,up\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_fails(&classify_file("n.csv", utf16, &[]), 1, &["looks like utf-16le", "--encoding utf-16le"]);
}

#[test]
fn what_spreadsheets_and_pandas_write_is_scored() {
    let trailing = "date,headline,,\n2026-03-09,Orders doubled,,\n2026-03-10,Shares plunged 12%,,\n";
    let expected = ["Orders doubled", "Shares plunged 12%"];
    assert_reads(&classify_file("n.csv", trailing, &[]), "headline", &expected, "`column_3`, `column_4`");
    let twice = "headline,date,headline\nOrders doubled,2026-03-09,again\n";
    let run = classify_file("n.csv", twice, &[]);
    assert_reads(&run, "headline", &["Orders doubled"], "`headline_2`");
    assert_eq!(values(&run, "headline_2"), ["again"]);
    let short = "headline,ticker,note\nOrders doubled,AAA,ok\nShares plunged 12%,BBB\nFed leaves rates unchanged\n";
    let run = classify_file("n.csv", short, &[]);
    assert_reads(&run, "ticker", &["AAA", "BBB", ""], "3 texts");
    let index = classify_file("n.csv", ",headline\n0,Orders doubled\n1,Up\n", &["--format", "csv"]);
    let (header, records) = parse_csv(&index.stdout);
    assert_eq!((header[..2].join("|"), records[1][..2].join("|")), ("|headline".into(), "1|Up".into()));
    let returns = classify_file("n.csv", "id,headline\r1,Orders doubled\r2,\r", &[]);
    assert_fails(&returns, 5, &["lines end in a carriage return", "line 3: the text is empty (id 2)"]);
    let returns = classify_file("n.txt", "Orders doubled\rUp\r", &[]);
    assert_reads(&returns, "text", &["Orders doubled", "Up"], "carriage return");
}

#[test]
fn json_is_read_in_arrays_and_over_several_lines() {
    let array = "[\n {\n  \"id\": 1,\n  \"text\": \"Orders doubled\"\n },\n {\"id\": 2, \"text\": null}\n]\n";
    for name in ["n.json", "n.jsonl"] {
        let run = classify_file(name, array, &[]);
        assert_fails(&run, 5, &["read as an array of JSON objects", "line 6: the field `text` is null (id 2)"]);
        assert_eq!(values(&run, "text")[0], "Orders doubled");
    }
    let pretty = "{\n \"id\": 1,\n \"text\": \"Orders doubled\"\n}\n{\n \"id\": 2,\n \"text\": \"Up\"\n}\n";
    assert_reads(&classify_file("n.jsonl", pretty, &[]), "text", &["Orders doubled", "Up"], "over several lines");
    let texts = classify_file("n.json", "[\"Orders doubled\", \"Up\"]", &[]);
    assert_reads(&texts, "text", &["Orders doubled", "Up"], "an array");
    assert_fails(&classify_file("n.json", "[{\"text\":\"Up\"},", &[]), 1, &["line 1: the array has no end"]);
    assert_fails(&classify_file("n.json", "[{\"text\":\"Up\"}\n{}]", &[]), 1, &["line 2: expected `,` or `]`"]);
    assert_eq!(classify_file("n.json", "{\"text\":\"Up\"}\n{\"text\":\"Down\"}\n", &[]).code, Some(0));
}

#[test]
fn values_over_several_lines_come_out_on_one() {
    let rows = "[\n{\n\"text\": \"Up\",\n\"tags\": [\n1,\r\n2\n]\n}\n]\n";
    let run = classify_file("n.json", rows, &["--format", "jsonl"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{run:?}");
    assert_eq!(parse_json_lines(&run.stdout)[0]["tags"], serde_json::json!([1, 2]));
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let rows = "{\"text\":\"To the moon \\ud83d\"}\n{\"text\":\"Up\",\"raw\":\"bad \\ud83d tail\"}\n";
    let run = classify_file("n.jsonl", rows, &[]);
    assert_reads(&run, "text", &["To the moon \u{fffd}", "Up"], "2 texts");
    assert_eq!(values(&run, "raw")[1], "bad \u{fffd} tail");
}

#[test]
fn rows_of_json_that_differ_become_a_table_of_all_columns() {
    let rows = "{\"id\":1,\"text\":\"Orders doubled\"}\n{\"id\":2,\"text\":\"Up\",\"tickers\":[\"AAA\"]}\n{\"id\":3,\"text\":\"Down\",\"re\":7}\n";
    let run = classify_file("n.jsonl", rows, &["--format", "csv"]);
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!((run.code, header[..4].join(" ")), (Some(0), "id text tickers re".into()), "{run:?}");
    assert_eq!(records.iter().map(|r| r[2..4].join("|")).collect::<Vec<_>>(), ["|", "[\"AAA\"]|", "|7"]);
    let missing = "{\"id\":1}\n{\"id\":2,\"text\":\"Up\"}\n";
    assert_fails(&classify_file("n.jsonl", missing, &[]), 5, &["line 1: no field `text` (id 1)", "1 failed"]);
}

#[test]
fn rows_of_json_on_standard_input_become_a_table_of_all_columns() {
    let rows = "{\"id\":1,\"text\":\"Orders doubled\"}\n{\"id\":2,\"text\":\"Up\",\"re\":7}\n";
    let dir = tempfile::tempdir().unwrap();
    for (name, separator) in [("o.csv", ","), ("o.tsv", "\t")] {
        let output = dir.path().join(name);
        let run = run_with_input(&["classify", "--output", output.to_str().unwrap()], rows.as_bytes());
        let table = std::fs::read_to_string(output).unwrap();
        assert_eq!(run.code, Some(0), "{run:?}");
        let header = table.lines().next().unwrap().replace('"', "");
        assert!(header.starts_with(&["id", "text", "re", "label"].join(separator)), "{header}");
    }
    let streamed = run_with_input(&["classify", "--format", "csv"], rows.as_bytes());
    assert_fails(&streamed, 5, &["the first row has no `re`", "--format jsonl takes any columns"]);
}

#[test]
fn tab_separated_output_is_read_back() {
    let rows = "id,text\n1,\"He said \"\"up\"\"\"\n2,\"Tab\there\"\n3,\"Two\nlines\tand a tab\"\n4,Plain\n";
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "n.csv", rows);
    let output = dir.path().join("o.tsv");
    assert_eq!(run(&["classify", "--input", &input, "--output", output.to_str().unwrap()]).code, Some(0));
    let table = std::fs::read_to_string(&output).unwrap();
    assert!(table.starts_with("\"id\"\t\"text\"\t\"label\"") && table.contains("\n4\tPlain\tneutral"), "{table}");
    let again = run(&["classify", "--input", output.to_str().unwrap()]);
    assert_eq!(values(&again, "text"), ["He said \"up\"", "Tab\there", "Two\nlines\tand a tab", "Plain"], "{again:?}");
}

#[test]
fn a_text_that_is_the_name_of_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "news.csv", "text\nUp\n");
    assert_fails(&run(&["classify", &path]), 2, &["is a file, and its name would be scored", "--input"]);
    assert_eq!(run(&["classify", "no-such-news.csv"]).code, Some(0));
    assert_fails(&run(&["classify", "--no-header", "Up"]), 2, &["--no-header is for --input and standard input"]);
}

#[test]
fn tables_on_standard_input_are_recognized_said_or_refused() {
    let classify = |args: &[&str], input: &str| run_with_input(&[&["classify"], args].concat(), input.as_bytes());
    let objects = "{\"id\":1,\"text\":\"Orders doubled\"}\n{\"id\":2,\"text\":\"Up\"}\n";
    let expected = ["Orders doubled", "Up"];
    assert_reads(&classify(&[], objects), "text", &expected, "standard input is read as JSON; --input-format text");
    assert_reads(&classify(&[], "[{\"text\":\"Orders doubled\"},\n{\"text\":\"Up\"}]"), "text", &expected, "JSON");
    let table = "id,headline\n1,Orders doubled\n2,Up\n";
    assert_reads(&classify(&[], table), "headline", &expected, "read as a table with a header");
    for input in ["-", "/dev/stdin"] {
        let run = classify(&["--input", input, "--input-format", "csv", "--text-column", "headline"], table);
        assert_reads(&run, "headline", &expected, "model mini");
    }
    assert_fails(
        &classify(&[], "Apple,up\nTesla,down\nNvidia,flat\n"),
        2,
        &["--input-format csv or --input-format text"],
    );
    let lines = parse_json_lines(&classify(&["--input-format", "text"], table).stdout).len();
    assert_eq!(lines, 3);
    assert_eq!(parse_json_lines(&classify(&[], "Profit rose, costs fell\nUp, up\n").stdout).len(), 2);
}

#[test]
fn a_text_file_that_holds_a_table_is_read_as_one() {
    let expected = ["Orders doubled", "Up"];
    let told = "read as a table with a header; --input-format text reads one text per line";
    for table in ["id\tHeadline\n1\tOrders doubled\n2\tUp\n", "id|Headline\n1|Orders doubled\n2|Up\n"] {
        assert_reads(&classify_file("n.txt", table, &[]), "Headline", &expected, told);
        let lines = classify_file("n.txt", table, &["--input-format", "text"]);
        assert_eq!(values(&lines, "text").len(), 3, "{lines:?}");
    }
    let objects = "{\"text\":\"Orders doubled\"}\n{\"text\":\"Up\"}\n";
    assert_reads(&classify_file("n.txt", objects, &[]), "text", &expected, "read as JSON");
    let unclear = "Apple,up\nTesla,down\nNvidia,flat\n";
    assert_fails(&classify_file("n.txt", unclear, &[]), 2, &["n.txt` is a table or one text per line"]);
    let lines = "Profit rose, costs fell\nTitle: up\n";
    assert_reads(&classify_file("n.txt", lines, &[]), "text", &["Profit rose, costs fell", "Title: up"], "2 texts");
}

#[test]
fn a_limit_counts_rows_and_shards_split_them() {
    let rows = "text\nUp\nDown\nFlat\nOver\n";
    assert_reads(&classify_file("n.csv", rows, &["--limit", "2"]), "text", &["Up", "Down"], "2 texts");
    let shard = classify_file("n.csv", rows, &["--limit", "2", "--shard", "1/2"]);
    assert_reads(&shard, "text", &["Down"], "shard 1/2: row 2 of 2");
}

#[test]
fn eval_reads_files_through_the_same_door() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "positive;Orders doubled in the quarter, again\nnegative;Sales fell by a tenth\npositive;Profit rose by a fifth, too\n";
    let path = write_file(dir.path(), "n.csv", rows);
    let args = ["eval", &path, "--no-header", "--text-column", "2", "--label-column", "1", "--precisions", "int8"];
    let run = run(&args);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("read as semicolon-separated, no header"), "{}", run.stderr);
}
