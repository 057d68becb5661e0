//! The names of tokens by their ids.

/// Maps ids to names.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Tokens {
    /// All names, in the order of the ids, and where each ends.
    names: Box<str>,
    ends: Box<[u32]>,
    /// The ids, unless they are 0, 1, 2 and so on.
    ids: Option<Box<[u32]>>,
}

impl Tokens {
    /// `None` if the names have 4 GB or more.
    pub(in super::super) fn new<'a>(tokens: impl IntoIterator<Item = (&'a str, u32)>) -> Option<Self> {
        let (mut names, mut ends, mut ids) = (String::new(), Vec::new(), Vec::new());
        for (name, id) in tokens {
            names.push_str(name);
            ends.push(u32::try_from(names.len()).ok()?);
            ids.push(id);
        }
        let (is_sorted, is_dense) = (ids.is_sorted(), ids.iter().zip(0..).all(|(&id, index)| id == index));
        let tokens = Self { names: names.into(), ends: ends.into(), ids: (!is_dense).then(|| ids.into()) };
        if is_sorted {
            return Some(tokens);
        }
        let mut sorted: Vec<(&str, u32)> = tokens.iter().collect();
        sorted.sort_unstable_by_key(|(_, id)| *id);
        Self::new(sorted)
    }

    /// The number of tokens.
    pub(in super::super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn name(&self, id: u32) -> Option<&str> {
        match &self.ids {
            None => self.at(id as usize),
            Some(ids) => self.at(ids.binary_search(&id).ok()?),
        }
    }

    fn at(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Some(&self.names[start..end])
    }

    /// All names with their ids.
    pub(in super::super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, u32)> {
        let id = |index: usize| self.ids.as_ref().map_or(index as u32, |ids| ids[index]);
        (0..self.len()).filter_map(move |index| Some((self.at(index)?, id(index))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_ids() {
        for ids in [[0, 1, 2], [2, 0, 1], [7, 0, u32::MAX]] {
            let tokens = Tokens::new(["a", "", "né"].into_iter().zip(ids)).unwrap();
            for (name, id) in ["a", "", "né"].into_iter().zip(ids) {
                assert_eq!(tokens.name(id), Some(name));
                assert!(tokens.iter().any(|found| found == (name, id)));
            }
            assert_eq!((tokens.len(), tokens.name(3)), (3, None));
        }
    }
}
