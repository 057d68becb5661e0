//! Which columns of a file are read, and as what.

use std::sync::Arc;

use crate::error::TableError;

/// Names of columns of texts, in any case, for files with several columns of strings.
const TEXT_NAMES: [&str; 7] = ["headline", "title", "sentence", "tweet", "body", "content", "message"];

/// The columns whose values are wanted. Parquet files leave the others unread.
#[derive(Debug, Clone, Default)]
pub enum ColumnSelection {
    /// All of them.
    #[default]
    All,
    /// Those of the text and the id, and these.
    Columns(Vec<String>),
    /// The same; rows of separated values do not have the others either.
    Only(Vec<String>),
}

impl ColumnSelection {
    /// Whether rows of separated values have a column.
    pub(super) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::All | Self::Columns(_) => true,
            Self::Only(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// The columns that the user named.
#[derive(Debug, Clone, Default)]
pub struct ColumnChoice {
    /// The column of the texts.
    pub text: Option<String>,
    /// The column of the ids.
    pub id: Option<String>,
    /// The column of the labels, which cannot be that of the texts unless it is named so.
    pub label: Option<String>,
    /// Whether files may be without texts. Where no column is known to have them, the first of strings is read as such, and
    /// [`Row::text`](crate::Row::text) means nothing.
    pub is_text_optional: bool,
}

/// The columns of a file's texts and ids.
#[derive(Debug, Clone)]
pub(super) struct ItemColumns {
    pub(super) text: Arc<str>,
    pub(super) id: Option<Arc<str>>,
}

impl ColumnChoice {
    /// Chooses the columns of `file`: those that the user named; else, for the texts, `text`, the only one of `strings`, or the
    /// only one with a name that texts have.
    pub(super) fn settle(
        &self,
        file: &str,
        columns: &[Arc<str>],
        strings: &[Arc<str>],
    ) -> Result<ItemColumns, TableError> {
        let known = |name: &String| find(columns, name).ok_or_else(|| TableError::no_column(file, name, columns));
        let text = match &self.text {
            Some(name) => known(name)?,
            None => self
                .default_text(columns, strings)
                .or_else(|| self.any(columns, strings))
                .ok_or_else(|| TableError::WhichColumn { file: file.to_owned(), columns: columns.to_vec() })?,
        };
        Ok(ItemColumns { text, id: self.id.as_ref().map(known).transpose()? })
    }

    /// Any column, if no text is needed.
    fn any(&self, columns: &[Arc<str>], strings: &[Arc<str>]) -> Option<Arc<str>> {
        strings.first().or_else(|| columns.first()).filter(|_| self.is_text_optional).cloned()
    }

    fn default_text(&self, columns: &[Arc<str>], strings: &[Arc<str>]) -> Option<Arc<str>> {
        let is_label = |column: &Arc<str>| self.label.as_deref() == Some(&**column);
        let mut strings = strings.iter().filter(|column| !is_label(column));
        let only = || match (strings.next(), strings.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            _ => None,
        };
        find(columns, "text").or_else(only).or_else(|| only_text_name(columns))
    }
}

/// `text`, or the only column with a name that texts have.
pub fn text_by_name(columns: &[Arc<str>]) -> Option<Arc<str>> {
    find(columns, "text").or_else(|| only_text_name(columns))
}

fn only_text_name(columns: &[Arc<str>]) -> Option<Arc<str>> {
    let is_of_texts = |column: &&Arc<str>| {
        let name = column.trim();
        name.eq_ignore_ascii_case("text") || TEXT_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let mut found = columns.iter().filter(is_of_texts);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(Arc::clone(only)),
        _ => None,
    }
}

/// The column with a name; one of a file without a header also by its number.
fn find(columns: &[Arc<str>], name: &str) -> Option<Arc<str>> {
    let named = columns.iter().find(|column| ***column == *name);
    let numbered = || columns.iter().find(|column| column.strip_prefix("column_") == Some(name));
    named.or_else(numbered).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arcs(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    fn settle(text: Option<&str>, columns: &[&str], strings: &[&str]) -> Result<String, TableError> {
        ColumnChoice { text: text.map(String::from), ..ColumnChoice::default() }
            .settle("f.csv", &arcs(columns), &arcs(strings))
            .map(|columns| columns.text.to_string())
    }

    #[test]
    fn the_text_column_is_the_named_one_else_text_else_the_only_one_of_strings() {
        assert_eq!(settle(Some("b"), &["a", "b", "text"], &["a", "b", "text"]).unwrap(), "b");
        assert_eq!(settle(None, &["a", "text"], &["a", "text"]).unwrap(), "text");
        assert_eq!(settle(None, &["id", "headline"], &["headline"]).unwrap(), "headline");
        assert_eq!(settle(None, &["source", "Headline"], &["source", "Headline"]).unwrap(), "Headline");
        assert_eq!(settle(Some("2"), &["column_1", "column_2"], &[]).unwrap(), "column_2");
        assert!(settle(None, &["headline", "title"], &["headline", "title"]).is_err());
    }

    #[test]
    fn the_label_column_is_not_the_only_column_of_strings() {
        let columns = arcs(&["headline", "label"]);
        let choice = ColumnChoice { label: Some("label".into()), ..ColumnChoice::default() };
        assert_eq!(&*choice.settle("f.csv", &columns, &columns).unwrap().text, "headline");
    }

    #[test]
    fn a_file_that_may_be_without_texts_is_read_without_naming_their_column() {
        let choice = ColumnChoice { is_text_optional: true, ..ColumnChoice::default() };
        let settle =
            |columns: &[&str]| choice.settle("f.csv", &arcs(columns), &arcs(columns)).unwrap().text.to_string();
        assert_eq!(settle(&["ticker", "label", "headline"]), "headline");
        assert_eq!(settle(&["ticker", "label"]), "ticker");
    }

    #[test]
    fn an_unclear_or_unknown_column_is_an_error_that_lists_the_columns() {
        for text in [Some("headlin"), None] {
            let error = settle(text, &["headline", "body"], &["headline", "body"]).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("`headline`, `body`"), "{error}");
        }
        let unknown = settle(Some("headlin"), &["headline", "body"], &[]).unwrap_err();
        assert!(unknown.to_string().ends_with("did you mean `headline`?"), "{unknown}");
    }
}
