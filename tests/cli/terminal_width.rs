//! Tables fit a terminal of 80 columns.

use std::fs;
use std::path::Path;

use crate::finsent::{Run, assert_fails, finsent, small_model};

const NEWS: &str = "\
ticker,published,headline,source
ACME HOLDINGS INTERNATIONAL LIMITED,2026-03-02 08:30,Acme raises full-year outlook after record orders and lifts its dividend,wire
ACME,2026-03-02 17:05,Acme cuts 400 jobs as demand weakens,a wire with a name that is much longer than the others
BOLT,2026-03-02 07:10,Bolt shares plunged 12% after a profit warning that nobody had expected so early in the year,blog
日本電産,2026-03-03 11:45,日本電産の株価は利益警告の後に急落した。日本電産の株価は利益警告の後に急落した。,blog
,,,
";

/// Runs the command in a folder with `news.csv`, a model and a catalog, on a terminal of this width.
fn on_terminal(columns: &str, args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("news.csv"), NEWS).unwrap();
    fs::write(dir.path().join("labeled.csv"), "text,label\nprofit rose,0\nloss,1\nmeeting,2\n").unwrap();
    small_model(dir.path(), "model");
    let place = dir.path().join("a-long-name-of-a-folder-in-which-models-are-kept-by-somebody-who-likes-them");
    fs::create_dir(&place).unwrap();
    small_model(&place, "finbert-esg");
    let mut command = finsent(args);
    command.current_dir(dir.path()).env("COLUMNS", columns);
    command.env("FINSENT_MODEL_DIR", Path::new(".").join(place.file_name().unwrap()));
    command.output().unwrap().into()
}

/// The columns that a line takes; a character of these scripts takes two.
fn width(line: &str) -> usize {
    line.chars().map(|letter| if ('\u{3000}'..'\u{a000}').contains(&letter) { 2 } else { 1 }).sum()
}

#[test]
fn no_table_is_wider_than_80_columns() {
    let classify = ["classify", "--quiet", "--input", "news.csv", "--text-column", "headline", "--format", "text"];
    let grouped = [&classify[..], &["--group-by", "ticker"]].concat();
    for args in [
        &["models"][..],
        #[cfg(feature = "verify")]
        &["verify", "model"],
        &["bench", "--model", "model", "--lengths", "8", "--input", "news.csv"],
        &["eval", "labeled.csv", "--model", "model"],
        &classify,
        &[&classify[..], &["--wide"]].concat(),
        &[&classify[..], &["--keep-columns", "source,ticker,published"]].concat(),
        &grouped,
        &[&grouped[..], &["--time-column", "published", "--every", "1d"]].concat(),
        &[&grouped[..], &["--time-column", "published", "--every", "1h"]].concat(),
    ] {
        let run = on_terminal("80", args);
        assert!(run.stdout.lines().count() > 1, "{run:?}");
        for line in run.stdout.lines() {
            assert!(width(line) <= 80, "{args:?} has {} columns: {line}", width(line));
        }
    }
}

#[test]
fn the_table_has_the_columns_that_rows_are_grouped_by_and_those_that_are_named() {
    let header = |args: &[&str]| {
        let classify = ["classify", "--input", "news.csv", "--text-column", "headline", "--format", "text"];
        let run = on_terminal("80", &[&classify, args].concat());
        let header = run.stdout.lines().next().unwrap_or_default();
        header.split_whitespace().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(header(&[]), ["label", "sentiment", "text"]);
    assert_eq!(header(&["--group-by", "ticker"]), ["label", "sentiment", "ticker", "text"]);
    let periods = ["--group-by", "ticker", "--time-column", "published", "--every", "1d"];
    assert_eq!(header(&periods), ["label", "sentiment", "ticker", "published", "text"]);
    assert_eq!(header(&["--keep-columns", "source,ticker"]), ["label", "sentiment", "source", "ticker", "text"]);
    let wide = ["label", "positive", "negative", "neutral", "sentiment", "tokens", "source", "text"];
    assert_eq!(header(&["--wide", "--keep-columns", "source"]), wide);
}

#[test]
fn columns_of_the_table_must_exist_and_a_table_be_printed() {
    let classify = ["classify", "--input", "news.csv", "--text-column", "headline"];
    let run = |args: &[&str]| on_terminal("80", &[&classify, args].concat());
    assert_fails(
        &run(&["--format", "text", "--keep-columns", "tickr"]),
        2,
        &["no column `tickr`", "did you mean `ticker`?"],
    );
    assert_fails(&run(&["--format", "csv", "--keep-columns", "ticker"]), 2, &["--keep-columns is for the table"]);
    assert_fails(&run(&["--format", "jsonl", "--wide"]), 2, &["--wide is for the table"]);
}

#[test]
fn without_a_terminal_texts_are_whole() {
    let headline = "Bolt shares plunged 12% after a profit warning that nobody had expected so early in the year";
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("news.csv"), NEWS).unwrap();
    let args = [
        "classify",
        "--input",
        "news.csv",
        "--text-column",
        "headline",
        "--format",
        "text",
        "--keep-columns",
        "source",
    ];
    let run: Run = finsent(&args).current_dir(dir.path()).output().unwrap().into();
    assert!(run.stdout.contains(headline) && run.stdout.contains("much longer than the others"), "{}", run.stdout);
}
