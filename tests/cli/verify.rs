//! `finsent verify`.

use crate::finsent::{assert_fails, run};

#[cfg(not(feature = "verify"))]
#[test]
fn a_build_without_candle_transformers_says_how_to_get_it() {
    assert_fails(&run(&["verify"]), 2, &["compiled without candle-transformers", "--features verify"]);
}

#[cfg(feature = "verify")]
mod with_candle_transformers {
    use std::fs;

    use super::*;
    use crate::finsent::{model_of, small_model, write_file};

    #[test]
    fn verify_compares_every_precision_with_candle_and_with_published_predictions() {
        let run = run(&["verify"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let rows: Vec<Vec<&str>> = run.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        let compared: Vec<[&str; 2]> = rows.iter().map(|row| [row[0], row[1]]).collect();
        let expected =
            ["f32", "bf16", "int8"].map(|precision| [[precision, "candle-transformers"], [precision, "published"]]);
        assert_eq!(compared, expected.concat());
        assert!(rows.iter().all(|row| row.last() == Some(&"ok")), "{}", run.stdout);
        let f32_difference: f64 = rows[0][4].parse().unwrap();
        assert!(f32_difference < 1e-5, "{f32_difference}");
    }

    #[test]
    fn verify_compares_every_architecture() {
        let dir = tempfile::tempdir().unwrap();
        for architecture in ["distilbert", "roberta", "modernbert", "deberta-v2"] {
            let model = model_of(dir.path(), architecture);
            let run = run(&["verify", model.to_str().unwrap(), "--precision", "f32"]);
            assert_eq!(run.code, Some(0), "{run:?}");
            let row: Vec<&str> = run.stdout.lines().nth(1).unwrap().split_whitespace().collect();
            assert!(row[4].parse::<f64>().unwrap() < 1e-5, "{}", run.stdout);
        }
    }

    #[test]
    fn verify_says_what_candle_lacks_of_a_model() {
        let dir = tempfile::tempdir().unwrap();
        let model = model_of(dir.path(), "modernbert");
        let config = fs::read_to_string(model.join("config.json")).unwrap();
        let types = r#"{"layer_types": ["sliding_attention", "full_attention", "full_attention"], "#;
        fs::write(model.join("config.json"), config.replacen('{', types, 1)).unwrap();
        let run = run(&["verify", model.to_str().unwrap(), "--precision", "f32"]);
        assert_fails(&run, 1, &["candle-transformers cannot check this model", "`layer_types`"]);
    }

    #[test]
    fn verify_fails_if_a_difference_exceeds_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let model = small_model(dir.path(), "small");
        let catalog = format!(
            "[[model]]\nname = \"small\"\ndescription = \"d\"\nlicense = \"l\"\ndirectory = {model:?}\nfiles = []\n\
             golden = [{{ text = \"profit\", label = \"no such label\", score = 0.9 }}]\n"
        );
        let catalog = write_file(dir.path(), "models.toml", catalog);
        let run = run(&["verify", "small", "--models-file", &catalog, "--precision", "f32"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.stdout.contains("published") && run.stdout.contains("EXCEEDED"), "{}", run.stdout);
    }
}
