//! What tells files apart.

/// What tells a file or folder from all others while it exists, whatever its names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    pub(super) device: u64,
    pub(super) number: u64,
}

/// A file's ID, and how many names (hard links) it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The ID.
    pub id: FileId,
    /// The number of names.
    pub names: u64,
}

impl FileId {
    /// Whether both are on one device or volume.
    pub fn is_on_device_of(&self, other: &Self) -> bool {
        self.device == other.device
    }
}
