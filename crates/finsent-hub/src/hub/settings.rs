//! Where the hub is, where its cache is, and who asks: the environment that huggingface_hub reads.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::error::HubError;

/// The public hub.
const ENDPOINT: &str = "https://huggingface.co";

/// How the hub is to be used.
#[derive(Clone)]
pub struct HubSettings {
    /// Address of the hub, with no `/` at its end.
    pub(crate) endpoint: String,
    /// The directory of the cache; `None` where nothing says where it could be.
    pub(crate) cache: Option<PathBuf>,
    /// Sent to the endpoint, and to no other host.
    pub(crate) token: Option<String>,
    /// Ask for nothing.
    pub(crate) offline: bool,
    /// Certificates, in PEM, that sign the hosts' ones in place of the built-in roots.
    pub(crate) certificates: Option<PathBuf>,
}

impl HubSettings {
    /// `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `SSL_CERT_FILE`. Whether
    /// they make sense is found out when they are needed.
    pub fn from_environment(offline: bool) -> Self {
        Self::from_variables(offline, |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    fn from_variables(offline: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let text = |name| variable(name).map(|value| value.to_string_lossy().trim().to_owned());
        let user = variable("HOME");
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
            offline: offline || text("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
            certificates: path("SSL_CERT_FILE"),
        }
    }

    /// A cache, and no network.
    #[cfg(test)]
    pub fn offline_at(cache: &Path) -> Self {
        Self { cache: Some(cache.into()), ..Self::from_variables(true, |_| None) }
    }

    /// Whether endpoint and token can be what they say.
    ///
    /// # Errors
    /// [`HubError::Setting`]; the token is never part of it.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        let endpoint = &self.endpoint;
        let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            let reason = format!("`{endpoint}` is no address; it begins with https:// or http://");
            return Err(HubError::Setting { variable: "HF_ENDPOINT", reason });
        }
        let is_sound = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.token.as_ref().is_none_or(is_sound) {
            let reason = "the token has characters that no token has; is it the right file?".into();
            return Err(HubError::Setting { variable: "HF_TOKEN", reason });
        }
        Ok(())
    }
}

/// `~` is the user's home, as huggingface_hub takes it.
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
    fn the_cache_is_where_pythons_library_has_it() {
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
    fn the_token_is_the_variables_else_that_of_a_file() {
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
    fn an_endpoint_is_an_address() {
        let endpoint = |given| settings(&[("HF_ENDPOINT", given)]);
        assert_eq!(endpoint("http://localhost:8080/").endpoint, "http://localhost:8080");
        assert_eq!(settings(&[]).endpoint, ENDPOINT);
        assert!(settings(&[]).check().is_ok() && endpoint("http://localhost:8080/").check().is_ok());
        for wrong in ["hub.example", "ftp://hub.example", "https://", "http:///x"] {
            assert!(endpoint(wrong).check().unwrap_err().to_string().contains("HF_ENDPOINT"), "{wrong}");
        }
    }

    #[test]
    fn offline_is_said_in_the_words_that_pythons_library_knows() {
        for (value, offline) in [("1", true), ("true", true), ("YES", true), ("ON", true), ("0", false), ("no", false)]
        {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
    }
}
