//! `finsent summary`: scored files in, tables and pages out.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::finsent::{FINSENT, assert_fails, parse_csv, parse_json_lines, run, run_with_input, write_file};

/// Scored rows: two tickers, two days in New York, a row that failed, a text that comes twice.
const SCORED: &str = "\
ticker,published,reach,headline,label,score,positive,negative,neutral,sentiment_score,tokens,truncated,error
ACME,2026-03-02T15:00:00Z,3,Acme raises its outlook,positive,0.9,0.9,0.05,0.05,0.85,5,false,
ACME,2026-03-03T03:00:00Z,1,Acme cuts jobs,negative,0.8,0.1,0.8,0.1,-0.7,4,false,
ACME,2026-03-03T15:00:00Z,1,Acme meets in May,neutral,0.9,0.05,0.05,0.9,0,5,false,
BOLT,2026-03-03T15:00:00Z,2,Bolt shares plunge,negative,0.9,0.04,0.9,0.06,-0.86,4,false,
BOLT,2026-03-03T16:00:00Z,2,Bolt shares plunge,negative,0.9,0.04,0.9,0.06,-0.86,4,false,
BOLT,2026-03-03T16:00:00Z,2,,,,,,,,,,the text is empty
";

/// Runs `finsent summary` on a file of this name and content, and returns the rows of its CSV by the names of the columns.
fn summary(name: &str, content: &str, args: &[&str]) -> Vec<Vec<(String, String)>> {
    let dir = tempfile::tempdir().unwrap();
    let file = write_file(dir.path(), name, content);
    let run = run(&[&["summary", &file, "--format", "csv"], args].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    let (header, rows) = parse_csv(&run.stdout);
    rows.into_iter().map(|row| header.iter().cloned().zip(row).collect()).collect()
}

fn cells(row: &[(String, String)], names: &[&str]) -> Vec<String> {
    let cell = |name: &&str| row.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.clone());
    names.iter().map(|name| cell(name).unwrap_or_else(|| panic!("no {name} in {row:?}"))).collect()
}

#[test]
fn groups_have_counts_shares_means_and_the_change_since_the_period_before() {
    let zone = ["--time-column", "published", "--every", "1d", "--time-zone", "America/New_York"];
    let rows = summary("scored.csv", SCORED, &[&["--by", "ticker"], &zone[..]].concat());
    let names = ["ticker", "period", "count", "failed", "positive", "negative", "net"];
    let found: Vec<String> = rows.iter().map(|row| cells(row, &names).join(" ")).collect();
    let expected = ["ACME 2026-03-02 2 0 0.5 0.5 0", "ACME 2026-03-03 1 0 0 0 0", "BOLT 2026-03-03 2 1 0 1 -1"];
    assert_eq!(found, expected);
    let numbers =
        |name: &str| -> Vec<Option<f64>> { rows.iter().map(|row| cells(row, &[name])[0].parse().ok()).collect() };
    let close = |name: &str, expected: [Option<f64>; 3]| {
        for (found, expected) in numbers(name).into_iter().zip(expected) {
            assert!((found.unwrap_or(9.0) - expected.unwrap_or(9.0)).abs() < 1e-12, "{name}: {found:?}");
        }
    };
    close("sentiment_score", [Some(0.075), Some(0.0), Some(-0.86)]);
    close("change", [None, Some(-0.075), None]);
}

#[test]
fn weights_copies_and_order_are_as_asked() {
    let rows =
        summary("scored.csv", SCORED, &["--by", "ticker", "--weight-column", "reach", "--unique", "--sort", "net"]);
    let found: Vec<String> =
        rows.iter().map(|row| cells(row, &["ticker", "count", "weight", "net"]).join(" ")).collect();
    assert_eq!(found, ["BOLT 1 2 -1", "ACME 3 5 0.4"]);
    let rows = summary("scored.csv", SCORED, &["--by", "ticker", "--sort", "-count"]);
    assert_eq!(cells(&rows[0], &["ticker"]), ["ACME"]);
    let rows = summary("scored.csv", SCORED, &["--unique=ticker"]);
    assert_eq!(cells(&rows[0], &["count", "failed"]), ["2", "1"], "all rows are one group without --by");
}

