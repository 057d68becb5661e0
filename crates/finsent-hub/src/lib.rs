//! Which models there are, and where their files come from: the catalog, directories, the hub and its cache.

mod catalog;
mod digest;
mod hash;
mod hub;
mod resolver;

pub use catalog::{Catalog, CatalogError, DEFAULT_MODEL, FileSpec, ModelSpec, Origin};
pub use digest::{DigestError, FileDigests};
pub use hub::{Checked, DownloadProgress, Hub, HubError, HubSettings, Repository, check};
pub use resolver::{ModelResolver, Pin, ResolveError, ResolvedModel};
