//! Parquet files in and out.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::{Field, Row};
use parquet::schema::parser::parse_message_type;

use crate::finsent::{FINSENT, assert_fails, finsent, parse_csv, parse_json_lines, run, write_file};

const SCHEMA: &str = "message news {
    required int32 id (integer(16, true));
    optional binary headline (utf8);
    optional int64 published (timestamp(micros, true));
    optional group tags (list) { repeated group list { optional binary element (utf8); } }
}";
const HEADLINES: [Option<&str>; 5] =
    [Some("Profit rose. Sales fell."), None, Some("Loss widened"), Some(""), Some("The company has a factory")];

/// Writes a file with row groups of two rows.
fn news(dir: &Path, name: &str) -> String {
    let path = dir.join(name);
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![KeyValue { key: "desk".into(), value: Some("metals".into()) }]));
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut file =
        SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::new(properties.build())).unwrap();
    let rows: Vec<usize> = (0..HEADLINES.len()).collect();
    for rows in rows.chunks(2) {
        let mut group = file.next_row_group().unwrap();
        column::<Int32Type>(&mut group, &rows.iter().map(|&row| row as i32).collect::<Vec<_>>(), None, None);
        let headlines = rows.iter().map(|&row| HEADLINES[row]);
        let levels: Vec<i16> = headlines.clone().map(|headline| headline.is_some().into()).collect();
        let values: Vec<ByteArray> = headlines.flatten().map(ByteArray::from).collect();
        column::<ByteArrayType>(&mut group, &values, Some(&levels), None);
        let times: Vec<i64> = rows.iter().map(|&row| 1_700_000_000_000_000 + row as i64).collect();
        column::<Int64Type>(&mut group, &times, Some(&vec![1; times.len()]), None);
        // ["a", null] in the rows of even numbers, null in the others.
        let tags = rows.iter().map(|row| if row % 2 == 0 { (&[3, 2][..], &[0, 1][..]) } else { (&[0][..], &[0][..]) });
        let (definition, repetition): (Vec<_>, Vec<_>) = tags.unzip();
        let values = vec![ByteArray::from("a"); rows.iter().filter(|&row| row % 2 == 0).count()];
        column::<ByteArrayType>(&mut group, &values, Some(&definition.concat()), Some(&repetition.concat()));
        group.close().unwrap();
    }
    file.close().unwrap();
    path.into_os_string().into_string().unwrap()
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    definition: Option<&[i16]>,
    repetition: Option<&[i16]>,
) {
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, definition, repetition).unwrap();
    column.close().unwrap();
}

fn open(path: &str) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

fn rows(path: &str) -> Vec<Row> {
    open(path).get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(column, _)| *column == name).unwrap().1
}

/// The columns of the input, as they are printed.
fn of_input(row: &Row) -> Vec<String> {
    row.get_column_iter().take(4).map(|(_, field)| field.to_string()).collect()
}

fn text(row: &Row, name: &str) -> Option<String> {
    match field(row, name) {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        other => panic!("{other}"),
    }
}

/// Classifies into a Parquet file beside the input, and gives its path.
fn scored(dir: &Path, input: &str, code: i32, args: &[&str]) -> String {
    let output = dir.join("scored.parquet").into_os_string().into_string().unwrap();
    let run = run(&[&["classify", "--input", input, "--output", &output], args].concat());
    assert_eq!(run.code, Some(code), "{run:?}");
    output
}

#[test]
fn the_columns_are_copied_and_the_predictions_follow_them() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "news.parquet");
    let output = scored(dir.path(), &input, 5, &[]);
    let (before, after) = (open(&input), open(&output));
    let fields = after.metadata().file_metadata().schema().get_fields();
    assert_eq!(fields[..4], *before.metadata().file_metadata().schema().get_fields());
    let names: Vec<&str> = fields[4..].iter().map(|field| field.name()).collect();
    let labels = ["positive", "negative", "neutral"];
    let names_of_prediction = [&["label", "score"][..], &labels, &["sentiment_score", "tokens", "truncated", "error"]];
    assert_eq!(names, names_of_prediction.concat());
    let sizes = |file: &SerializedFileReader<File>| -> Vec<_> {
        file.metadata().row_groups().iter().map(|group| (group.num_rows(), group.column(1).compressed_size())).collect()
    };
    assert_eq!(sizes(&before), sizes(&after));
    let notes = after.metadata().file_metadata().key_value_metadata().unwrap().clone();
    assert!(notes.iter().any(|note| note.key == "desk" && note.value.as_deref() == Some("metals")));

    let (before, after) = (rows(&input), rows(&output));
    assert_eq!(before.iter().map(of_input).collect::<Vec<_>>(), after.iter().map(of_input).collect::<Vec<_>>());
    let labels: Vec<_> = after.iter().map(|row| text(row, "label")).collect();
    assert_eq!(labels[1..], [None, Some("negative".into()), None, Some("neutral".into())]);
    let errors: Vec<_> = after.iter().map(|row| text(row, "error")).collect();
    assert_eq!(errors[1].as_deref(), Some("the field `headline` is null"));
    assert_eq!(errors[3].as_deref(), Some("the text is empty"));
    assert!(matches!(field(&after[2], "score"), Field::Float(score) if *score > 0.5));
    assert!(matches!(field(&after[2], "truncated"), Field::Bool(false)));
    assert!(matches!(field(&after[2], "tokens"), Field::Long(4)), "{}", field(&after[2], "tokens"));
}

