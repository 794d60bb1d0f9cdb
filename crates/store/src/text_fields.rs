//! Sets of text columns: one list of a record's texts, from which its columns, its fields and their names come.

macro_rules! text_fields {
    (
        $(#[$field_doc:meta])+ $field_type:ident;
        $(#[$texts_doc:meta])+ $texts_type:ident;
        $($(#[$doc:meta])+ $field:ident = $name:literal,)+
    ) => {
        $(#[$field_doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $field_type {
            $($(#[$doc])+ $field),+
        }

        impl $field_type {
            /// How many there are.
            pub const COUNT: usize = [$($name),+].len();

            /// Every text field, in the order of the columns.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$field),+];

            /// The field's name in imports and exports, and its column.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name),+
                }
            }
        }

        $(#[$texts_doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $texts_type([String; $field_type::COUNT]);

        impl Default for $texts_type {
            fn default() -> Self {
                Self([const { String::new() }; $field_type::COUNT])
            }
        }

        impl $texts_type {
            /// A field's text.
            pub fn get(&self, field: $field_type) -> &str {
                self.0.get(field as usize).map_or("", String::as_str)
            }

            /// Sets a field's text.
            pub fn set(&mut self, field: $field_type, text: impl Into<String>) {
                if let Some(place) = self.0.get_mut(field as usize) {
                    *place = text.into();
                }
            }

            /// Takes a field's text out.
            pub fn take(&mut self, field: $field_type) -> String {
                self.0.get_mut(field as usize).map(std::mem::take).unwrap_or_default()
            }

            /// The texts, in the order of the columns.
            pub(crate) fn columns(&self) -> impl Iterator<Item = crate::Arg<'_>> {
                self.0.iter().map(crate::Arg::from)
            }

            /// The texts of a row, from a column on.
            pub(crate) fn read(row: &dyn crate::Row, first: usize) -> Result<Self, crate::Error> {
                let mut texts = Self::default();
                for (column, text) in (first..).zip(&mut texts.0) {
                    row.text(column)?.clone_into(text);
                }
                Ok(texts)
            }
        }
    };
}

pub(crate) use text_fields;
