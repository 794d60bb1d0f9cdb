//! Sets of text columns: one list defines a record's columns, fields and names.

macro_rules! text_fields {
    (
        $(#[$field_doc:meta])+ $field_type:ident;
        $(#[$texts_doc:meta])+ $texts_type:ident;
        $($field:ident = $name:literal $(since $since:literal)?,)+
    ) => {
        $(#[$field_doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $field_type {
            $(#[doc = concat!("`", $name, "`")] $field),+
        }

        impl $field_type {
            /// The number of fields.
            pub const COUNT: usize = [$($name),+].len();

            /// Every text field, in the order of the columns.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$field),+];

            /// The field's name in imports and exports, and its column's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name),+
                }
            }
        }

        $(#[$texts_doc])+
        // One concatenated text: most fields are empty, and there may be many orders in memory.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $texts_type {
            all: String,
            /// The end of each text.
            ends: [usize; $field_type::COUNT],
        }

        impl Default for $texts_type {
            fn default() -> Self {
                Self { all: String::new(), ends: [0; $field_type::COUNT] }
            }
        }

        impl $texts_type {
            fn place(&self, field: $field_type) -> std::ops::Range<usize> {
                let end = |number: usize| self.ends.get(number).copied().unwrap_or_default();
                let number = field as usize;
                number.checked_sub(1).map_or(0, end)..end(number)
            }

            /// A field's text.
            pub fn get(&self, field: $field_type) -> &str {
                self.all.get(self.place(field)).unwrap_or_default()
            }

            /// Sets a field's text.
            pub fn set(&mut self, field: $field_type, text: impl AsRef<str>) {
                let (place, text) = (self.place(field), text.as_ref());
                for end in self.ends.iter_mut().skip(field as usize) {
                    *end = *end - place.len() + text.len();
                }
                self.all.replace_range(place, text);
            }
        }

        impl crate::table::Stores for $texts_type {
            const COLUMNS: &'static [crate::table::Columns] = &[$(crate::table::Columns::one::<String>($name)$(.since($since))?),+];

            fn args<'a>(&'a self, args: &mut Vec<crate::Arg<'a>>) {
                let starts = std::iter::once(0).chain(self.ends);
                let texts = starts.zip(self.ends).map(|(start, end)| self.all.get(start..end).unwrap_or_default());
                args.extend(texts.map(crate::Arg::from));
            }

            fn read(reader: &mut crate::table::Reader<'_>) -> Result<Self, crate::Error> {
                let mut texts = Self::default();
                for end in &mut texts.ends {
                    texts.all.push_str(reader.text()?);
                    *end = texts.all.len();
                }
                Ok(texts)
            }
        }
    };
}

pub(crate) use text_fields;
