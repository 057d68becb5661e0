//! Mount points: nothing can be renamed over one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The mounts that this process sees. A file can be one, as with `docker run --volume FILE:FILE` or a subPath of Kubernetes.
const MOUNTS: &str = "/proc/self/mountinfo";
/// The field of a line that names the mount point.
const POINT: usize = 4;

/// Whether something is mounted at `path`, which is absolute and has no links. False if the system does not say.
pub(crate) fn is_mount_point(path: &Path) -> bool {
    fs::read(MOUNTS).is_ok_and(|mounts| has_point(&mounts, path))
}

fn has_point(mounts: &[u8], path: &Path) -> bool {
    let points = mounts.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b' ').nth(POINT));
    points.into_iter().any(|point| Path::new(OsStr::from_bytes(&unescaped(point))) == path)
}

/// A path of the list, in which a space, for example, is `\040`.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let (mut bytes, mut at) = (Vec::with_capacity(path.len()), 0);
    while let Some(&byte) = path.get(at) {
        let digits = path.get(at + 1..at + 4).and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\') {
            Some(escaped) => {
                bytes.push(escaped);
                at += 4;
            }
            None => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_mounts_is_read() {
        let mounts = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            90 27 8:1 /data/out.csv /srv/my\\040out.csv rw - ext4 /dev/sda1 rw\n";
        for (path, expected) in [("/proc", true), ("/srv/my out.csv", true), ("/srv", false), ("/proc/self", false)] {
            assert_eq!(has_point(mounts, Path::new(path)), expected, "{path}");
        }
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")));
    }
}
