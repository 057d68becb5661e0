//! Revisions of a repository: commits, branches and tags.

/// Whether a revision is a commit, which never changes.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The first twelve digits of a commit, for people; any other revision as it is.
pub(crate) fn short(revision: &str) -> &str {
    if is_commit(revision) { &revision[..12] } else { revision }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_forty_hexadecimal_digits() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!((is_commit(commit), short(commit)), (true, "0123456789ab"));
        for other in ["main", "v1", &commit[1..], &commit.replace('0', "g"), ""] {
            assert_eq!((is_commit(other), short(other)), (false, other));
        }
    }
}