#[test]
fn a_summary_of_scored_rows_is_that_of_group_by() {
    let dir = tempfile::tempdir().unwrap();
    let news = "ticker,source,headline\nA,x,Profit rose\nB,y,Loss widened\nA,y,Loss widened\nA,x,\n";
    let news = write_file(dir.path(), "news.csv", news);
    for extension in ["csv", "tsv", "jsonl", "json", "parquet"] {
        let scored = dir.path().join(format!("scored.{extension}"));
        let scored = scored.to_str().unwrap();
        let args =
            ["classify", "-q", "-i", &news, "--text-column", "headline", "--group-by", "ticker,source", "-o", scored];
        assert_eq!(run(&args).code, Some(5));
        let again = dir.path().join(format!("again.{extension}"));
        let args = ["summary", "-q", scored, "--by", "ticker,source", "--output", again.to_str().unwrap()];
        assert_eq!(run(&args).code, Some(0), "{extension}");
        if extension == "parquet" {
            let rows = run(&["summary", "-q", scored, "--by", "ticker,source", "--format", "csv"]);
            assert_eq!(parse_csv(&rows.stdout).1.len(), 3);
            continue;
        }
        let expected = fs::read_to_string(dir.path().join(format!("scored.summary.{extension}"))).unwrap();
        // The numbers of a file have the digits of an f32.
        let again = fs::read_to_string(&again).unwrap();
        let (found, expected) = (numbers(&again), numbers(&expected));
        assert_eq!(found.len(), expected.len(), "{extension}: {again}");
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{extension}: {found} is not {expected}");
        }
    }
}

