//! When a delivery that failed is tried again.

use rand::RngExt as _;

/// The waits after each failed try, in seconds. After the last try there is none: 76 hours have passed.
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Waits vary by a fifth, so that receivers that were away do not get all at once.
const JITTER: std::ops::RangeInclusive<f64> = 0.8..=1.2;

/// How long to wait after so many failed tries, in seconds; `None`: it is given up.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "these are days at most")]
pub(super) fn wait(tries: u32) -> Option<i64> {
    let at = usize::try_from(tries.saturating_sub(1)).ok()?;
    let seconds = *WAITS.get(at)?;
    Some((seconds as f64 * rand::rng().random_range(JITTER)).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_take_three_days() {
        let mut passed = 0;
        for tries in 1..=9 {
            let waits: Vec<_> = (0..100).filter_map(|_| wait(tries)).collect();
            assert_eq!(waits.len(), 100);
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(least < most && most * 2 <= least * 3 + 2, "{tries}: {least} to {most}");
            passed += waits.iter().sum::<i64>() / 100;
        }
        assert!((70..=82).contains(&(passed / 3600)), "{passed}");
        assert_eq!(wait(10), None);
        assert!((4..=6).contains(&wait(1).unwrap()));
    }
}
