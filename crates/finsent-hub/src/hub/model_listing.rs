//! Which files of a repository belong to the model.

use finsent_model::SENTENCE_PIECE_FILES;

/// The settings of the tokenizer. They count beside `tokenizer.json` as well.
const SETTINGS: [&str; 3] = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
/// Files of an adapter, which changes the weights of another model.
const ADAPTERS: [&str; 3] = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"];

/// Selects the files that the model needs from those of a repository: safetensors rather than pickles, a single file of
/// weights rather than shards.
///
/// # Errors
/// The file that is missing.
pub(super) fn model_files(found: &[String]) -> Result<Vec<String>, String> {
    let holds = |name: &str| found.iter().any(|found| found == name);
    if !holds("config.json") {
        return Err("config.json".into());
    }
    let mut needed = vec!["config.json".to_owned()];
    needed.extend(tokenizer(holds)?.into_iter().map(String::from));
    needed.extend(weights(found)?);
    Ok(needed)
}

/// The file of an adapter, if the repository has one. Its weights alone would be those of the model before its training.
pub(super) fn adapter(found: &[String]) -> Option<&'static str> {
    ADAPTERS.into_iter().find(|name| found.iter().any(|found| found == name))
}

fn tokenizer(holds: impl Fn(&str) -> bool) -> Result<Vec<&'static str>, String> {
    let vocabulary: &[_] = if holds("tokenizer.json") {
        &["tokenizer.json"]
    } else if holds("vocab.txt") {
        &["vocab.txt"]
    } else if holds("vocab.json") && holds("merges.txt") {
        &["vocab.json", "merges.txt"]
    } else if let Some(index) = SENTENCE_PIECE_FILES.iter().position(|name| holds(name)) {
        &SENTENCE_PIECE_FILES[index..=index]
    } else {
        let models = SENTENCE_PIECE_FILES.join(", or ");
        return Err(format!("tokenizer.json, vocab.txt, or vocab.json with merges.txt, or {models}"));
    };
    Ok(vocabulary.iter().chain(SETTINGS.iter().filter(|name| holds(name))).copied().collect())
}

fn weights(found: &[String]) -> Result<Vec<String>, String> {
    for (stem, extension) in [("model", "safetensors"), ("pytorch_model", "bin")] {
        let single = format!("{stem}.{extension}");
        let index = format!("{single}.index.json");
        if found.contains(&single) {
            return Ok(vec![single]);
        }
        if found.contains(&index) {
            return Ok([vec![index], shards(found, stem, extension)?].concat());
        }
    }
    Err("model.safetensors or pytorch_model.bin".into())
}

/// `model-00001-of-00003.safetensors` and so on, if all shards exist.
fn shards(found: &[String], stem: &str, extension: &str) -> Result<Vec<String>, String> {
    let numbers = |name: &str| -> Option<(usize, usize)> {
        let numbers = name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(extension)?.strip_suffix('.')?;
        let (number, count) = numbers.split_once("-of-")?;
        Some((number.parse().ok()?, count.parse().ok()?))
    };
    let shards: Vec<&String> = found.iter().filter(|name| numbers(name).is_some()).collect();
    let count = shards.first().and_then(|name| numbers(name)).map_or(0, |(_, count)| count);
    let exists = |number: &usize| shards.iter().any(|name| numbers(name) == Some((*number, count)));
    // If there are no shards, their number is unknown: the first one is missing.
    if let Some(missing) = (1..=count.max(1)).find(|number| !exists(number)) {
        return Err(format!("shard {missing} of the weights ({stem}-...-of-....{extension})"));
    }
    Ok(shards.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(found: &[&str]) -> Result<Vec<String>, String> {
        model_files(&found.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_model_of_sentencepiece_is_a_vocabulary_where_there_is_no_other() {
        let files = |vocabulary: &[&'static str]| [&["config.json"], vocabulary, &["model.safetensors"]].concat();
        for name in SENTENCE_PIECE_FILES {
            assert_eq!(of(&files(&[name])).unwrap(), files(&[name]));
            assert_eq!(of(&files(&[name, "tokenizer.json"])).unwrap(), files(&["tokenizer.json"]));
            assert_eq!(of(&files(&[name, "vocab.json", "merges.txt"])).unwrap(), files(&["vocab.json", "merges.txt"]));
            assert_eq!(of(&files(&[name, "vocab.json"])).unwrap(), files(&[name]));
        }
        let settings = files(&["sentencepiece.bpe.model", "tokenizer_config.json", "special_tokens_map.json"]);
        assert_eq!(of(&settings).unwrap(), settings);
    }

    #[test]
    fn only_needed_files_are_selected_and_safetensors_rather_than_pickles() {
        let all = [
            "README.md",
            "added_tokens.json",
            "config.json",
            "flax_model.msgpack",
            "model.fp16.safetensors",
            "model.safetensors",
            "onnx/model.onnx",
            "pytorch_model.bin",
            "special_tokens_map.json",
            "tf_model.h5",
            "tokenizer_config.json",
            "training_args.bin",
            "vocab.txt",
        ];
        let with = |vocabulary| [&["config.json", vocabulary][..], &SETTINGS, &["model.safetensors"]].concat();
        assert_eq!(of(&all).unwrap(), with("vocab.txt"));
        let pickle: Vec<&str> = all.iter().copied().filter(|name| *name != "model.safetensors").collect();
        assert_eq!(of(&pickle).unwrap().last().unwrap(), "pytorch_model.bin");
        let json = [&all[..], &["tokenizer.json", "vocab.json", "merges.txt"]].concat();
        assert_eq!(of(&json).unwrap(), with("tokenizer.json"));
        let model = ["config.json", "sentencepiece.bpe.model", "model.safetensors"];
        assert_eq!(of(&model).unwrap(), model);
        let pairs = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];
        assert_eq!(of(&pairs).unwrap(), pairs);
    }

    #[test]
    fn shards_need_their_index_and_all_others() {
        let sharded = [
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        let missing = |number| format!("shard {number} of the weights (model-...-of-....safetensors)");
        assert_eq!(of(&sharded).unwrap(), sharded);
        assert_eq!(of(&sharded[..4]), Err(missing(2)));
        assert_eq!(of(&sharded[..3]), Err(missing(1)));
        let pickles = [
            "config.json",
            "vocab.txt",
            "pytorch_model.bin.index.json",
            "pytorch_model-00001-of-00001.bin",
            "model-x-of-y.bin",
        ];
        assert_eq!(of(&pickles).unwrap(), pickles[..4]);
    }

    #[test]
    fn an_adapter_is_found() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(adapter(&names(&["model.safetensors", "adapters.json"])), None);
        for name in ADAPTERS {
            assert_eq!(adapter(&names(&["model.safetensors", name])), Some(name));
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        assert_eq!(of(&["README.md"]), Err("config.json".into()));
        assert!(of(&["config.json", "vocab.json"]).unwrap_err().contains("merges.txt"));
        assert!(of(&["config.json", "vocab.txt", "tf_model.h5"]).unwrap_err().contains("pytorch_model.bin"));
    }
}
