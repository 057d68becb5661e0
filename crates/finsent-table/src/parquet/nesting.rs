//! Whether the columns of a group agree on where the group, and the lists above it, begin and are null.
//!
//! Each column of a struct, or of a list of structs, has the levels of its parents again. A reader builds the parents from one
//! column and the values from each, so columns that differ make a file that cannot be read, or is read wrongly.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use parquet::basic::Repetition;
use parquet::schema::types::{ColumnDescriptor, Type};

/// The parents of the columns that were read so far, with a hash of their levels.
#[derive(Debug, Default)]
pub(super) struct Nesting(HashMap<Vec<String>, u64>);

/// The parents of a column that it shares with others, while its levels are read.
pub(super) struct Parents(Vec<Parent>);

struct Parent {
    path: Vec<String>,
    /// The levels at which the parent is there, and at which it begins anew.
    definition: i16,
    repetition: i16,
    levels: DefaultHasher,
}

impl Parents {
    /// The parents of `column` in a schema.
    pub(super) fn of(column: &ColumnDescriptor, schema: &Type) -> Self {
        let names = column.path().parts();
        let mut parents = Vec::new();
        let (mut group, mut definition, mut repetition) = (schema, 0, 0);
        for length in 1..names.len() {
            let field = group.get_fields().iter().find(|field| field.name() == names[length - 1]);
            let Some(field) = field.filter(|field| !field.is_primitive()) else { break };
            definition += i16::from(field.get_basic_info().repetition() != Repetition::REQUIRED);
            repetition += i16::from(field.get_basic_info().repetition() == Repetition::REPEATED);
            if columns_of(field) > 1 {
                let path = names[..length].to_vec();
                parents.push(Parent { path, definition, repetition, levels: DefaultHasher::new() });
            }
            group = field;
        }
        Self(parents)
    }

    /// Adds the next `count` levels. Levels that a column does not have are 0.
    pub(super) fn add(&mut self, count: usize, definition: &[i16], repetition: &[i16]) {
        let level = |levels: &[i16], index: usize| levels.get(index).copied().unwrap_or(0);
        for parent in &mut self.0 {
            for index in 0..count {
                let repeated = level(repetition, index);
                if repeated <= parent.repetition {
                    (repeated, level(definition, index).min(parent.definition)).hash(&mut parent.levels);
                }
            }
        }
    }
}

impl Nesting {
    /// Adds a column, all of whose levels were read; false if it differs from one before.
    pub(super) fn agrees(&mut self, parents: Parents) -> bool {
        parents.0.into_iter().all(|Parent { path, levels, .. }| {
            let levels = levels.finish();
            *self.0.entry(path).or_insert(levels) == levels
        })
    }
}

/// The number of columns inside a field.
fn columns_of(field: &Type) -> usize {
    if field.is_primitive() { 1 } else { field.get_fields().iter().map(|field| columns_of(field)).sum() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    /// Whether two columns of a list of structs with these levels agree.
    fn agree(first: (&[i16], &[i16]), second: (&[i16], &[i16])) -> bool {
        let schema = "message row { optional group a (list) { repeated group list { optional group element {
            required int32 x; optional int32 y; } } } }";
        let schema = SchemaDescriptor::new(Arc::new(parse_message_type(schema).unwrap()));
        let mut nesting = Nesting::default();
        [first, second].into_iter().enumerate().all(|(column, (definition, repetition))| {
            let mut parents = Parents::of(&schema.column(column), schema.root_schema());
            parents.add(definition.len(), definition, repetition);
            nesting.agrees(parents)
        })
    }

    #[test]
    fn columns_of_a_struct_have_the_same_parents() {
        // [{x, y}, {x, no y}], null, [], [no struct].
        let x: (&[i16], &[i16]) = (&[3, 3, 0, 1, 2], &[0, 1, 0, 0, 0]);
        assert!(agree(x, (&[4, 3, 0, 1, 2], &[0, 1, 0, 0, 0])));
        for (definition, repetition) in [
            (&[4, 3, 0, 1, 4], &[0, 1, 0, 0, 0]),
            (&[4, 3, 0, 0, 2], &[0, 1, 0, 0, 0]),
            (&[4, 3, 0, 1, 2], &[0, 0, 0, 0, 0]),
        ] {
            assert!(!agree(x, (definition, repetition)), "{definition:?} {repetition:?}");
        }
        assert!(!agree(x, (&[4, 3, 0, 1], &[0, 1, 0, 0])));
    }

    #[test]
    fn a_column_without_levels_agrees_with_one_that_has_nulls() {
        let schema = "message row { required group a { required int32 x; optional int32 y; } }";
        let schema = SchemaDescriptor::new(Arc::new(parse_message_type(schema).unwrap()));
        let parents = |column: usize, definition: &[i16]| {
            let mut parents = Parents::of(&schema.column(column), schema.root_schema());
            parents.add(2, definition, &[]);
            parents
        };
        let mut nesting = Nesting::default();
        assert!(nesting.agrees(parents(0, &[])) && nesting.agrees(parents(1, &[1, 0])));
    }
}
