//! "Did you mean": which of the known names was meant.

/// The known name with a slip of the pen in it, or the only one of which this is a part or the other way round (`name` of an item is
/// `good_name`). Letter case does not matter.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    // The comparison's cost grows with the length, and no known name is half so long.
    let name: String = name.trim().chars().take(40).collect::<String>().to_lowercase();
    let slips = name.chars().count().div_ceil(4).min(2);
    let slip = known
        .clone()
        .map(|known| (strsim::damerau_levenshtein(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= slips && *distance < known.len())
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, known)) = slip {
        return Some(known);
    }
    let mut parts = known.filter(|known| is_part(&name, known) || is_part(known, &name));
    parts.next().filter(|_| parts.next().is_none())
}

/// Whether all words of `part` stand in `whole`. What is shorter than four letters may stand anywhere by chance.
fn is_part(part: &str, whole: &str) -> bool {
    part.len() >= 4 && part.split(['_', '-']).all(|word| whole.contains(word))
}
