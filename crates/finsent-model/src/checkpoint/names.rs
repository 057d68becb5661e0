//! Names of tensors: files have different prefixes and spellings for the same tensor.

/// The prefixes of an encoder's tensors in the file of a whole model.
pub(super) const PREFIXES: [&str; 6] = ["bert.", "distilbert.", "roberta.", "electra.", "model.", "deberta."];

/// The name that the architecture gives a tensor, without prefixes and with today's names of LayerNorm.
pub(super) fn plain_name(stored: &str) -> String {
    let wrapped = stored.strip_prefix("module.").unwrap_or(stored);
    let name = wrapped.strip_prefix("_orig_mod.").unwrap_or(wrapped);
    let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    match name.rsplit_once("LayerNorm.") {
        Some((path, "gamma")) => format!("{path}LayerNorm.weight"),
        Some((path, "beta")) => format!("{path}LayerNorm.bias"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_tensor_have_the_same_plain_name() {
        for stored in [
            "bert.embeddings.LayerNorm.weight",
            "module.bert.embeddings.LayerNorm.gamma",
            "embeddings.LayerNorm.gamma",
            "module.embeddings.LayerNorm.weight",
        ] {
            assert_eq!(plain_name(stored), "embeddings.LayerNorm.weight");
        }
        assert_eq!(plain_name("bert.encoder.layer.3.output.LayerNorm.beta"), "encoder.layer.3.output.LayerNorm.bias");
        assert_eq!(plain_name("classifier.weight"), "classifier.weight");
    }
}
