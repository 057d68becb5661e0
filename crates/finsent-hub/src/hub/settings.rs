//! Settings of the hub, from the same environment variables as in Python's huggingface_hub.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::error::HubError;
use crate::platform::HOME;

/// The public hub.
const ENDPOINT: &str = "https://huggingface.co";

/// Settings of the hub.
#[derive(Clone)]
pub struct HubSettings {
    /// The URL of the hub, without a `/` at its end.
    pub(crate) endpoint: String,
    /// The directory of the cache; `None` if no variable says where it is.
    pub(crate) cache: Option<PathBuf>,
    /// Sent to the endpoint and to no other host.
    pub(crate) token: Option<String>,
    /// The flag or variable that forbids downloads.
    pub(crate) offline: Option<&'static str>,
    /// Root certificates in PEM, instead of the built-in ones.
    pub(crate) certificates: Option<PathBuf>,
}

impl HubSettings {
    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and
    /// `SSL_CERT_FILE`. With `offline`, nothing is downloaded. The first request checks the values.
    pub fn from_environment(offline: bool) -> Self {
        Self::from_variables(offline, |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    fn from_variables(offline: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let text = |name| variable(name).map(|value| value.to_string_lossy().trim().to_owned());
        let user = variable(HOME);
        let path = |name| variable(name).map(|path| expanded(path, user.as_deref()));
        let caches = path("XDG_CACHE_HOME").or_else(|| Some(user.as_ref()?.join(".cache")));
        let home = path("HF_HOME").or_else(|| Some(caches?.join("huggingface")));
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let token_file = path("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")));
        let in_file = || fs::read_to_string(token_file?).ok().map(|token| token.trim().to_owned());
        let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).or_else(in_file);
        Self {
            endpoint: text("HF_ENDPOINT").as_deref().unwrap_or(ENDPOINT).trim_end_matches('/').into(),
            cache: cache.or_else(|| Some(home?.join("hub"))),
            token: token.filter(|token| !token.is_empty()),
            offline: if offline {
                Some("--offline")
            } else {
                text("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)).then_some("HF_HUB_OFFLINE")
            },
            certificates: path("SSL_CERT_FILE"),
        }
    }

    /// A cache at `cache`, and no network.
    #[cfg(test)]
    pub(crate) fn offline_at(cache: &Path) -> Self {
        Self { cache: Some(cache.into()), ..Self::from_variables(true, |_| None) }
    }

    /// Checks the endpoint and the token.
    ///
    /// # Errors
    /// [`HubError::Setting`]; it never has the token.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        let endpoint = &self.endpoint;
        let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            let reason = format!("`{endpoint}` is not an address; it must begin with https:// or http://");
            return Err(HubError::Setting { variable: "HF_ENDPOINT", reason });
        }
        let is_valid = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.token.as_ref().is_none_or(is_valid) {
            let reason = "the token has characters that a token cannot have; check HF_TOKEN or the token file".into();
            return Err(HubError::Setting { variable: "HF_TOKEN", reason });
        }
        Ok(())
    }
}

/// Replaces `~` by the user's home, as huggingface_hub does.
fn expanded(path: PathBuf, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), user) {
        (Ok(rest), Some(user)) => user.join(rest),
        _ => path,
    }
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> HubSettings {
        HubSettings::from_variables(false, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_cache_is_in_the_same_folder_as_in_python() {
        for (variables, expected) in [
            (&[("HOME", "/h")][..], Some("/h/.cache/huggingface/hub")),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], Some("/x/huggingface/hub")),
            (&[("HOME", "/h"), ("HF_HOME", "~/hf")], Some("/h/hf/hub")),
            (&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/c")], Some("/c")),
            (&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")], Some("/old")),
            (&[], None),
        ] {
            assert_eq!(settings(variables).cache.as_deref(), expected.map(Path::new), "{variables:?}");
        }
    }

    #[test]
    fn the_token_is_that_of_the_variable_or_else_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), "hf_file\n").unwrap();
        fs::write(dir.path().join("other"), " hf_other ").unwrap();
        let (home, other) = (dir.path().to_str().unwrap(), dir.path().join("other"));
        let token = |variables: &[(&str, &str)]| settings(variables).token;
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", "hf_given")]).as_deref(), Some("hf_given"));
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("hf_file"));
        assert_eq!(
            token(&[("HF_HOME", home), ("HF_TOKEN_PATH", other.to_str().unwrap())]).as_deref(),
            Some("hf_other")
        );
        assert_eq!(token(&[("HF_HOME", "/nowhere")]), None);
        let refusal = settings(&[("HF_TOKEN", "two words")]).check().unwrap_err().to_string();
        assert!(refusal.contains("HF_TOKEN") && !refusal.contains("two"), "{refusal}");
    }

    #[test]
    fn an_endpoint_must_be_an_http_address() {
        let endpoint = |given| settings(&[("HF_ENDPOINT", given)]);
        assert_eq!(endpoint("http://localhost:8080/").endpoint, "http://localhost:8080");
        assert_eq!(settings(&[]).endpoint, ENDPOINT);
        assert!(settings(&[]).check().is_ok() && endpoint("http://localhost:8080/").check().is_ok());
        for wrong in ["hub.example", "ftp://hub.example", "https://", "http:///x"] {
            assert!(endpoint(wrong).check().unwrap_err().to_string().contains("HF_ENDPOINT"), "{wrong}");
        }
    }

    #[test]
    fn hf_hub_offline_has_the_same_values_as_in_python() {
        for (value, offline) in [("1", true), ("true", true), ("YES", true), ("ON", true), ("0", false), ("no", false)]
        {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", value)]).offline.is_some(), offline, "{value}");
        }
    }
}
