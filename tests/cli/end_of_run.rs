//! What a run says at its end, and when it is interrupted.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use finsent_testing::{send_signal, wait_for_output, wait_until};

use crate::finsent::{FINSENT, Run, classify_file, finsent, parse_csv, run, run_with_input, small_model, write_file};

fn last_line(run: &Run) -> &str {
    run.stderr.lines().last().unwrap_or_default()
}

#[track_caller]
fn assert_tells(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "expected `{part}` in: {}", run.stderr);
    }
}

#[test]
fn a_run_ends_with_how_many_texts_have_each_label_and_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    write_file(dir.path(), "n.csv", "id,text\n1,Orders doubled\n2,Shares plunged 12%\n3,\n4,Profit rose\n");
    let run: Run =
        FINSENT.command(&["classify", "-i", "n.csv", "-o", "s.csv"]).current_dir(dir.path()).output().unwrap().into();
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(last_line(&run).starts_with("finsent: 2 positive, 1 negative, 1 failed -> s.csv (4 texts in "), "{run:?}");
    let piped = run_with_input(&["classify"], b"Orders doubled\n");
    assert!(last_line(&piped).starts_with("finsent: 1 positive (1 text in "), "{piped:?}");
    assert!(!crate::finsent::run(&["classify", "Orders doubled"]).stderr.contains("1 positive"));
    let sentences =
        run_with_input(&["classify", "--granularity", "sentence"], b"Orders doubled. Shares plunged 12%.\n");
    assert!(last_line(&sentences).contains("1 positive, 1 negative sentences (1 text in "), "{sentences:?}");
}

#[test]
fn copies_are_computed_once_however_far_apart() {
    let texts: Vec<String> = (0..800).map(|row| format!("Profit +{}\n", row % 400)).collect();
    let args = ["--precision", "int8", "--format", "csv"];
    let run = classify_file("n.txt", texts.concat(), &args);
    assert!(last_line(&run).contains("400 of them copies)"), "{}", run.stderr);
    let (_, records) = parse_csv(&run.stdout);
    assert!((0..400).all(|row| records[row] == records[row + 400]));
    let once = classify_file("n.txt", texts[..400].concat(), &args);
    assert!(!once.stderr.contains("cop") && run.stdout.starts_with(&once.stdout), "{}", once.stderr);
}

#[test]
fn a_resumed_run_and_shards_have_the_bytes_of_one_run_also_of_copies() {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..300).map(|row| format!("Profit rose by {} percent\n", row % 100)).collect();
    write_file(dir.path(), "n.txt", texts.concat());
    let run_in = |args: &[&str]| -> Run {
        let args = [&["classify", "--input", "n.txt", "--precision", "int8"], args].concat();
        FINSENT.command(&args).current_dir(dir.path()).output().unwrap().into()
    };
    let whole = run_in(&["--format", "csv"]);
    let args = ["--output", "s.csv", "--resume", "--group-by", "text", "--summary"];
    assert_eq!(run_in(&[&args[..], &["/dev/full"]].concat()).code, Some(1));
    let resumed = run_in(&[&args[..], &["sum.csv"]].concat());
    assert!(last_line(&resumed).contains("200 of them copies"), "{}", resumed.stderr);
    assert_eq!(fs::read_to_string(dir.path().join("s.csv")).unwrap(), whole.stdout);
    let shards = ["0/3", "1/3", "2/3"].map(|shard| run_in(&["--format", "csv", "--shard", shard]).stdout);
    assert_eq!(shards.concat(), whole.stdout);
}

#[test]
fn a_text_in_another_language_is_told_unless_the_model_may_read_it() {
    let rows = "id,text\na,Umsatz steigt im dritten Quartal um ein Drittel\nb,Orders doubled\nc,公司利润下降\n";
    let run = classify_file("n.csv", rows, &[]);
    assert_tells(
        &run,
        &["2 texts look like another language than English: line 2 (id a), line 4 (id c). The model reads"],
    );
    assert!(!run_with_input(&["classify"], b"Barclays, Credit Agricole, Dish EchoStar\n").stderr.contains("language"));
}

