//! `--since`: rows that an earlier output has are not scored again.

use std::fs;

use crate::finsent::{assert_fails, parse_csv, run, write_file};

const NEWS: &str = "id,headline\n1,Profit rose\n2,\n3,Loss widened\n";

#[test]
fn only_rows_that_the_earlier_output_has_no_prediction_for_are_scored() {
    let dir = tempfile::tempdir().unwrap();
    let news = write_file(dir.path(), "news.csv", NEWS);
    for extension in ["csv", "jsonl", "parquet"] {
        let earlier = dir.path().join(format!("earlier.{extension}"));
        let earlier = earlier.to_str().unwrap();
        assert_eq!(run(&["classify", "-q", "-i", &news, "--text-column", "headline", "-o", earlier]).code, Some(5));
        let more = write_file(dir.path(), "more.csv", NEWS.to_owned() + "4,Loss widened\n5,Orders doubled\n");
        let ids = |args: &[&str]| {
            let run = run(&[&["classify", "-i", &more, "--since", earlier, "-f", "csv"], args].concat());
            assert_eq!(run.code, Some(5), "the blank text is tried again: {run:?}");
            let ids = parse_csv(&run.stdout).1.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>().join(" ");
            (ids, run.stderr)
        };
        let (by_text, notes) = ids(&["--text-column", "headline"]);
        assert_eq!(by_text, "2 5", "{extension}");
        assert!(notes.contains("3 rows were left out, because"), "{notes}");
        assert_eq!(ids(&[]).0, "2 5", "the column of the texts is found by its name");
        assert_eq!(ids(&["--text-column", "headline", "--id-column", "id"]).0, "2 4 5", "{extension}");
    }
}

#[test]
fn an_earlier_output_that_cannot_say_what_it_has_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let news = write_file(dir.path(), "news.csv", NEWS);
    let not_scored = run(&["classify", "-i", &news, "--since", &news]);
    assert_fails(&not_scored, 2, &["is not scored: it has no columns `label`, `score`, `sentiment_score`"]);
    let earlier = dir.path().join("earlier.csv");
    let earlier = earlier.to_str().unwrap();
    run(&["classify", "-q", "-i", &news, "--text-column", "headline", "-o", earlier]);
    let words = write_file(dir.path(), "words.csv", NEWS.replace("headline", "words"));
    assert_fails(&run(&["classify", "-i", &words, "--since", earlier]), 2, &["--id-column or --text-column"]);
    let other = run(&["classify", "-i", &words, "--text-column", "words", "--since", earlier]);
    assert_fails(&other, 2, &["has no column `words`"]);
    let before = fs::read(earlier).unwrap();
    let onto_itself = run(&["classify", "-i", &news, "--since", earlier, "-o", earlier]);
    assert_eq!(onto_itself.code, Some(2), "{onto_itself:?}");
    assert_eq!(fs::read(earlier).unwrap(), before);
    assert_fails(&run(&["classify", "-i", &news, "--since", earlier, "--resume", "-o", "x.csv"]), 2, &["--since"]);
}
