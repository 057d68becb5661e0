//! The models that finsent knows and where their files come from: the catalog, directories, the Hugging Face hub and
//! its cache.
//!
//! A [`ModelResolver`] turns the name of a model into its files: a name of the [`Catalog`], a directory, or
//! `OWNER/NAME[@REVISION]`, with or without `hf:` before it. It looks on this machine first, and otherwise downloads from the hub into the cache that
//! Python's huggingface_hub also uses.
//!
//! ```no_run
//! use finsent_hub::{Catalog, DownloadProgress, Hub, HubSettings, ModelResolver};
//!
//! struct Silent;
//! impl DownloadProgress for Silent {
//!     fn begin(&self, _file: &str, _done: u64, _size: Option<u64>) {}
//!     fn advance(&self, _done: u64) {}
//!     fn end(&self) {}
//!     fn note(&self, _message: &str) {}
//! }
//!
//! let catalog = Catalog::read("models.toml".as_ref())?;
//! let hub = Hub::new(HubSettings::from_environment(false));
//! let resolver = ModelResolver { catalog: &catalog, model_dir: None, hub: &hub, embedded: None };
//! let model = resolver.resolve("finbert", &Silent)?;
//! println!("{}", model.place);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules, from bottom to top
//!
//! | module | items |
//! |---|---|
//! | `revision` | commits and branches |
//! | `hash` | SHA-256 and git's SHA-1 of files |
//! | `catalog` | [`Catalog`], [`ModelSpec`]: models.toml |
//! | `hub` | [`Hub`]: requests, downloads and the cache |
//! | `resolver` | [`ModelResolver`]: from a name to a [`ResolvedModel`] |
//! | `digest` | [`FileDigests`]: the identity of a model |
//!
//! # Guarantees
//!
//! - A file gets its name in the cache only after its hash was checked, if a hash is known.
//! - A download that breaks off continues where it ended, also in the next run.
//! - The token is sent to the hub and to no other host, and is in no message.
//! - A model that the catalog does not pin keeps the commit that it had first, until it is downloaded anew on request.
//! - Nothing is requested if the model is complete on this machine, or with `HF_HUB_OFFLINE`.
#![warn(missing_docs)]

mod catalog;
mod digest;
mod hash;
mod hub;
mod platform;
mod resolver;
mod revision;

pub use catalog::{Catalog, CatalogError, DEFAULT_MODEL, FileSpec, ModelSpec, Origin};
pub use digest::{DigestError, FileDigests};
pub use hub::{DownloadProgress, Hub, HubError, HubSettings, Integrity, Repository, check_integrity};
pub use resolver::{ModelResolver, Pin, ResolveError, ResolvedModel};
