//! Countries (section 10).

/// A country's name from its ISO code; other texts stay as they are.
pub(super) fn country(code: &str) -> String {
    let code = code.trim();
    let upper = code.to_ascii_uppercase();
    let found = rust_iso3166::from_alpha2(&upper).or_else(|| rust_iso3166::from_alpha3(&upper));
    found.map_or_else(|| code.to_owned(), |country| country.name.to_owned())
}
