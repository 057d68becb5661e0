//! Models, the catalog, and the small commands.

use std::fs;
use std::path::Path;

use sha2::Digest;

use crate::finsent::{assert_fails, finsent, parse_json_lines, run, small_model, small_torch_model, write_file};

#[test]
fn a_directory_is_a_model() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "mine");
    let run = run(&["classify", "--model", model.to_str().unwrap(), "profit"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains(model.to_str().unwrap()), "{}", run.stderr);
    assert_eq!(parse_json_lines(&run.stdout)[0]["tokens"], 3);
}

const CATALOG: &str = r#"
    [[model]]
    name = "inside"
    description = "d"
    license = "l"
    embedded = true
    files = []

    [[model]]
    name = "fetched"
    description = "d"
    license = "l"
    hub = "acme/small"
    files = [{ name = "vocab.txt" }]
"#;

#[test]
fn pytorch_weights_give_the_same_predictions_and_safetensors_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let classify = |model: &Path| run(&["classify", "--quiet", "--model", model.to_str().unwrap(), "profit rose"]);
    let safetensors = small_model(dir.path(), "safetensors");
    for weights in ["f32.bin", "f32.legacy.bin"] {
        let model = small_torch_model(dir.path(), weights, weights);
        let run = classify(&model);
        assert_eq!((run.code, run.stdout), (Some(0), classify(&safetensors).stdout), "{}", run.stderr);
        write_file(&model, "pytorch_model.bin", "damaged");
        assert_fails(&classify(&model), 3, &["pytorch_model.bin"]);
        fs::copy(safetensors.join("model.safetensors"), model.join("model.safetensors")).unwrap();
        assert_eq!(classify(&model).code, Some(0));
    }
}

#[test]
fn a_malicious_pickle_exits_with_3_and_is_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_torch_model(dir.path(), "mine", "f32.legacy.bin");
    let mut weights = fs::read(model.join("pytorch_model.bin")).unwrap();
    // The weights follow the magic number, the version and the machine.
    let at = weights.windows(13).position(|window| window == b"\x80\x02ccollection").unwrap();
    let exploit = b"\x80\x02cposix\nsystem\nX\x09\x00\x00\x00touch run\x85R.";
    weights.splice(at..at, *exploit);
    fs::write(model.join("pytorch_model.bin"), weights).unwrap();
    let mut command = finsent(&["classify", "--model", model.to_str().unwrap(), "a"]);
    let run = command.current_dir(dir.path()).output().unwrap().into();
    assert_fails(&run, 3, &["pytorch_model.bin", "asks for `posix.system`", "Nothing in it was run"]);
    assert!(!dir.path().join("run").exists());
}

#[test]
fn the_model_directory_is_searched_first() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = write_file(dir.path(), "models.toml", CATALOG);
    for name in ["inside", "fetched"] {
        small_model(dir.path(), name);
        let output = finsent(&["classify", "profit"])
            .env("FINSENT_MODEL", name)
            .env("FINSENT_MODELS_FILE", &catalog)
            .env("FINSENT_MODEL_DIR", dir.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.contains(&format!("{}/{name}", dir.path().display())), "{stderr}");
    }
}

#[test]
fn a_missing_model_exits_with_3_and_names_a_remedy() {
    let parts = ["finbert is not downloaded", "HF_HUB_OFFLINE", "finsent pull finbert", "--model DIRECTORY"];
    assert_fails(&run(&["classify", "--model", "finbert", "a"]), 3, &parts);
    assert_fails(&run(&["--offline", "pull", "hf:acme/x@v2"]), 3, &["hf:acme/x@v2 is not downloaded"]);
    for name in ["hf:acme", "hf:acme/x@", "hf:../x", "hf:a/b/c"] {
        assert_fails(&run(&["pull", name]), 3, &[name, "OWNER/NAME"]);
    }
    assert_fails(&run(&["classify", "--model", "finbrt", "a"]), 3, &["Did you mean `finbert`?"]);
    let dir = tempfile::tempdir().unwrap();
    assert_fails(&run(&["classify", "--model", dir.path().to_str().unwrap(), "a"]), 3, &["has no config.json"]);
}