#[test]
fn a_text_is_told_by_the_language_that_the_catalog_says() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "mine");
    let told = |language: &str, text: &str| {
        let toml = format!(
            "[[model]]\nname = \"mine\"\ndescription = \"d\"\nlicense = \"l\"\ndirectory = {:?}\nfiles = []\n{language}\n\
             [[model]]\nname = \"other\"\ndescription = \"d\"\nlicense = \"l\"\nhub = \"o/m\"\nfiles = []\nlanguage = \"en\"\n",
            model.to_str().unwrap()
        );
        let catalog = write_file(dir.path(), "models.toml", toml);
        let args = ["--models-file", &catalog, "classify", "--model", "mine"];
        run_with_input(&args, format!("{text}\n").as_bytes()).stderr
    };
    const ENGLISH: &str = "Shares of the retailer fell after the profit warning";
    const GERMAN: &str = "Der Umsatz steigt im dritten Quartal um ein Drittel";
    let english = told("language = \"fr\"", ENGLISH);
    let note = "1 text looks like another language than French: line 1. The model reads only French, so its prediction means \
                little; `finsent models --language en` lists models that read English";
    assert!(english.contains(note), "{english}");
    let german = told("language = [\"en\", \"fr\"]", GERMAN);
    let note = "1 text looks like another language than English and French: line 1. The model reads only English and French, \
                so its prediction means little\n";
    assert!(german.contains(note), "{german}");
    for language in ["language = \"multilingual\"", "language = [\"de\", \"en\"]"] {
        for text in [ENGLISH, GERMAN] {
            assert!(!told(language, text).contains("language"), "{language}: {text}");
        }
    }
}

#[test]
fn texts_that_were_cut_are_told_with_their_places_and_the_cure() {
    let long = "profit rose and ".repeat(400);
    let run = classify_file("n.csv", format!("id,text\n1,up\n7,{long}\n"), &[]);
    assert_tells(
        &run,
        &[
            "1 text was longer than 512 tokens, and the rest was not scored: line 3 (id 7). To score all of it: --granularity document",
        ],
    );
}

#[test]
fn the_reasons_of_many_failures_are_summed_up() {
    let run = run_with_input(&["classify"], format!("{}up\n", "\n".repeat(20)).as_bytes());
    assert_tells(&run, &["the text is empty: 20 texts, at line 1, line 2, line 3 and others", "1 positive, 20 failed"]);
}

#[test]
fn what_is_noticed_after_the_first_rows_is_told_at_the_end() {
    // More than the rows that settle how the file is read.
    let text = "profit rose and ".repeat(20);
    let rows: String = (0..300).map(|row| format!("{row}\t{text}\n")).collect();
    let run = classify_file("n.tsv", format!("id\ttext\n{rows}300\t\"Short squeeze\n301\t\"Up\"\n"), &[]);
    assert_tells(
        &run,
        &["quotes are read as a part of the values in 2 rows (the first is ", "n.tsv line 302)", "--quote"],
    );
    let said = classify_file("n.tsv", format!("id\ttext\n{rows}300\t\"Short squeeze\n"), &["--quote", "none"]);
    assert!(!said.stderr.contains("quotes are read"), "{}", said.stderr);
    let json =
        classify_file("n.jsonl", "{\"text\":\"Up\"}\n{\"text\":\"Down \\ud83d\",\"x\":NaN}\n", &["--format", "csv"]);
    assert_tells(&json, &["read as null", "in 1 row (", "n.jsonl line 2)"]);
}

#[test]
fn an_interrupted_run_says_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out.jsonl");
    fs::write(&output, "before").unwrap();
    let mut child = finsent(&["classify", "--output", output.to_str().unwrap()]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"Profit rose\n").unwrap();
    let sizes =
        || fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().map_or(0, |data| data.len()));
    wait_until("a prediction is written", || sizes().any(|size| size > 10));
    send_signal(child.id(), "INT");
    let run = wait_for_output(child);
    assert_eq!(run.code, Some(130));
    assert_tells(&run, &["stopped after 1 text; nothing of this run is kept, ", "out.jsonl is as it was before"]);
    assert_eq!(fs::read(&output).unwrap(), b"before");

    let mut child = finsent(&["classify"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"Profit rose\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    send_signal(child.id(), "INT");
    assert_tells(&wait_for_output(child), &["stopped after 1 text, the predictions of which are written"]);
}

#[test]
fn quiet_says_nothing_of_this() {
    let run = run(&["classify", "--quiet", "AT&amp;T rose"]);
    assert_eq!(run.stderr, "");
}
