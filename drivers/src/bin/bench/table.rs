//! The table of figures with their targets.

use std::fmt::Write as _;

use billhook_drivers::Result;
use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The figure of the comparison: the floor, the disk, a smaller store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
    /// Whether the target is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) met: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// A figure's target.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    ValueAtLeast(f64),
    ValueAtMost(f64),
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            floor: None,
            ratio: None,
            target: None,
            met: None,
            note: String::new(),
        }
    }

    /// Adds the figure of the comparison.
    pub(crate) fn beside(self, floor: f64) -> Self {
        let ratio = self.value / floor;
        Self { floor: Some(floor), ratio: Some(ratio), ..self }
    }

    pub(crate) fn target(self, target: impl Into<Option<Target>>) -> Self {
        let target = target.into();
        let met = target.and_then(|target| match target {
            Target::RatioAtLeast(least) => self.ratio.map(|ratio| ratio >= least),
            Target::RatioAtMost(most) => self.ratio.map(|ratio| ratio <= most),
            Target::ValueAtLeast(least) => Some(self.value >= least),
            Target::ValueAtMost(most) => Some(self.value <= most),
        });
        Self { target, met, ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// Billhook's results and those of the comparison, measured in turns.
pub(crate) struct Pairs<A, B>(Vec<(A, B)>);

impl<A, B> Pairs<A, B> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Measures both, one after another; which comes first alternates.
    pub(crate) fn round(
        &mut self,
        ours: impl FnOnce() -> Result<A>,
        theirs: impl FnOnce() -> Result<B>,
    ) -> Result<()> {
        let pair = if self.0.len().is_multiple_of(2) {
            let theirs = theirs()?;
            (ours()?, theirs)
        } else {
            (ours()?, theirs()?)
        };
        self.0.push(pair);
        Ok(())
    }

    /// The median of a figure of Billhook.
    pub(crate) fn ours(&self, figure: impl Fn(&A) -> f64) -> f64 {
        median(self.0.iter().map(|(ours, _)| figure(ours)))
    }

    /// The median of a figure of the comparison.
    pub(crate) fn theirs(&self, figure: impl Fn(&B) -> f64) -> f64 {
        median(self.0.iter().map(|(_, theirs)| figure(theirs)))
    }

    /// Both medians, and the median of the rounds' ratios, which varies less than the ratio of the medians.
    pub(crate) fn row(
        &self,
        name: impl Into<String>,
        unit: &'static str,
        ours: impl Fn(&A) -> f64,
        theirs: impl Fn(&B) -> f64,
    ) -> Row {
        let ratio = median(self.0.iter().map(|(a, b)| ours(a) / theirs(b)));
        let floor = Some(self.theirs(theirs));
        Row { floor, ratio: Some(ratio), ..Row::new(name, self.ours(ours), unit) }
    }
}

/// The table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = "| what | Billhook | beside it | ratio | target | met | note |\n\
                    |---|--:|--:|--:|---|---|---|\n"
        .to_owned();
    for row in rows {
        let floor = row.floor.map_or_else(String::new, number);
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let target = row.target.map_or_else(String::new, |target| match target {
            Target::RatioAtLeast(least) => format!("ratio ≥ {least}"),
            Target::RatioAtMost(most) => format!("ratio ≤ {most}"),
            Target::ValueAtLeast(least) => format!("≥ {}", number(least)),
            Target::ValueAtMost(most) => format!("≤ {}", number(most)),
        });
        let met = row.met.map_or("", |met| if met { "yes" } else { "**no**" });
        let _ = writeln!(
            text,
            "| {} | {} {} | {floor} | {ratio} | {target} | {met} | {} |",
            row.name,
            number(row.value),
            row.unit,
            row.note
        );
    }
    text
}

/// A number with at least three digits, in groups.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    grouped(whole) + rest
}

fn grouped(whole: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A whole number, in groups.
pub(crate) fn whole(count: u64) -> String {
    grouped(&count.to_string())
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing here counts to 2^53")]
pub(crate) fn figure(count: u64) -> f64 {
    count as f64
}

/// The median of several figures; NaN of none.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = |at: usize| figures.get(at).copied().unwrap_or(f64::NAN);
    match figures.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => middle(odd / 2),
        even => f64::midpoint(middle(even / 2 - 1), middle(even / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown = [0.5, 12.34, 123.4, 1234.0, -1_234_567.0, 999_999.6].map(number);
        assert_eq!(shown, ["0.50", "12.3", "123", "1,234", "-1,234,567", "1,000,000"]);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }

    #[test]
    fn targets_are_judged_by_ratio_or_value() {
        let row = || Row::new("a", 50.0, "µs").beside(100.0);
        let met = |target| row().target(target).met;
        assert_eq!(met(Target::RatioAtLeast(0.5)), Some(true));
        assert_eq!(met(Target::RatioAtMost(0.4)), Some(false));
        assert_eq!(met(Target::ValueAtLeast(51.0)), Some(false));
        assert_eq!(met(Target::ValueAtMost(50.0)), Some(true));
        assert_eq!(Row::new("a", 1.0, "").target(Target::RatioAtMost(2.0)).met, None);
    }
}