#[test]
fn a_row_is_repeated_for_each_of_its_sentences() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "news.parquet");
    let output = scored(dir.path(), &input, 5, &["--granularity", "sentence"]);
    let (before, after) = (rows(&input), rows(&output));
    let expected: Vec<_> = [0, 0, 1, 2, 3, 4].iter().map(|&row: &usize| of_input(&before[row])).collect();
    assert_eq!(after.iter().map(of_input).collect::<Vec<_>>(), expected);
    let sentences: Vec<_> = after.iter().filter_map(|row| text(row, "text")).collect();
    assert_eq!(sentences, ["Profit rose.", "Sales fell.", "Loss widened", "The company has a factory"]);
    let sizes: Vec<_> = open(&output).metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(sizes, [3, 2, 1]);
}

#[test]
fn other_formats_have_the_values() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "news.parquet");
    let lines = run(&["classify", "--input", &input, "--id-column", "id", "--format", "jsonl"]);
    let lines = parse_json_lines(&lines.stdout);
    assert_eq!(lines[2]["id"], 2);
    assert_eq!(lines[2]["published"], "2023-11-14T22:13:20.000002Z");
    assert_eq!(lines[2]["tags"], serde_json::json!(["a", null]));
    assert_eq!(lines[1]["tags"], serde_json::Value::Null);
    let table = parse_csv(&run(&["classify", "--input", &input, "--format", "csv"]).stdout);
    assert_eq!(table.1[0][..4], ["0", "Profit rose. Sales fell.", "2023-11-14T22:13:20Z", r#"["a",null]"#]);
    let sentences = run(&["classify", "--input", &input, "--format", "finbert-csv"]);
    assert_eq!(parse_csv(&sentences.stdout).1[1][0], "Sales fell.");
}

#[test]
fn the_shards_together_are_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "news.parquet");
    let all = run(&["classify", "--input", &input, "--format", "jsonl"]).stdout;
    let shard = |shard: &str| run(&["classify", "--input", &input, "--format", "jsonl", "--shard", shard]).stdout;
    assert_eq!(["0/3", "1/3", "2/3"].map(shard).concat(), all);

    // A shard may start and end inside row groups.
    let whole = rows(&scored(dir.path(), &input, 5, &[]));
    let part = |shard: &str| {
        let output = dir.path().join("part.parquet").into_os_string().into_string().unwrap();
        run(&["classify", "--input", &input, "--output", &output, "--shard", shard]);
        rows(&output)
    };
    assert_eq!(["0/3", "1/3", "2/3"].map(part).concat(), whole);
    assert_eq!((0..8).map(|shard| part(&format!("{shard}/8"))).collect::<Vec<_>>().concat(), whole);
}

#[test]
fn files_with_the_same_columns_become_one_and_others_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "a.parquet");
    news(dir.path(), "b.parquet");
    let pattern = dir.path().join("[ab].parquet").into_os_string().into_string().unwrap();
    let output = scored(dir.path(), &pattern, 5, &[]);
    assert_eq!(
        rows(&output).iter().map(of_input).collect::<Vec<_>>(),
        [rows(&input), rows(&input)].concat().iter().map(of_input).collect::<Vec<_>>()
    );

    let lines = write_file(dir.path(), "c.csv", "headline\nProfit rose\n");
    let mixed = |output: &str| run(&["classify", "--input", &input, "--input", &lines, "--output", output]);
    let path = |name: &str| dir.path().join(name).into_os_string().into_string().unwrap();
    assert_fails(&mixed(&path("d.parquet")), 2, &["c.csv", "differ from those of the first input", "--format jsonl"]);
    assert_eq!(mixed(&path("d.jsonl")).code, Some(5));
}

#[test]
fn columns_without_types_get_them_from_their_values() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        r#"{"text":"Profit rose","n":1,"x":0.5,"ok":true,"list":[1],"none":null}"#,
        r#"{"text":"Loss widened","n":2,"x":2,"ok":null}"#,
        r#"{"text":"Profit rose","extra":1}"#,
    ];
    let input = write_file(dir.path(), "in.jsonl", lines.join("\n"));
    let output = scored(dir.path(), &input, 0, &[]);
    let rows = rows(&output);
    assert!(matches!(field(&rows[1], "n"), Field::Long(2)));
    assert!(matches!(field(&rows[1], "x"), Field::Double(x) if *x == 2.0));
    assert!(matches!(field(&rows[0], "ok"), Field::Bool(true)));
    assert_eq!((text(&rows[0], "list").as_deref(), text(&rows[0], "none")), (Some("[1]"), None));
    assert!(matches!((field(&rows[0], "extra"), field(&rows[2], "extra")), (Field::Null, Field::Long(1))));

    let input = write_file(dir.path(), "in.csv", "text,n\nProfit rose,1\n");
    let output = scored(dir.path(), &input, 0, &[]);
    assert_eq!(text(&self::rows(&output)[0], "n").as_deref(), Some("1"));
}

