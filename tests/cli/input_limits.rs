//! Tables with many columns, and models with huge or strange files.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::finsent::{Run, assert_fails, classify_file, parse_csv, parse_json_lines, run, small_model};

/// A CSV file with so many columns after the text.
fn wide_csv(columns: usize) -> String {
    let mut header = "text".to_owned();
    (0..columns).for_each(|column| write!(header, ",c{column}").unwrap());
    let rows: Vec<String> =
        ["Profit rose", "Loss widened"].map(|text| format!("{text}{}", ",1".repeat(columns))).into();
    format!("{header}\n{}\n", rows.join("\n"))
}

/// An object with so many fields after the text.
fn wide_json(fields: usize) -> String {
    let mut object = r#"{"text":"Profit rose""#.to_owned();
    (0..fields).for_each(|field| write!(object, r#","c{field}":1"#).unwrap());
    object + "}\n"
}

#[test]
fn forty_thousand_columns_are_read_in_every_format() {
    for format in ["csv", "jsonl"] {
        let from_csv = classify_file("wide.csv", wide_csv(40_000), &["--text-column", "text", "--format", format]);
        let from_json = classify_file("wide.jsonl", wide_json(40_000), &["--text-column", "text", "--format", format]);
        assert_eq!((from_csv.code, from_json.code), (Some(0), Some(0)), "{format}");
        match format {
            "csv" => assert_eq!(parse_csv(&from_csv.stdout).1[1][40_000], "1"),
            _ => assert_eq!(parse_json_lines(&from_json.stdout)[0]["c39999"], 1),
        }
    }
}

#[test]
fn more_columns_are_an_error() {
    assert_fails(&classify_file("wide.csv", wide_csv(70_000), &[]), 2, &["has 70001 columns; the limit is 65536"]);
    let fields = classify_file("wide.jsonl", wide_json(70_000), &[]);
    assert_fails(&fields, 2, &["line 1", "more than 65536 fields"]);
    let row = format!("{}{}", wide_json(1), wide_json(70_000));
    let row = classify_file("wide.jsonl", row, &["--text-column", "text"]);
    assert_fails(&row, 5, &["line 2", "more than 65536 fields"]);
    let separators = format!("text\n{}\n", ",".repeat(5_000_000));
    assert_fails(&classify_file("wide.csv", separators, &[]), 1, &["more than 4194304 separators"]);
}

#[test]
fn an_error_lists_some_of_many_columns() {
    let unknown = classify_file("wide.csv", wide_csv(999), &["--text-column", "c998x"]);
    assert_fails(&unknown, 2, &["`c48` and 950 more", "did you mean `c998`?"]);
}

fn classify_with(model: &Path) -> Run {
    run(&["classify", "--model", model.to_str().unwrap(), "Profit rose"])
}

#[test]
fn a_huge_configuration_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "model");
    let mut config = fs::read_to_string(model.join("config.json")).unwrap();
    config.truncate(config.rfind('}').unwrap());
    (0..500_000).for_each(|key| write!(config, r#","k{key}":0"#).unwrap());
    fs::write(model.join("config.json"), config + "}").unwrap();
    assert_fails(&classify_with(&model), 3, &["config.json", "is larger than 4194304 bytes"]);
}

#[test]
fn pipes_devices_sockets_and_folders_in_a_model_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let names: Vec<String> =
        fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in names.iter().map(String::as_str).chain(["tokenizer.json", "special_tokens_map.json"]) {
        for what in ["a pipe", "a device", "a socket", "a folder"] {
            let model = small_model(dir.path(), &format!("{name} {what}"));
            let path = model.join(name);
            fs::remove_file(&path).unwrap_or_default();
            let mut socket = None;
            match what {
                "a pipe" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                "a device" => std::os::unix::fs::symlink("/dev/zero", &path).unwrap(),
                "a socket" => socket = UnixListener::bind(&path).ok(),
                _ => fs::create_dir(&path).unwrap(),
            }
            if what != "a socket" || socket.is_some() {
                assert_fails(&classify_with(&model), 3, &[name, &format!("it is {what}, not a file")]);
            }
        }
    }
}

#[test]
fn a_tensor_that_is_named_twice_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "model");
    let path = model.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let (header, data) = bytes[8..].split_at(u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize);
    let header = str::from_utf8(header).unwrap().trim_end();
    let name = "classifier.bias";
    let at = header.find(&format!("\"{name}\"")).unwrap();
    let end = at + header[at..].find('}').unwrap() + 1;
    let twice = format!("{},{}}}", header.strip_suffix('}').unwrap(), &header[at..end]);
    let length = (twice.len() as u64).to_le_bytes();
    fs::write(&path, [&length, twice.as_bytes(), data].concat()).unwrap();
    assert_fails(&classify_with(&model), 3, &["model.safetensors", "it has `classifier.bias` twice"]);
}

/// Two parts of the error, and what damages a model so.
type Damage = (&'static str, &'static str, fn(&Path));

#[test]
fn a_model_that_does_not_load_is_not_converted() {
    let dir = tempfile::tempdir().unwrap();
    let damages: [Damage; 4] = [
        ("vocab.txt", "special token", |model| fs::write(model.join("vocab.txt"), "a\nb\n").unwrap()),
        ("tokenizer_config.json", "", |model| fs::write(model.join("tokenizer_config.json"), "{").unwrap()),
        ("config.json", "`a` twice", |model| {
            let config = fs::read_to_string(model.join("config.json")).unwrap();
            let config: serde_json::Value = serde_json::from_str(&config).unwrap();
            let mut config = config.as_object().unwrap().clone();
            config.retain(|key, _| key != "id2label" && key != "label2id");
            let rest = serde_json::to_string(&config).unwrap();
            fs::write(model.join("config.json"), format!(r#"{{"id2label":{{"0":"a","1":"a","2":"b"}},{}"#, &rest[1..]))
                .unwrap();
        }),
        ("a window of 1 tokens", "", |model| {
            let config = fs::read_to_string(model.join("config.json")).unwrap();
            let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
            config["max_position_embeddings"] = 1.into();
            fs::write(model.join("config.json"), config.to_string()).unwrap();
        }),
    ];
    for (index, (file, what, damage)) in damages.into_iter().enumerate() {
        let model = small_model(dir.path(), &format!("model {index}"));
        damage(&model);
        let destination = dir.path().join("converted");
        let args = ["convert", model.to_str().unwrap(), destination.to_str().unwrap(), "--precision", "int8"];
        assert_fails(&run(&args), 3, &[file, what]);
        assert!(!destination.exists());
        assert_eq!(classify_with(&model).code, Some(3), "{file} {what}");
    }
}
