//! Reads form bodies as PHP reads them into `$_POST` (decisions 42, 43, 57 and 60).
//!
//! The caller's signature covers what PHP would see, so PHP's reading counts in every detail. Dots in names
//! become underscores; brackets make arrays; of two equal names the last value counts, at the first one's
//! position. Names and values are byte strings, since PHP checks no encoding here. Reading takes linear time
//! for any body.

mod array;
pub(crate) mod de;
mod multipart;
mod name;
mod urlencoded;

use std::{fmt, ops::Range};

pub use array::{Array, Key, Value};
pub use de::{Error as FieldError, Fault};
pub(crate) use urlencoded::decode;

/// How many variables PHP reads (`max_input_vars`); of a urlencoded body it keeps one more (decision 60).
pub const MAX_VARIABLES: usize = 1000;

/// How many pairs of brackets a name may have (`max_input_nesting_level`).
pub const MAX_BRACKETS: usize = 64;

/// A form, read as PHP reads it into `$_POST`.
///
/// Text that needs no decoding is borrowed from the body.
#[derive(Clone, Default)]
pub struct Form<'a> {
    fields: Array<'a>,
    over_limit: bool,
    hash_pairs: Vec<Range<usize>>,
}

impl<'a> Form<'a> {
    /// Parses a body of type `application/x-www-form-urlencoded`.
    pub fn urlencoded(body: &'a [u8]) -> Self {
        urlencoded::read(body)
    }

    /// Parses a body of type `multipart/form-data`. `content_type` is the whole header, with the boundary.
    pub fn multipart(content_type: &[u8], body: &'a [u8]) -> Self {
        multipart::read(content_type, body)
    }

    /// The variables that a client of cURL meant which passed an array with lists (decision 54).
    pub(crate) fn multipart_with_lists(content_type: &[u8], body: &'a [u8]) -> Array<'a> {
        multipart::with_lists(content_type, body)
    }

    /// The variables.
    pub fn fields(&self) -> &Array<'a> {
        &self.fields
    }

    /// Reads a value like a method's parameters: empty variables count as absent, unknown ones are skipped.
    pub fn read<'f, T: serde::Deserialize<'f>>(&'f self) -> Result<T, FieldError> {
        de::parameters(&self.fields, &[])
    }

    /// Whether the form exceeds one of PHP's limits, so that PHP would silently drop a part.
    pub fn over_limit(&self) -> bool {
        self.over_limit
    }

    /// The positions, in a urlencoded body, of the pairs that PHP reads into the variable `hash`.
    pub(crate) fn hash_pairs(&self) -> &[Range<usize>] {
        &self.hash_pairs
    }
}

impl fmt::Debug for Form<'_> {
    /// Shows no names and values: they are customers' data and credentials, and any body parses as one name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("fields", &self.fields.len())
            .field("over_limit", &self.over_limit)
            .finish_non_exhaustive()
    }
}