#[test]
fn a_file_without_rows_becomes_a_file_without_rows() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "in.csv", "text,n\n");
    let empty = scored(dir.path(), &input, 0, &[]);
    assert_eq!(rows(&empty).len(), 0);
    let input = dir.path().join("empty.parquet").into_os_string().into_string().unwrap();
    std::fs::rename(empty, &input).unwrap();
    let output = scored(dir.path(), &input, 0, &[]);
    let names = |path: &str| open(path).metadata().file_metadata().schema().get_fields().len();
    assert_eq!((rows(&output).len(), names(&output)), (0, 2 * names(&input) - 2));
}

#[test]
fn a_summary_is_a_file_beside_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "text,desk\nProfit rose,a\nLoss widened,b\nProfit rose,a\n,b\n";
    let input = write_file(dir.path(), "in.csv", lines);
    scored(dir.path(), &input, 5, &["--group-by", "desk"]);
    let groups = rows(&dir.path().join("scored.summary.parquet").into_os_string().into_string().unwrap());
    assert_eq!(groups.iter().map(|row| text(row, "desk").unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(matches!(field(&groups[0], "count"), Field::Long(2)));
    assert!(matches!(field(&groups[1], "failed"), Field::Long(1)));
    assert!(matches!(field(&groups[1], "net"), Field::Double(net) if *net == -1.0));
    // By columns that are read for the summary only.
    let input = news(dir.path(), "news.parquet");
    let by_day = ["--group-by", "id", "--time-column", "published", "--every", "1d"];
    scored(dir.path(), &input, 5, &by_day);
    let groups = rows(&dir.path().join("scored.summary.parquet").into_os_string().into_string().unwrap());
    assert_eq!((groups.len(), text(&groups[0], "period").as_deref()), (5, Some("2023-11-14")));
}

#[test]
fn a_labelled_file_is_evaluated() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "in.csv", "text,sentiment\nProfit rose,positive\nLoss widened,negative\n");
    let labelled = scored(dir.path(), &input, 0, &[]);
    let eval = run(&["eval", &labelled, "--label-column", "sentiment", "--format", "json", "--precisions", "f32"]);
    assert_eq!(eval.code, Some(0), "{eval:?}");
    let report: serde_json::Value = serde_json::from_str(&eval.stdout).unwrap();
    assert_eq!(report["precisions"][0]["accuracy"], 1.0, "{report}");
}

#[test]
fn other_files_and_columns_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let news = news(dir.path(), "news.parquet");
    let classify = |path: &str, args: &[&str]| run(&[&["classify", "--input", path], args].concat());
    let named = |name: &str, bytes: &[u8]| write_file(dir.path(), name, bytes);
    let bytes = std::fs::read(&news).unwrap();
    for bytes in [&b""[..], b"PAR1", b"text\nProfit rose\n", &bytes[..bytes.len() - 1], &bytes[..bytes.len() / 2]] {
        let run = classify(&named("broken.parquet", bytes), &[]);
        assert_fails(&run, 1, &["broken.parquet", "is not a Parquet file, or is incomplete"]);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
    assert_fails(&classify(&named("news.parquet.gz", &bytes), &[]), 2, &["decompress it first"]);
    let wrong = classify(&news, &["--text-column", "id"]);
    assert_fails(&wrong, 2, &["the column `id`", "does not hold strings", "`headline`"]);
    assert_fails(&classify(&news, &["--text-column", "title"]), 2, &["no column `title`", "`headline`"]);
    assert_fails(&classify("/dev/null", &[]), 2, &["its name must end in"]);
    let pipe = dir.path().join("pipe.parquet");
    make_pipe(&pipe);
    assert_fails(&classify(pipe.to_str().unwrap(), &[]), 1, &["it is not a regular file"]);
}

fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_full_disk_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let input = news(dir.path(), "news.parquet");
    let run = run(&["classify", "--input", &input, "--format", "parquet", "--output", "/dev/full"]);
    assert_fails(&run, 1, &["cannot write `/dev/full`: the disk is full"]);
}

#[test]
fn a_pipe_gets_a_complete_file() {
    let output = finsent(&["classify", "--format", "parquet", "Profit rose"]).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"PAR1") && output.stdout.ends_with(b"PAR1"));
}

/// Every type that pyarrow writes, in each compression and both versions of pages: what its own reader, and others, give
/// of the output is what they give of the input.
#[test]
#[ignore = "needs Python with pyarrow, polars and duckdb in FINSENT_TEST_CLIENTS"]
fn other_readers_find_the_columns_unchanged() {
    let clients = std::env::var("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS is a virtual environment");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/parquet.py");
    let dir = tempfile::tempdir().unwrap();
    let mut python = std::process::Command::new(Path::new(&clients).join("bin/python"));
    let checked = python.arg(script).arg(FINSENT.path()).arg(dir.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "{stdout}\n{stderr}");
}
