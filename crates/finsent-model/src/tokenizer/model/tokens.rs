//! The names of tokens by their ids.

/// Maps ids to names.
#[derive(Debug, PartialEq)]
pub(super) struct Tokens {
    /// All names, in the order of the ids, and where each ends.
    names: Box<str>,
    ends: Box<[u32]>,
    /// The ids, unless they are 0, 1, 2 and so on.
    ids: Option<Box<[u32]>>,
}

impl Tokens {
    /// `None` if the names have 4 GB or more.
    pub(super) fn new<'a>(tokens: impl IntoIterator<Item = (&'a str, u32)>) -> Option<Self> {
        let mut tokens: Vec<(&str, u32)> = tokens.into_iter().collect();
        if !tokens.is_sorted_by_key(|(_, id)| id) {
            tokens.sort_unstable_by_key(|(_, id)| *id);
        }
        let mut names = String::with_capacity(tokens.iter().map(|(name, _)| name.len()).sum());
        let mut ends = Vec::with_capacity(tokens.len());
        for (name, _) in &tokens {
            names.push_str(name);
            ends.push(u32::try_from(names.len()).ok()?);
        }
        let is_dense = tokens.iter().zip(0..).all(|((_, id), index)| *id == index);
        let ids = (!is_dense).then(|| tokens.iter().map(|(_, id)| *id).collect());
        Some(Self { names: names.into(), ends: ends.into(), ids })
    }

    /// The number of tokens.
    pub(super) fn len(&self) -> usize {
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
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, u32)> {
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
