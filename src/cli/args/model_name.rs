//! The name of a model, which several commands take.

/// Not a doc comment of the arguments, in which rustdoc would read the brackets as a link.
pub(super) const HELP: &str = "Model: a name from the catalog, a directory, or hf:OWNER/NAME[@REVISION]";
