//! A home directory in which the stand-in is the hub.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::PathBuf;

use finsent_testing::{Finsent, Run};

use crate::stand_in::StandIn;

pub(crate) const FINSENT: Finsent = finsent_testing::finsent!();

/// A temporary home with the settings and the cache of a hub.
pub(crate) struct Home(finsent_testing::Home);

impl Deref for Home {
    type Target = finsent_testing::Home;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Home {
    /// A home whose hub is the stand-in.
    pub(crate) fn of(hub: &StandIn) -> Self {
        Self::at(&hub.endpoint())
    }

    /// A home whose hub is at this address.
    pub(crate) fn at(endpoint: &str) -> Self {
        Self(finsent_testing::Home::new(FINSENT)).with("HF_ENDPOINT", endpoint)
    }

    /// Sets a variable for all runs; an empty value removes it.
    pub(crate) fn with(self, name: &str, value: impl Into<OsString>) -> Self {
        Self(self.0.with(name, value))
    }

    pub(crate) fn pull(&self, model: &str) -> Run {
        self.run(&["pull", model])
    }

    /// A file or directory of the cached repository acme/small.
    pub(crate) fn cached(&self, name: &str) -> PathBuf {
        self.hugging_face().join("hub/models--acme--small").join(name)
    }

    /// Files and links of the cached repository acme/small, below one of its directories.
    pub(crate) fn tree_of(&self, name: &str) -> Vec<String> {
        self.tree(&format!("hf/hub/models--acme--small/{name}"))
    }

    /// Writes a catalog with the model `mine`, which is acme/small with these files and their hashes; `more` is
    /// appended.
    pub(crate) fn catalog(&self, files: &[(&str, Option<&str>)], more: &str) -> String {
        let files: Vec<String> = files
            .iter()
            .map(|(name, hash)| {
                let hash = hash.map(|hash| format!(", sha256 = {hash:?}")).unwrap_or_default();
                format!("{{ name = {name:?}{hash} }}")
            })
            .collect();
        let files = files.join(", ");
        let toml = format!(
            "[[model]]\nname = \"mine\"\ndescription = \"d\"\nlicense = \"l\"\nhub = \"acme/small\"\n\
             files = [{files}]\n{more}\n"
        );
        self.write("models.toml", toml)
    }
}