#[test]
fn a_truncated_vocabulary_in_the_model_directory_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "fetched");
    let whole = fs::read(model.join("vocab.txt")).unwrap();
    let sha256 = sha2::Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pinned = format!(r#"{{ name = "vocab.txt", sha256 = "{sha256}" }}"#);
    let toml = CATALOG.replace(r#"{ name = "vocab.txt" }"#, &pinned);
    let catalog = write_file(dir.path(), "models.toml", toml);
    let volume = dir.path().to_str().unwrap();
    let args = ["--models-file", &catalog, "--model-dir", volume, "classify", "--model", "fetched", "profit"];
    assert_eq!(run(&args).code, Some(0));
    fs::write(model.join("vocab.txt"), &whole[..whole.len() - 30]).unwrap();
    assert_fails(&run(&args), 3, &["vocab.txt", &sha256, "Copy it again"]);
}

#[test]
fn an_unsupported_architecture_exits_with_3_and_names_the_supported_ones() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "mine");
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    for model_type in ["deberta", "xlnet", "albert"] {
        let other = config.replace("\"model_type\": \"bert\"", &format!("\"model_type\": \"{model_type}\""));
        fs::write(model.join("config.json"), other).unwrap();
        let parts = [
            &format!("`model_type` is `{model_type}`"),
            "supported: bert, distilbert, roberta, xlm-roberta, camembert, electra, modernbert, deberta-v2",
        ];
        assert_fails(&run(&["classify", "--model", model.to_str().unwrap(), "a"]), 3, &parts);
    }
    fs::write(model.join("config.json"), config.replace("BertForSequenceClassification", "BertForPreTraining"))
        .unwrap();
    let parts = ["`architectures` is `BertForPreTraining`", "BertForSequenceClassification"];
    assert_fails(&run(&["classify", "--model", model.to_str().unwrap(), "a"]), 3, &parts);
}

#[test]
fn a_damaged_model_exits_with_3_and_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "mine");
    let weights = fs::read(model.join("model.safetensors")).unwrap();
    fs::write(model.join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert_fails(
        &run(&["classify", "--model", model.to_str().unwrap(), "a"]),
        3,
        &["model.safetensors", "half copied"],
    );
}

#[test]
fn another_catalog_replaces_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "elsewhere");
    let toml = format!(
        "[[model]]\nname = \"mine\"\ndescription = \"d\"\nlicense = \"l\"\ndirectory = {:?}\nfiles = []\nmax_length = 8\n\
         label_aliases = {{ positive = \"bullish\", negative = \"bearish\" }}\n",
        model.to_str().unwrap()
    );
    let catalog = write_file(dir.path(), "models.toml", &toml);
    let run_mine = run(&["--models-file", &catalog, "classify", "--model", "mine", "profit ".repeat(30).as_str()]);
    let prediction = &parse_json_lines(&run_mine.stdout)[0];
    assert_eq!((prediction["tokens"].as_u64(), prediction["truncated"].as_bool()), (Some(8), Some(true)));
    assert!(prediction["scores"]["bullish"].is_number() && prediction["sentiment_score"].is_number(), "{prediction}");
    assert_fails(&run(&["--models-file", &catalog, "classify", "a"]), 3, &["mini"]);

    let catalog = write_file(dir.path(), "bad.toml", toml.replace("license", "licence"));
    assert_fails(&run(&["--models-file", &catalog, "models"]), 2, &["`licence`", "did you mean `license`?"]);
    assert_fails(&run(&["--models-file", "/nowhere.toml", "models"]), 2, &["/nowhere.toml"]);
}

