//! The names of a file's columns: each once, though its header may have blank and repeated ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The names of columns, and which were changed.
pub(super) struct HeaderNames {
    pub(super) names: Vec<Arc<str>>,
    /// The new names of those that were changed.
    pub(super) renamed: Vec<Arc<str>>,
}

impl HeaderNames {
    /// Names by number, for a file without a header.
    pub(super) fn numbered(count: usize) -> Vec<Arc<str>> {
        (0..count).map(|place| numbered(place).into()).collect()
    }

    /// Makes names unique. The first column may have none, as pandas' index does; other blank ones are numbered, and a name
    /// that was there before gets a suffix.
    pub(super) fn of(header: Vec<Arc<str>>) -> Self {
        let mut known: HashSet<Arc<str>> = header.iter().cloned().collect();
        let (mut seen, mut renamed) = (HashMap::new(), Vec::new());
        let mut names = Vec::with_capacity(header.len());
        for (place, name) in header.into_iter().enumerate() {
            let is_blank = place > 0 && name.trim().is_empty();
            let new = if is_blank {
                free_name(&numbered(place), true, &mut 2, &known)
            } else if let Some(next) = seen.get_mut(&name) {
                free_name(&name, false, next, &known)
            } else {
                seen.insert(name.clone(), 2);
                names.push(name);
                continue;
            };
            known.insert(new.clone());
            renamed.push(new.clone());
            names.push(new);
        }
        Self { names, renamed }
    }
}

fn numbered(place: usize) -> String {
    format!("column_{}", place + 1)
}

/// The stem, if it may be used as it is and is free, else with the next number that is. Numbers are not tried twice: a header
/// may have thousands of equal names.
fn free_name(stem: &str, may_be_plain: bool, next: &mut u64, known: &HashSet<Arc<str>>) -> Arc<str> {
    if may_be_plain && !known.contains(stem) {
        return stem.into();
    }
    loop {
        let name = format!("{stem}_{next}");
        *next += 1;
        if !known.contains(&*name) {
            return name.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &[&str]) -> Vec<String> {
        let header = header.iter().map(|&name| name.into()).collect();
        HeaderNames::of(header).names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn blank_and_repeated_names_become_unique_and_the_others_stay() {
        assert_eq!(names(&["", "headline"]), ["", "headline"]);
        assert_eq!(names(&["date", "headline", "", ""]), ["date", "headline", "column_3", "column_4"]);
        assert_eq!(names(&["a", "a", "a_2", "a"]), ["a", "a_3", "a_2", "a_4"]);
        assert_eq!(names(&["column_2", " "]), ["column_2", "column_2_2"]);
    }
}
