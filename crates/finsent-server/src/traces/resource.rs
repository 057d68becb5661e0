//! What the service says about itself with its spans, and lists of keys and values in variables.

use percent_encoding::percent_decode_str;

use super::messages::{KeyValue, Resource};

const NAME: &str = "service.name";

/// The attributes of the service: those of the variable, and in any case a name, a version and an id of this process.
pub(super) fn resource(mut attributes: Vec<(String, String)>, name: Option<String>) -> Resource {
    if let Some(name) = name {
        attributes.retain(|(key, _)| key != NAME);
        attributes.push((NAME.to_owned(), name));
    }
    let defaults = [
        (NAME, "finsent".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", random_uuid()),
    ];
    for (key, value) in defaults {
        if !attributes.iter().any(|(known, _)| known == key) {
            attributes.push((key.to_owned(), value));
        }
    }
    Resource { attributes: attributes.iter().map(|(key, value)| KeyValue::text(key, value)).collect() }
}

/// A UUID of version 4, the form that OpenTelemetry recommends.
fn random_uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let variant = ["8", "9", "a", "b"][fastrand::usize(..4)];
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Reads `key=value,key=value`, with percent signs for other letters; `None` if it is not that.
pub(super) fn key_values(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=')?;
            let decoded = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
            let (key, value) = (decoded(key)?, decoded(value)?);
            (!key.is_empty()).then_some((key, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(text: &str, name: Option<&str>) -> Vec<KeyValue> {
        resource(key_values(text).unwrap(), name.map(String::from)).attributes
    }

    #[test]
    fn a_name_given_by_itself_goes_before_that_of_the_attributes() {
        let has = |attributes: &[KeyValue], value: &str| attributes.contains(&KeyValue::text(NAME, value));
        assert!(has(&attributes("", None), "finsent"));
        assert!(has(&attributes("service.name=a", None), "a"));
        let both = attributes("service.name=a,team=news%2Cdesk", Some("b"));
        assert!(has(&both, "b") && both.contains(&KeyValue::text("team", "news,desk")));
        assert_eq!(both.len(), 4, "{both:?}");
    }

    #[test]
    fn a_list_of_keys_and_values_may_have_blanks_and_escapes() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(key_values(" a = b%20c, d=e=f,"), Some(vec![pair("a", "b c"), pair("d", "e=f")]));
        assert_eq!(key_values("a=%ff"), None);
        assert_eq!(key_values("a"), None);
        assert_eq!(key_values("=b"), None);
    }

    #[test]
    fn an_instance_has_an_id_of_the_usual_form() {
        let id = random_uuid();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!((lengths, &id[14..15]), (vec![8, 4, 4, 4, 12], "4"));
        assert_ne!(id, random_uuid());
    }
}