#[test]
fn models_lists_the_catalog_and_what_is_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    small_model(dir.path(), "finbert-esg");
    let args = ["models", "--json", "--model-dir", dir.path().to_str().unwrap()];
    let listed: Vec<serde_json::Value> = serde_json::from_str(&run(&args).stdout).unwrap();
    let state: Vec<_> = listed.iter().map(|m| (m["name"].as_str().unwrap(), m["place"].is_string())).collect();
    let expected =
        [("mini", true), ("finbert", false), ("finbert-tone", false), ("finbert-esg", true), ("finbert-fls", false)];
    assert_eq!(state[..5], expected);
    assert!(state[5..].iter().all(|(_, is_here)| !is_here), "{state:?}");
    let locations = [0, 1, 3].map(|model| listed[model]["location"].as_str().unwrap());
    assert_eq!(locations, ["built-in", "to-be-downloaded", "directory"]);
    assert_eq!((&listed[0]["languages"], &listed[0]["pinned"]), (&serde_json::json!(["en"]), &true.into()));
    assert_eq!((&listed[4]["pinned"], &listed[4]["commit"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!((&listed[0]["verified"], listed[0]["size"].as_u64() > Some(20_000_000)), (&true.into(), true));
    assert_eq!((&listed[1]["verified"], &listed[1]["size"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(listed[1]["published_size"], 438_000_000);
    assert!(listed[1]["accuracy"].as_str().is_some_and(|accuracy| accuracy.contains("PhraseBank")));
    assert!(listed[3]["verified"].is_null() && listed[3]["size"].is_u64(), "no hash of it is known");
    let table = run(&["models"]).stdout;
    assert!(
        table.contains("* mini") && table.contains("  finbert ") && table.contains("not on this machine; about 438 MB"),
        "{table}"
    );
}

#[test]
fn models_are_listed_by_the_language_that_they_read() {
    let names = |args: &[&str]| -> Vec<String> {
        let run = run(&[&["models", "--json"], args].concat());
        let listed: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
        listed.iter().map(|model| model["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--language", "fr"]), ["twitter-xlm-roberta", "finance-sentiment-fr"]);
    assert_eq!(names(&["--language", "FI"]), ["twitter-xlm-roberta"]);
    assert!(names(&["--language", "en"]).len() == names(&[]).len() - 1);
    let table = run(&["models", "--language", "fr"]).stdout;
    assert!(table.contains("language: French; license: not stated"), "{table}");
    for (given, meant) in [("french", "such as fr"), ("ger", "such as de"), ("xx", "ISO 639-1")] {
        assert_fails(&run(&["models", "--language", given]), 2, &["--language", meant, given]);
    }
    let dir = tempfile::tempdir().unwrap();
    let catalog = write_file(dir.path(), "models.toml", CATALOG);
    let of_catalog = |more: &[&str]| run(&[&["--models-file", &catalog, "models"], more].concat());
    assert!(of_catalog(&[]).stdout.contains("language: not stated"));
    assert!(of_catalog(&["--language", "de"]).stdout.contains("No model of the catalog reads German"));
    assert_eq!(of_catalog(&["--language", "de", "--json"]).stdout, "[]\n");
}

#[test]
fn a_language_that_is_unknown_or_contradicts_is_an_error_of_the_catalog() {
    let dir = tempfile::tempdir().unwrap();
    for (language, reason) in [
        ("\"french\"", "did you mean `fr`?"),
        ("\"xx\"", "`xx` is not a language"),
        ("[]", "the list of languages is empty"),
        ("[\"en\", \"en\"]", "`en` is listed twice"),
        ("[\"multilingual\", \"en\"]", "write \"multilingual\" alone"),
        ("true", "expected a code of ISO 639-1"),
    ] {
        let toml = CATALOG.replacen("license = \"l\"", &format!("license = \"l\"\n    language = {language}"), 1);
        let catalog = write_file(dir.path(), "models.toml", toml);
        assert_fails(&run(&["--models-file", &catalog, "models"]), 2, &["models.toml", reason]);
    }
    let catalog = write_file(
        dir.path(),
        "models.toml",
        CATALOG.replace("license = \"l\"", "license = \"l\"\nlanguages = \"en\""),
    );
    assert_fails(
        &run(&["--models-file", &catalog, "models"]),
        2,
        &["unknown key `languages`", "did you mean `language`?"],
    );
}

#[test]
fn version_help_completions_and_manual_pages_are_printed() {
    let version = run(&["--version"]).stdout;
    assert!(version.starts_with(concat!("finsent ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    for args in [&["--help"][..], &["classify", "--help"]] {
        let help = run(args).stdout;
        let (examples, usage) = (help.find("Examples:").unwrap(), help.find("Usage:").unwrap());
        assert!(examples < usage, "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).stdout.contains("finsent"));
    }
    assert!(run(&["man"]).stdout.contains(".TH finsent"));
    assert!(run(&["man", "classify"]).stdout.contains("text\\-column"));
    assert_fails(&run(&["man", "fly"]), 2, &["fly", "classify"]);
}
