//! Floats as PHP writes them.

/// Like `json_encode`: the shortest text that reads back, `1.0e+17` from 1e17 on.
pub(super) fn to_json(float: f64) -> String {
    let shortest = format!("{float:e}");
    // If two shortest texts are equally near, Rust takes the upper one and PHP the even one. With a fixed
    // number of digits Rust takes the even one too, but next to a power of two that text may not read back.
    let behind_point = shortest.split_once('e').map_or(0, |(mantissa, _)| {
        mantissa.split_once('.').map_or(0, |(_, behind_point)| behind_point.len())
    });
    let even = format!("{float:.behind_point$e}");
    layout(if even.parse() == Ok(float) { &even } else { &shortest }, 17, 'e')
}

/// Like a cast to text and `http_build_query`: 14 digits, `1.0E+15` from 1e14 on.
pub(crate) fn to_query(float: f64) -> String {
    if float.is_nan() {
        return "NAN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    let scientific = format!("{float:.13e}");
    // At an exact tie PHP leaves trailing zeros: in a whole number with one digit more than it keeps.
    let size = float.abs();
    if (1e14..1e15).contains(&size) && size.rem_euclid(100.0).to_bits() == 5.0_f64.to_bits() {
        return scientific.replace("e14", "E+14");
    }
    layout(&scientific, 14, 'E')
}

/// Formats a number that Rust wrote as `-1.25e-7`, with at most `digits` places before the point.
fn layout(scientific: &str, digits: i32, letter: char) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (first, others) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let others = others.trim_end_matches('0');
    if exponent < -4 || exponent >= digits {
        let others = if others.is_empty() { "0" } else { others };
        return format!("{sign}{first}.{others}{letter}{exponent:+}");
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        return format!("{sign}0.{zeros}{first}{others}");
    }
    let whole = usize::try_from(exponent).unwrap_or_default();
    match others.split_at_checked(whole) {
        Some((before, "")) => format!("{sign}{first}{before}"),
        Some((before, behind)) => format!("{sign}{first}{before}.{behind}"),
        None => format!("{sign}{first}{others:0<whole$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_in_json() {
        for (float, text) in [
            (1.0, "1"),
            (3900.0, "3900"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "-0"),
            (1e16, "10000000000000000"),
            (1e17, "1.0e+17"),
            (1.25e25, "1.25e+25"),
            (0.0001, "0.0001"),
            (1e-5, "1.0e-5"),
            (-123.456, "-123.456"),
            (2.0_f64.powi(-44), "5.684341886080802e-14"),
            (5e-324, "5.0e-324"),
        ] {
            assert_eq!(to_json(float), text);
        }
    }

    #[test]
    fn floats_in_queries() {
        for (float, text) in [
            (1.0, "1"),
            (0.1 + 0.2, "0.3"),
            (1e15, "1.0E+15"),
            (1e-5, "1.0E-5"),
            (-0.0, "-0"),
            (f64::INFINITY, "INF"),
            (100_000_000_000_005.0, "1.0000000000000E+14"),
            (-805_368_161_005_905.0, "-8.0536816100590E+14"),
            (100_000_000_000_004.0, "1.0E+14"),
            (100_000_000_000_015.0, "1.0000000000002E+14"),
            (999_999_999_999_995.0, "1.0E+15"),
        ] {
            assert_eq!(to_query(float), text);
        }
    }
}