/// The numbers of a text.
fn numbers(text: &str) -> Vec<f64> {
    text.split(|letter: char| !letter.is_ascii_digit() && !".-eE".contains(letter))
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn files_in_all_formats_with_other_prefixes_and_cases_are_one_summary() {
    let dir = tempfile::tempdir().unwrap();
    let scored = write_file(dir.path(), "a.csv", SCORED);
    let other = "{\"ticker\":\"ACME\",\"label\":\"gold\",\"text\":\"Up\",\"finsent_label\":\"Positive\",\"finsent_score\":1,\
                 \"finsent_scores\":{\"Positive\":1,\"Neutral\":0,\"Negative\":0},\"finsent_sentiment_score\":1}\n\
                 {\"ticker\":\"ACME\",\"label\":\"gold\",\"text\":\"\",\"finsent_error\":\"the text is empty\"}\n";
    let other = write_file(dir.path(), "b.jsonl", other);
    let summary = run(&["summary", &scored, &other, "--by", "ticker", "--format", "jsonl"]);
    assert_eq!(summary.code, Some(0), "{summary:?}");
    let rows = parse_json_lines(&summary.stdout);
    assert_eq!((&rows[0]["count"], &rows[0]["failed"]), (&4.into(), &1.into()));
    assert_eq!(rows[0]["positive"], 0.5);
    assert!(summary.stderr.contains("the labels `positive` and `Positive` are counted together"), "{}", summary.stderr);
    assert!(summary.stderr.contains("2 of 8 rows have an error instead of a prediction"), "{}", summary.stderr);
    let piped = run_with_input(&["summary", "-", "--by", "ticker", "--format", "csv"], other_lines(&other).as_bytes());
    assert!(piped.stdout.contains("ACME,1,1,1,1,0,0,1"), "{piped:?}");
}

fn other_lines(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_strongest_texts_are_shown_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let scored = write_file(dir.path(), "scored.csv", SCORED);
    let top = |format: &str| run(&["summary", &scored, "--by", "ticker", "--top", "2", "--format", format]).stdout;
    let text = top("text");
    assert!(text.contains("\nBOLT\n  -0.8600  Bolt shares plunge\n"), "{text}");
    assert_eq!(text.matches("Bolt shares plunge").count(), 1, "a text is shown once");
    let rows = parse_json_lines(&top("jsonl"));
    assert_eq!(rows[0]["top"][0]["text"], "Acme raises its outlook");
    assert_eq!(rows[0]["bottom"][0]["row"], "line 3");
    let (header, rows) = parse_csv(&top("csv"));
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    assert_eq!(
        (rows[0][column("top_1")].as_str(), rows[0][column("top_1_score")].as_str()),
        ("Acme raises its outlook", "0.85")
    );
    assert_eq!(rows[0][column("top_2")], "");
}

#[test]
fn what_changed_since_an_earlier_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let now = write_file(dir.path(), "now.csv", SCORED);
    let before: String = SCORED.lines().take(3).map(|line| format!("{line}\n")).collect();
    let before =
        before.replace("jobs,negative", "jobs,neutral") + "CORA,2026-03-02,1,Gone,neutral,1,0,0,1,0,1,false,\n";
    let before = write_file(dir.path(), "before.csv", before);
    let args = ["summary", &now, "--by", "ticker", "--compare", &before];
    let text = run(&args);
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(text.stdout.contains("2 texts are new, 1 is gone, and 1 has another label"), "{}", text.stdout);
    assert!(text.stdout.contains("neutral -> negative  Acme cuts jobs"), "{}", text.stdout);
    let (header, rows) = parse_csv(&run(&[&args[..], &["--format", "csv"]].concat()).stdout);
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    let cells = |row: usize, names: [&str; 3]| names.map(|name| rows[row][column(name)].as_str());
    assert_eq!(cells(0, ["ticker", "count", "count_before"]), ["ACME", "3", "2"]);
    assert_eq!(cells(1, ["ticker", "net_before", "net_change"]), ["BOLT", "", ""]);
    assert_eq!(cells(2, ["ticker", "count", "count_before"]), ["CORA", "0", "1"]);
    let change: f64 = rows[0][column("sentiment_score_change")].parse().unwrap();
    assert!((change - (0.15 / 3.0 - 0.075)).abs() < 1e-12, "{change}");
}

#[test]
fn a_page_is_one_file_also_beside_classified_rows() {
    let dir = tempfile::tempdir().unwrap();
    let scored = write_file(dir.path(), "scored.csv", SCORED);
    let page = dir.path().join("report.html");
    let time = ["--time-column", "published", "--every", "1d"];
    let args =
        [&["summary", &scored, "--by", "ticker", "--title", "A <b>", "--output", page.to_str().unwrap()], &time[..]];
    let run = run(&args.concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("6 rows in 3 groups -> "), "{}", run.stderr);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<h1>A &lt;b&gt;</h1>") && page.contains("Bolt shares plunge"));

    let page = dir.path().join("groups.html");
    let args = ["classify", "-q", "-i", &scored, "--text-column", "headline", "--group-by", "ticker", "--summary"];
    crate::finsent::run(&[&args[..], &[page.to_str().unwrap(), "--limit", "3"]].concat());
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Sentiment by ticker") && page.contains("Acme cuts jobs"), "{page}");
}

