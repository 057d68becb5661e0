//! The index of sharded weights, `model.safetensors.index.json` or `pytorch_model.bin.index.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::CheckpointError;
use crate::model_files::{ModelFile, WeightFiles};

/// An index: the shard of each tensor.
#[derive(Debug)]
pub(super) struct ShardIndex {
    file: ModelFile,
    path: PathBuf,
    weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads and checks an index.
    pub(super) fn read(path: &Path) -> Result<Self, CheckpointError> {
        #[derive(Deserialize)]
        struct Json {
            weight_map: BTreeMap<String, String>,
        }
        let file = ModelFile::Disk(path.into());
        let invalid = |reason: String| CheckpointError::Index { file: file.to_string(), reason };
        let Json { weight_map } =
            serde_json::from_slice(&file.read_settings()?).map_err(|error| invalid(error.to_string()))?;
        if weight_map.is_empty() {
            return Err(invalid("it names no shards".into()));
        }
        let is_file_name = |name: &&String| Path::new(name).file_name() == Some(name.as_ref());
        if let Some(outside) = weight_map.values().find(|name| !is_file_name(name)) {
            return Err(invalid(format!("the shard `{outside}` is not in the same folder")));
        }
        Ok(Self { path: path.into(), file, weight_map })
    }

    pub(super) fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Each tensor with the name of its shard.
    pub(super) fn tensors(&self) -> impl Iterator<Item = (&String, &String)> {
        self.weight_map.iter()
    }

    /// The names of the shards, each once.
    pub(super) fn shards(&self) -> BTreeSet<&String> {
        self.weight_map.values().collect()
    }

    /// A shard, in the folder of the index.
    pub(super) fn shard(&self, name: &str) -> ModelFile {
        ModelFile::Disk(self.path.with_file_name(name))
    }
}

/// All files of the weights: the single file, or the index and its shards.
///
/// # Errors
/// [`CheckpointError::Index`] if the index is not valid.
pub fn weight_files(files: &WeightFiles) -> Result<Vec<ModelFile>, CheckpointError> {
    match files {
        WeightFiles::Single(file) => Ok(vec![file.clone()]),
        WeightFiles::Sharded(path) => {
            let index = ShardIndex::read(path)?;
            let shards = index.shards().into_iter().map(|name| index.shard(name)).collect();
            Ok([vec![index.file().clone()], shards].concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_with_a_shard_in_another_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors.index.json");
        for shard in ["../other.safetensors", "/etc/passwd", ".."] {
            std::fs::write(&path, format!(r#"{{"weight_map":{{"classifier.weight":"{shard}"}}}}"#)).unwrap();
            let message = ShardIndex::read(&path).unwrap_err().to_string();
            assert!(message.contains("not in the same folder") && message.contains(shard), "{message}");
        }
    }

    #[test]
    fn an_empty_or_broken_index_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors.index.json");
        std::fs::write(&path, r#"{"weight_map":{}}"#).unwrap();
        assert!(ShardIndex::read(&path).unwrap_err().to_string().contains("names no shards"));
        std::fs::write(&path, "{").unwrap();
        assert!(ShardIndex::read(&path).is_err());
    }
}
