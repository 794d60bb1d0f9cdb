//! Form bodies as PHP reads them into `$_POST` (decisions 42, 43, 57 and 60).
//!
//! The caller's signature covers what PHP would see, so what PHP would see is what counts, down to its oddities: dots in
//! names become underscores, the last of two equal names wins at the place of the first, brackets make arrays. Names and
//! values are byte strings throughout, since PHP never checks an encoding here. Reading takes time linear in the body,
//! whatever the body is.

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
    /// Reads a body of type `application/x-www-form-urlencoded`.
    pub fn urlencoded(body: &'a [u8]) -> Self {
        urlencoded::read(body)
    }

    /// Reads a body of type `multipart/form-data`; the boundary stands in `content_type`, the header's whole value.
    pub fn multipart(content_type: &[u8], body: &'a [u8]) -> Self {
        multipart::read(content_type, body)
    }

    /// The variables that a client of cURL had in mind who gave it an array with lists in it (decision 54).
    pub(crate) fn multipart_with_lists(content_type: &[u8], body: &'a [u8]) -> Array<'a> {
        multipart::with_lists(content_type, body)
    }

    /// The variables.
    pub fn fields(&self) -> &Array<'a> {
        &self.fields
    }

    /// Reads a value out of the variables, as a method's parameters are read: empty ones are as if absent, and strange ones are passed
    /// over.
    pub fn read<'f, T: serde::Deserialize<'f>>(&'f self) -> Result<T, FieldError> {
        de::parameters(&self.fields, &[])
    }

    /// Whether one of PHP's limits was passed, so that PHP would have dropped something silently.
    pub fn over_limit(&self) -> bool {
        self.over_limit
    }

    /// Where in a urlencoded body the pairs stand that PHP reads into the variable `hash`, in order.
    pub(crate) fn hash_pairs(&self) -> &[Range<usize>] {
        &self.hash_pairs
    }
}

impl fmt::Debug for Form<'_> {
    /// Neither names nor values: they are customers' data and credentials, and what is no form reads as one long name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("fields", &self.fields.len())
            .field("over_limit", &self.over_limit)
            .finish_non_exhaustive()
    }
}
