//! Files in and out.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use finsent_testing::{send_signal, wait_until};

use crate::finsent::{
    assert_fails, classify_file, finsent, parse_csv, parse_json_lines, run, run_with_input, write_file,
};

#[test]
fn a_csv_keeps_its_columns_and_gets_the_predictions() {
    let run = classify_file(
        "news.csv",
        "ticker,headline,year\nNOK,Profit rose,2019\nAAA,\"Loss, again\",2020\n",
        &["--text-column", "headline", "--format", "csv"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!(header[..5], ["ticker", "headline", "year", "label", "score"]);
    assert_eq!(records[1][..3], ["AAA", "Loss, again", "2020"]);
    assert!(run.stderr.contains("(2 texts in"), "{}", run.stderr);
}

#[test]
fn if_one_output_name_is_taken_all_get_the_prefix() {
    let run = classify_file("news.csv", "text,label\nProfit rose,x\n", &["--format", "csv"]);
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!(header[..4], ["text", "label", "finsent_label", "finsent_score"]);
    assert_eq!(records[0][..3], ["Profit rose", "x", "positive"]);

    let run = classify_file("news.jsonl", r#"{"text":"Profit rose","score":1.50}"#, &[]);
    assert!(
        run.stdout.starts_with(r#"{"text":"Profit rose","score":1.50,"finsent_label":"positive","finsent_score":"#),
        "{}",
        run.stdout
    );
}

#[test]
fn byte_order_marks_crlf_and_quoted_line_breaks_are_read() {
    let run = classify_file("news.csv", "\u{feff}id,text\r\n7,\"Profit\r\nrose \"\"sharply\"\"\"\r\n", &[]);
    let rows = parse_json_lines(&run.stdout);
    assert_eq!((rows[0]["id"].as_str(), rows[0]["text"].as_str()), (Some("7"), Some("Profit\r\nrose \"sharply\"")));
    let run = classify_file("news.tsv", "id\ttext\n7\tProfit, rose\n", &[]);
    assert_eq!(parse_json_lines(&run.stdout)[0]["text"], "Profit, rose");
    let run = classify_file("news.txt", "\u{feff}Profit rose\r\n", &[]);
    assert_eq!(parse_json_lines(&run.stdout)[0]["text"], "Profit rose");
    let utf16: Vec<u8> = "\u{feff}Gewinn fällt\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let run = classify_file("news.txt", utf16, &[]);
    assert_eq!(parse_json_lines(&run.stdout)[0]["text"], "Gewinn fällt");
}

#[test]
fn latin1_is_refused_with_its_place_unless_it_is_named() {
    let latin1 = b"id,text\n1,Profit\n2,Erl\xf6se steigen\n";
    let run = classify_file("news.csv", latin1, &[]);
    assert_fails(&run, 1, &["line 3", "0xf6", "--encoding latin1"]);
    let run = classify_file("news.csv", latin1, &["--encoding", "latin1"]);
    assert_eq!((run.code, parse_json_lines(&run.stdout)[1]["text"].as_str()), (Some(0), Some("Erlöse steigen")));
    assert_fails(&classify_file("news.txt", b"a\n\xe9\n", &[]), 1, &["line 2", "--encoding"]);
    assert_fails(&classify_file("news.jsonl", b"{\"text\":\"\xe9\"}\n", &[]), 1, &["line 1", "--encoding"]);
}

#[test]
fn json_lines_pass_through_byte_for_byte() {
    let line = r#"{"n":1.10,"big":18446744073709551616,"text":"Profit rose","nested":{"a":[1,2]},"none":null}"#;
    let run = classify_file("news.jsonl", format!("{line}\n\n"), &[]);
    assert!(run.stdout.starts_with(&format!("{},\"label\":\"positive\"", &line[..line.len() - 1])), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 1);
}

#[test]
fn bad_rows_fail_alone_and_keep_their_columns() {
    let run = classify_file("news.csv", "id,text\n1,Profit rose\n2\n3,a,b\n4,\n", &["--format", "csv"]);
    assert_fails(
        &run,
        5,
        &["line 3: 1 field; the header has 2", "line 4: 3 fields", "line 5: the text is empty", "3 failed"],
    );
    let (header, records) = parse_csv(&run.stdout);
    let error = header.iter().position(|column| column == "error").unwrap();
    assert_eq!(records.iter().map(|r| r[0].as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert_eq!(records.iter().map(|r| r[error].is_empty()).collect::<Vec<_>>(), [true, false, false, false]);

    let lines = "nonsense\n{\"text\":\"Profit rose\"}\n{\"text\":5}\n{\"txt\":\"x\"}\n{\"text\":[\"x\"]}\n{\"text\":\"x\",\"label\":\"y\"}\n";
    let run = classify_file("news.jsonl", lines, &[]);
    assert_eq!(run.code, Some(5));
    let rows = parse_json_lines(&run.stdout);
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[1]["label"], "positive");
    for (row, part) in
        [(0, "not a JSON object"), (2, "not a valid string"), (3, "no field `text`"), (4, "not a valid string")]
    {
        assert!(rows[row]["error"].as_str().unwrap().contains(part), "{}", rows[row]);
    }
    assert_eq!(rows[5]["label"], "y");
    assert!(rows[5]["finsent_error"].as_str().unwrap().contains("`label`"), "{}", rows[5]);
}

#[test]
fn a_row_is_reported_with_the_line_in_which_it_starts() {
    for end in ["\n", "\r\n"] {
        let lines = ["id,text", "1,up", "2", "", "", "\"3\",\"a", "", "b\",x", "4", "\"5\",a,\"b\"", "6"];
        let places =
            ["line 3: 1 field", "line 6: 3 fields", "line 9: 1 field", "line 10: 3 fields", "line 11: 1 field"];
        for last in ["", end] {
            assert_fails(&classify_file("n.csv", lines.join(end) + last, &[]), 5, &places);
        }
    }
    // Longer than any buffer.
    let long = format!("text\r\n{}a,b\r\n", "up and down\r\n\r\n".repeat(2_000));
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", long);
    assert_fails(&run(&["classify", "--shard", "2000/2001", "--input", &path]), 5, &["line 4002: 2 fields"]);
}

#[test]
fn rows_on_standard_input_that_do_not_fit_the_csv_header_fail() {
    let lines = "{\"text\":\"Profit rose\",\"n\":1}\n{\"text\":\"x\",\"m\":2}\n{\"text\":\"y\"}\n";
    let run = run_with_input(&["classify", "--format", "csv"], lines.as_bytes());
    assert_fails(&run, 5, &["line 2: the first row has no `m`", "--format jsonl", "1 failed"]);
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!(header[..2], ["text", "n"]);
    assert!(records[1].last().unwrap().contains("the first row has no `m`"), "{records:?}");
    assert_eq!((records[2][1].as_str(), records[2].last().unwrap().as_str()), ("", ""));
}

#[test]
fn an_output_can_be_scored_again_and_again() {
    let mut contents = "text\nProfit rose\n".to_owned();
    for times in 1..=3 {
        let run = classify_file("n.csv", &contents, &["--text-column", "text", "--format", "csv"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let (header, _) = parse_csv(&run.stdout);
        assert_eq!(header.len(), 1 + times * 9);
        let distinct: std::collections::HashSet<_> = header.iter().collect();
        assert_eq!(distinct.len(), header.len(), "{header:?}");
        contents = run.stdout;
    }
}

#[test]
fn a_field_that_occurs_twice_fails_its_row() {
    let run = classify_file("n.jsonl", "{\"text\":\"up\"}\n{\"text\":\"up\",\"text\":\"down\"}\n", &[]);
    assert_fails(&run, 5, &["line 2: the field `text` occurs twice"]);
}

#[test]
fn an_unclosed_quote_does_not_swallow_rows_silently() {
    let rows = "text\nFlat\n\"Profit rose\nLoss fell\nup\n";
    assert_fails(&classify_file("n.csv", rows, &[]), 1, &["line 3", "never closed"]);
    assert_fails(&classify_file("n.tsv", rows, &["--quote", "\""]), 1, &["line 3", "never closed", "--quote none"]);
    assert_fails(&classify_file("n.csv", rows.replace('\n', "\r\n"), &[]), 1, &["line 3", "never closed"]);
    assert_fails(&classify_file("n.csv", rows.trim_end(), &[]), 1, &["line 3", "never closed"]);
    assert_eq!(classify_file("n.csv", "text\nFlat\n\"Profit\nrose\"\n\n", &[]).code, Some(0));
}

#[test]
fn other_separators_are_recognized() {
    assert_eq!(classify_file("n.csv", "text;n\nProfit rose;1\n", &[]).code, Some(0));
    assert_eq!(classify_file("n.csv", "text;n\nProfit rose;1\n", &["--text-column", "text;n"]).code, Some(0));
}

#[test]
fn the_outputs_extension_chooses_the_format() {
    let dir = tempfile::tempdir().unwrap();
    for (name, beginning) in [("a.CSV", "label,"), ("a.json", "[\n"), ("a.ndjson", "{\"label\""), ("a", "{\"label\"")] {
        let output = dir.path().join(name);
        assert_eq!(run(&["classify", "Profit rose", "-o", output.to_str().unwrap()]).code, Some(0));
        assert!(fs::read_to_string(&output).unwrap().starts_with(beginning), "{name}");
    }
    assert_fails(&run(&["classify", "Profit rose", "-o", "a.xlsx"]), 2, &[".xlsx", "--format"]);
}

#[test]
fn an_output_keeps_the_mode_of_the_file_it_replaces() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let output = write_file(dir.path(), "out.csv", "old");
    fs::set_permissions(&output, fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(run(&["classify", "Profit rose", "-o", &output]).code, Some(0));
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o664);
}

#[test]
fn standard_output_given_as_a_file_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "log", "precious\n");
    for name in ["/dev/stdout", "-"] {
        let log = fs::File::options().append(true).open(&path).unwrap();
        let status = finsent(&["classify", "Profit rose", "-o", name]).stdout(log).status().unwrap();
        assert!(status.success());
    }
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.starts_with("precious\n{") && log.lines().count() == 3, "{log}");
}

#[test]
fn the_id_column_is_written_as_id() {
    let contents = "isin,text\nFI0009,Profit rose\n";
    let run = classify_file("news.csv", contents, &["--id-column", "isin"]);
    assert!(run.stdout.starts_with(r#"{"isin":"FI0009","text":"Profit rose","id":"FI0009","label""#), "{}", run.stdout);
    let run = classify_file("news.csv", "id,text\n7,Profit rose\n", &["--id-column", "id"]);
    assert!(run.stdout.starts_with(r#"{"id":"7","text":"Profit rose","label""#), "{}", run.stdout);
    let (header, _) =
        parse_csv(&classify_file("news.csv", contents, &["--id-column", "isin", "--format", "csv"]).stdout);
    assert_eq!(header[..4], ["isin", "text", "id", "label"]);
    let run = classify_file(
        "news.csv",
        "id,isin,text\n1,FI0009,Profit rose\n",
        &["--id-column", "isin", "--text-column", "text"],
    );
    assert!(run.stdout.contains(r#""finsent_id":"FI0009","finsent_label""#), "{}", run.stdout);
}

#[test]
fn unclear_and_unknown_columns_are_listed() {
    assert_fails(&classify_file("n.csv", "a,b\nx,y\n", &[]), 2, &["--text-column", "`a`, `b`"]);
    assert_fails(&classify_file("n.csv", "a,b\nx,y\n", &["--text-column", "c"]), 2, &["`c`", "`a`, `b`"]);
    assert_fails(&classify_file("n.csv", "a,text\nx,y\n", &["--id-column", "c"]), 2, &["`c`", "`a`, `text`"]);
    assert_fails(&classify_file("n.jsonl", "{\"a\":\"x\",\"b\":\"y\"}\n", &[]), 2, &["`a`, `b`"]);
    assert_eq!(classify_file("n.csv", "id,headline\n12,Profit rose\n", &[]).code, Some(0));
    assert_eq!(classify_file("n.jsonl", "{\"id\":1,\"headline\":\"Profit rose\"}\n", &[]).code, Some(0));
}

#[test]
fn empty_malformed_and_missing_files_are_refused() {
    assert_fails(
        &classify_file("n.csv", "", &[]),
        2,
        &["`", "n.csv` is empty; its first line should name the columns"],
    );
    assert_fails(&classify_file("n.csv", "a,a\n1,2\n", &[]), 2, &["its columns are `a`, `a_2`"]);
    assert_fails(&classify_file("n.jsonl", "", &[]), 2, &["is empty; it should hold one JSON object per line"]);
    assert_fails(&classify_file("n.jsonl", "[1]\n", &[]), 2, &["does not hold one JSON object per line: line 1"]);
    assert_fails(&classify_file("n.docx", "x", &[]), 2, &[".json, .jsonl, .parquet or .xlsx", "--input-format"]);
    assert_fails(
        &run(&["classify", "--input", "/nowhere/n.csv"]),
        1,
        &["cannot read `/nowhere/n.csv`: no such file or folder\n"],
    );
    let dir = tempfile::tempdir().unwrap();
    for name in ["d.csv", "d"] {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        assert_fails(
            &run(&["classify", "--input", folder.to_str().unwrap()]),
            2,
            &["the folder", "holds no files with rows"],
        );
    }
    assert_eq!(classify_file("n.csv", "text\n", &["--format", "json"]).stdout, "[]\n");
}

#[test]
fn the_output_gets_its_name_when_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "in.csv", "text\nProfit rose\n");
    let output = write_file(dir.path(), "out.csv", "old");
    assert_eq!(run(&["classify", "--input", &input, "--output", &output]).code, Some(0));
    assert!(fs::read_to_string(&output).unwrap().starts_with("text,label,score"));

    let bad = write_file(dir.path(), "bad.csv", b"text\nProfit rose\n\xff\n");
    fs::write(&output, "old").unwrap();
    assert_eq!(run(&["classify", "--input", &bad, "--output", &output]).code, Some(1));
    assert_eq!(fs::read_to_string(&output).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_that_says_why() {
    let input = ["classify", "Profit rose", "--output"];
    assert_fails(
        &run(&[&input[..], &["/nowhere/out.csv"]].concat()),
        1,
        &["cannot write `/nowhere/out.csv`: the folder `/nowhere` does not exist\n"],
    );
    assert_fails(&run(&[&input[..], &["/"]].concat()), 1, &["cannot write `/`: it is a folder\n"]);
    assert_fails(&run(&[&input[..], &["/dev/full"]].concat()), 1, &["cannot write `/dev/full`: the disk is full\n"]);
}

#[test]
fn an_interrupt_removes_the_unfinished_output() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out.jsonl");
    let mut child = finsent(&["classify", "--output", output.to_str().unwrap()]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"Profit rose\n").unwrap();
    let unfinished = || fs::read_dir(dir.path()).unwrap().count();
    wait_until("the output is created", || unfinished() == 1);
    send_signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(unfinished(), 0);
}

#[test]
fn an_unclosed_quote_is_an_error_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n.csv");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"text\n\"Profit rose\n").unwrap();
    file.write_all("more, and more\n".repeat(5_000_000).as_bytes()).unwrap();
    let run = run(&["classify", "--input", path.to_str().unwrap()]);
    assert_fails(&run, 1, &["is a quoted field never closed?"]);
}
