//! `--group-by`: a summary of the rows.

use std::fs;

use crate::finsent::{assert_fails, parse_csv, parse_json_lines, run, write_file};

const UP: &str = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn";
const DOWN: &str = "Net loss widened to $4.2 billion as demand collapsed";
const NEITHER: &str = "The company will hold its annual general meeting on 27 April in Helsinki";

/// News of three days, one row without a ticker, one that fails, one whose time and one whose weight cannot be read.
fn news() -> String {
    let rows = [
        ("BBB", UP, "2026-03-09T09:00:00Z", "1"),
        ("AAA", UP, "2026-03-09", "3"),
        ("AAA", DOWN, "2026-03-09 23:59", "1"),
        ("AAA", NEITHER, "2026-03-10", "2"),
        ("", UP, "2026-03-09", "1"),
        ("BBB", "", "2026-03-09", "1"),
        ("BBB", DOWN, "soon", "1"),
        ("BBB", DOWN, "2026-03-09", "-1"),
    ];
    let lines = rows.map(|(ticker, text, published, reach)| format!("{ticker},\"{text}\",{published},{reach}\n"));
    format!("ticker,headline,published,reach\n{}", lines.concat())
}

const BY_DAY: [&str; 10] = [
    "--text-column",
    "headline",
    "--group-by",
    "ticker",
    "--time-column",
    "published",
    "--every",
    "1d",
    "--weight-column",
    "reach",
];

#[test]
fn a_summary_by_group_and_day_is_written_beside_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", news());
    let output = dir.path().join("scored.csv");
    let args = [&["classify", "--input", &input, "--output", output.to_str().unwrap()], &BY_DAY[..]].concat();
    let run = run(&args);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.contains("line 8: not in the summary: `soon` is not a time"), "{}", run.stderr);
    assert!(run.stderr.contains("line 9: not in the summary: `-1` is not a weight"), "{}", run.stderr);
    assert_eq!(parse_csv(&fs::read_to_string(&output).unwrap()).1.len(), 8, "the output has all rows");

    let (header, groups) = parse_csv(&fs::read_to_string(dir.path().join("scored.summary.csv")).unwrap());
    let names =
        ["ticker", "period", "count", "failed", "weight", "sentiment_score", "positive", "negative", "neutral", "net"];
    assert_eq!(header, names);
    let begin = |group: &Vec<String>| group[..5].join(" ");
    let begins: Vec<String> = groups.iter().map(begin).collect();
    assert_eq!(
        begins,
        [" 2026-03-09 1 0 1", "AAA 2026-03-09 2 0 4", "AAA 2026-03-10 1 0 2", "BBB  0 1 0", "BBB 2026-03-09 1 2 1"]
    );
    assert_eq!(groups[1][6..], ["0.75", "0.25", "0", "0.5"]);
    assert_eq!(groups[3][5..], ["", "", "", "", ""], "the group has no weight");
    let scores: Vec<f64> = parse_json_lines(&crate::finsent::run(&["classify", UP, DOWN]).stdout)
        .iter()
        .map(|prediction| prediction["sentiment_score"].as_f64().unwrap())
        .collect();
    let mean: f64 = groups[1][5].parse().unwrap();
    assert!((mean - (3.0 * scores[0] + scores[1]) / 4.0).abs() < 1e-6, "{mean}");
}

#[test]
fn a_summary_can_be_written_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", news());
    let summary = |name: &str| {
        let path = dir.path().join(name);
        let args = ["classify", "-q", "--input", &input, "--text-column", "headline", "--group-by", "ticker"];
        run(&[&args[..], &["--summary", path.to_str().unwrap()]].concat());
        fs::read_to_string(path).unwrap()
    };
    let lines = parse_json_lines(&summary("s.jsonl"));
    assert_eq!(lines.iter().map(|line| line["count"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3, 3]);
    assert_eq!((&lines[0]["ticker"], &lines[1]["ticker"]), (&serde_json::Value::Null, &"AAA".into()));
    let array: serde_json::Value = serde_json::from_str(&summary("s.json")).unwrap();
    assert_eq!(array.as_array().unwrap(), &lines);
    let table = summary("s.txt");
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[1].starts_with("ticker    count  sentiment  positive"), "{table}");
    assert!(rows[3].starts_with("AAA           3") && rows[3].contains(" 33% ██▋"), "{table}");
}

#[test]
fn in_the_table_format_the_summary_follows_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", news());
    let args = ["classify", "-q", "--input", &input, "--text-column", "headline", "--group-by", "ticker"];
    let table = run(&[&args[..], &["--format", "text"]].concat()).stdout;
    assert_eq!(table.lines().filter(|line| line.starts_with("BBB")).count(), 1, "{table}");
}

#[test]
fn a_summary_never_has_two_columns_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", format!("count,text\nx,{UP}\n"));
    let path = dir.path().join("s.csv");
    run(&["classify", "--input", &input, "--group-by", "count", "--summary", path.to_str().unwrap()]);
    let (header, _) = parse_csv(&fs::read_to_string(path).unwrap());
    assert_eq!(header[..2], ["count", "finsent_count"]);
}

#[test]
fn wrong_usage_of_groups_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", news());
    let on_file = ["classify", "--input", &input, "--text-column", "headline"];
    for (args, word) in [
        (&["--group-by", "ticker"][..], "the summary needs a file: add --summary FILE or --output FILE"),
        (&["--group-by", "sector"], "`ticker`, `headline`, `published`, `reach`"),
        (&["--group-by", "ticker", "--every", "1d"], "--time-column"),
        (&["--group-by", "ticker", "--time-column", "published", "--every", "7h"], "must divide 24 hours evenly"),
        (&["--group-by", "ticker", "--shard", "0/2", "--summary", "x.csv"], "--shard"),
        (&["--weight-column", "reach"], "--group-by"),
    ] {
        assert_fails(&run(&[&on_file, args].concat()), 2, &[word]);
    }
    let unreadable = run(&[
        &on_file[..],
        &["--group-by", "ticker", "--summary", "/dev/null", "--format", "jsonl"],
        &["--time-column", "reach", "--every", "1d"],
    ]
    .concat());
    assert_fails(&unreadable, 2, &["line 2: cannot read the times in `reach`", "`1` is not a time", "--time-format"]);
    let other = write_file(dir.path(), "other.csv", "headline\nProfit rose\n");
    let args = [&on_file[..], &["--input", &other, "--group-by", "ticker", "--format", "text"]].concat();
    assert_fails(&run(&args), 2, &["other.csv` has no column `ticker`"]);
    let directory = dir.path().join("missing/s.csv");
    let args = [&on_file[..], &["--group-by", "ticker", "--summary", directory.to_str().unwrap()]].concat();
    assert_fails(&run(&args), 1, &["cannot write", "missing` does not exist"]);
}
