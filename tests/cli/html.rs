//! Texts from feeds and web pages.

use crate::finsent::{classify_file, parse_json_lines, run};

#[test]
fn html_is_told_and_left_out_if_that_is_asked_for() {
    let rows = "id,text\n1,AT&amp;T&#8217;s <b>profit</b> rose\n2,P/E < 15 and R&D up\n";
    let told = classify_file("n.csv", rows, &[]);
    assert!(told.stderr.contains("1 text has HTML entities or tags: line 2 (id 1). It was scored"), "{}", told.stderr);
    let run = classify_file("n.csv", rows, &["--unescape-html", "--format", "jsonl"]);
    assert!(!run.stderr.contains("HTML"), "{}", run.stderr);
    let lines = parse_json_lines(&run.stdout);
    assert_eq!(lines[0]["text"], "AT&amp;T&#8217;s <b>profit</b> rose", "the input's column stays");
    let plain = classify_file("n.csv", "id,text\n1,AT&T\u{2019}s profit rose\n2,P/E < 15 and R&D up\n", &[]);
    for (line, plain) in lines.iter().zip(parse_json_lines(&plain.stdout)) {
        assert_eq!((&line["scores"], &line["tokens"]), (&plain["scores"], &plain["tokens"]));
    }
    let blank = classify_file("n.csv", "id,text\n1,<p>&nbsp;</p>\n", &["--unescape-html"]);
    assert!(blank.code == Some(5) && blank.stderr.contains("line 2: the text is empty (id 1)"), "{blank:?}");
}

#[test]
fn offsets_of_sentences_are_those_of_the_input() {
    let text = "<p>Acme&#8217;s profit rose.</p><p>AT&amp;T <i>fell</i> sharply.</p>";
    let run = run(&["classify", "--unescape-html", "--granularity", "document", text]);
    let document = &parse_json_lines(&run.stdout)[0];
    let sentences: Vec<(&str, &str)> = document["sentences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sentence| {
            let place = |name: &str| sentence[name].as_u64().unwrap() as usize;
            (sentence["text"].as_str().unwrap(), &text[place("start")..place("end")])
        })
        .collect();
    assert_eq!(
        sentences,
        [
            ("Acme\u{2019}s profit rose.", "Acme&#8217;s profit rose."),
            ("AT&T fell sharply.", "AT&amp;T <i>fell</i> sharply."),
        ]
    );
}

#[test]
fn a_resumed_run_notices_that_html_is_read_in_another_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let rows: String = (0..400).map(|row| format!("Profit rose by {row} percent\n")).collect();
    std::fs::write(path("n.txt"), rows).unwrap();
    let (input, output) = (path("n.txt"), path("s.jsonl"));
    let args = ["classify", "--input", &input, "--output", &output, "--resume", "--precision", "int8"];
    let failing = [&args[..], &["--group-by", "text", "--summary", "/dev/full"]].concat();
    assert_eq!(run(&failing).code, Some(1));
    let other = run(&[&args[..], &["--unescape-html"]].concat());
    assert!(other.code == Some(2) && other.stderr.contains("HTML left out"), "{other:?}");
}
