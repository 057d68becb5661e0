//! Odd but legal forms of a checkpoint: the scores are those of transformers, or the form is refused by the name of a field or
//! tensor. `tests/golden/checkpoint_forms.py` lists the forms.

use std::fs;
use std::path::Path;

use finsent_model::{ModelFiles, ModelOptions, Pipeline};
use half::{bf16, f16};
use safetensors::tensor::Dtype;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checkpoints::{Stored, Tensors, read, write};
use crate::reference;

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    forms: Vec<Form>,
}

#[derive(Deserialize)]
struct Form {
    name: String,
    edits: Vec<Value>,
    /// The scores of each text, in the order of the labels' ids; none if transformers does not load the form.
    scores: Option<Vec<Vec<f64>>>,
}

/// The forms that load here, and in transformers not at all, or only with random weights: names of labels are found where
/// there are some, what only training needs is ignored, and the prefixes of wrapped modules are taken off.
const MORE: [&str; 10] = [
    "no labels",
    "only label2id",
    "one label",
    "no model_type",
    "activation null",
    "cross attention",
    "chunked",
    "prefix module",
    "prefix _orig_mod",
    "both prefixes",
];

/// Makes a form of the small model.
fn make(dir: &Path, edits: &[Value]) {
    let (config, weights) = (dir.join("config.json"), dir.join("model.safetensors"));
    let mut fields: Map<String, Value> = reference::read_json(&config);
    let mut tensors = read(&weights);
    for edit in edits {
        apply(edit, &mut fields, &mut tensors);
    }
    fs::write(config, Value::from(fields).to_string()).unwrap();
    write(&weights, &tensors);
}

fn apply(edit: &Value, fields: &mut Map<String, Value>, tensors: &mut Tensors) {
    let text = |place: usize| edit[place].as_str().unwrap_or_default();
    let (first, second) = (text(1), text(2));
    match text(0) {
        "set" => drop(fields.insert(first.into(), edit[2].clone())),
        "remove" => drop(fields.remove(first)),
        "drop" => drop(tensors.remove(first).unwrap()),
        "prefix" => rename(tensors, |name| Some(second.to_owned() + name.strip_prefix(first)?)),
        "rename" => rename(tensors, |name| name.contains(first).then(|| name.replace(first, second))),
        "add" => {
            let shape: Vec<usize> = serde_json::from_value(edit[2].clone()).unwrap();
            let data = vec![0; 4 * shape.iter().product::<usize>()];
            tensors.insert(first.into(), Stored { dtype: Dtype::F32, shape, data });
        }
        "resize" => {
            let tensor = tensors.get_mut(first).unwrap();
            tensor.shape[0] = edit[2].as_u64().unwrap() as usize;
            tensor.data.resize(4 * tensor.shape.iter().product::<usize>(), 0);
        }
        "cast" => {
            tensors.iter_mut().filter(|(name, _)| name.contains(first)).for_each(|(_, tensor)| cast(tensor, second))
        }
        other => panic!("{other}"),
    }
}

fn rename(tensors: &mut Tensors, rename: impl Fn(&str) -> Option<String>) {
    *tensors = tensors.drain().map(|(name, tensor)| (rename(&name).unwrap_or(name), tensor)).collect();
}

fn cast(tensor: &mut Stored, dtype: &str) {
    let values = tensor.data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (tensor.dtype, tensor.data) = match dtype {
        "F16" => (Dtype::F16, values.flat_map(|value| f16::from_f32(value).to_le_bytes()).collect()),
        "BF16" => (Dtype::BF16, values.flat_map(|value| bf16::from_f32(value).to_le_bytes()).collect()),
        _ => (Dtype::F64, values.flat_map(|value| f64::from(value).to_le_bytes()).collect()),
    };
}

/// The scores of the texts, or why the form is refused.
fn scores(dir: &Path, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
    let files = ModelFiles::in_dir(dir, &[]).map_err(|error| error.to_string())?;
    let pipeline = Pipeline::load(&files, &ModelOptions::default(), &reference::thread_pool());
    let pipeline = pipeline.map_err(|_| reference::load_error(dir))?;
    Ok(reference::classify(&pipeline, &reference::texts(texts)).iter().map(reference::probabilities).collect())
}

fn largest_difference(found: &[Vec<f32>], expected: &[Vec<f64>]) -> f64 {
    let same_labels = found.iter().zip(expected).all(|(found, expected)| found.len() == expected.len());
    if !same_labels {
        return f64::INFINITY;
    }
    found.iter().zip(expected).map(|(found, expected)| reference::distance(found, expected)).fold(0.0, f64::max)
}

#[test]
fn forms_have_the_scores_of_transformers_or_are_refused_by_name() {
    let Golden { texts, forms } = reference::read_json(&reference::file("checkpoint_forms.json"));
    assert!(forms.len() >= 100);
    let (mut same, mut refused, mut more, mut wrong) = (0, Vec::new(), Vec::new(), Vec::new());
    for Form { name, edits, scores: expected } in &forms {
        let dir = reference::small_model("f32.safetensors");
        make(dir.path(), edits);
        match (scores(dir.path(), &texts), expected) {
            (Ok(found), Some(expected)) => match largest_difference(&found, expected) {
                ..1e-5 => same += 1,
                difference => wrong.push(format!("{name}: {difference:e}")),
            },
            (Ok(_), None) => more.push(name.as_str()),
            (Err(message), expected) => {
                assert!(message.contains('`'), "{name} is refused without a name: {message}");
                if expected.is_some() {
                    refused.push(format!("{name}: {message}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "other scores than transformers:\n{}", wrong.join("\n"));
    assert_eq!(more, MORE);
    assert!(same >= 69 && refused.len() <= 20, "{same} same, {} refused:\n{}", refused.len(), refused.join("\n"));
}