#[test]
fn a_summary_fits_the_terminal_and_has_sparklines() {
    let dir = tempfile::tempdir().unwrap();
    let scored = write_file(dir.path(), "scored.csv", SCORED);
    let mut command =
        FINSENT.command(&["summary", &scored, "--by", "ticker", "--time-column", "published", "--every", "1d"]);
    let output = command.env("COLUMNS", "80").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("trend") && text.contains("Sentiment by period") && text.contains('▁'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_cannot_be_summarized_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let news = write_file(dir.path(), "news.csv", "ticker,headline,label\nA,Up,1\n");
    let scored = write_file(dir.path(), "scored.csv", SCORED);
    let not_scored = run(&["summary", &news, "--by", "ticker"]);
    assert_fails(
        &not_scored,
        2,
        &["is not scored: it has no columns `score`, `sentiment_score`", "finsent classify --input"],
    );
    assert_fails(&run(&["summary", &scored, "--by", "tiker"]), 2, &["no column `tiker`", "did you mean `ticker`?"]);
    let sort = run(&["summary", &scored, "--by", "ticker", "--sort", "nett"]);
    assert_fails(&sort, 2, &["cannot sort by `nett`", "did you mean `net`?"]);
    assert_fails(&run(&["summary", &scored, "--output", &scored]), 2, &["scored.csv"]);
    assert_fails(&run(&["summary", &scored, "--every", "1d"]), 2, &["--time-column"]);
    assert_fails(&run(&["summary", &scored, "--csv-safe"]), 2, &["--csv-safe is for CSV"]);
    let untitled = SCORED.replace("headline", "words");
    let untitled = write_file(dir.path(), "untitled.csv", untitled);
    assert_fails(&run(&["summary", &untitled, "--top", "1"]), 2, &["holds the texts", "--text-column"]);
    assert_eq!(run(&["summary", &untitled, "--top", "1", "--text-column", "words"]).code, Some(0));
}

#[test]
fn rows_that_cannot_be_counted_are_told_and_the_exit_code_is_5() {
    let dir = tempfile::tempdir().unwrap();
    let bad =
        SCORED.replace(",0.85,", ",up,").replace(",1,Acme cuts", ",-1,Acme cuts").replace("2026-03-03T16", "soon");
    let bad = write_file(dir.path(), "scored.csv", bad);
    let args = ["--by", "ticker", "--weight-column", "reach", "--time-column", "published", "--every", "1d"];
    let run = run(&[&["summary", &bad], &args[..]].concat());
    assert_eq!(run.code, Some(5), "{run:?}");
    for note in [
        "line 2: not in the summary: `up` in `sentiment_score` is not a sentiment score",
        "line 3: not in the summary: `-1` is not a weight",
        "line 6: not in the summary: `soon",
        "3 rows of 5 are counted as failed",
    ] {
        assert!(run.stderr.contains(note), "{note} is not in {}", run.stderr);
    }
}

#[test]
fn files_without_rows_or_predictions_are_no_error_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let header = SCORED.lines().next().unwrap();
    let empty = write_file(dir.path(), "empty.csv", format!("{header}\n"));
    let run_empty = run(&["summary", &empty, "--by", "ticker", "--format", "csv"]);
    assert_eq!(run_empty.code, Some(0), "{run_empty:?}");
    assert_eq!(run_empty.stdout, "ticker,count,failed,sentiment_score,positive,negative,neutral,net\n");
    assert!(run_empty.stderr.contains("there are no rows to summarize"), "{run_empty:?}");
    let failed = format!("{header}\nBOLT,,,,,,,,,,,,the text is empty\n");
    let failed = write_file(dir.path(), "failed.csv", failed);
    let all_failed = run(&["summary", &failed, "--by", "ticker"]);
    assert!(all_failed.stdout.contains("BOLT          0"), "{all_failed:?}");
    let failed = write_file(dir.path(), "failed.jsonl", "{\"ticker\":\"A\",\"error\":\"the text is empty\"}\n");
    assert_fails(&run(&["summary", &failed, "--by", "ticker"]), 1, &["no row has a prediction"]);
}

/// The figures of pandas on the same rows. FINSENT_TEST_CLIENTS names a virtual environment with
/// `tests/http/clients/requirements.txt`.
#[test]
#[ignore = "needs Python with pandas in FINSENT_TEST_CLIENTS"]
fn the_figures_are_those_of_pandas() {
    let clients = std::env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS names where pandas is");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/pandas_summary.py");
    let dir = tempfile::tempdir().unwrap();
    let mut python = Command::new(Path::new(&clients).join("bin/python"));
    let checked = python.arg(script).arg(FINSENT.path()).arg(dir.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "{stdout}\n{stderr}");
}
