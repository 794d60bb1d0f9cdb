//! `billhook report`: orders and money of a time, as the cabinet's first page shows them.

use std::{fmt::Write as _, io::Write as _};

use billhook_store::orders::reports::{self, Group, Groups, Period, Report as Reported, Step, Sums};
use clap::{Args, builder::PossibleValuesParser};
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};

use super::resource::Report;
use crate::{
    failure::Failure,
    options::{
        everywhere::Everywhere,
        time::{TimeOption, now},
    },
    terminal::output::{for_terminal, json_line, stdout},
};

/// Report orders and income by day, week or month
///
/// Orders count on the day when they were created, money on the day when it came in or was given back. The same numbers of the time
/// before stand beside them: as many days, or for whole months as many months. Days are those of the account's time_zone. Deleted
/// orders are left out. With --json, there are also the orders by product, channel (utm_source), coupon and partner.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
#[command(after_help = "\
Examples:
  billhook report --account shop
  billhook report --account shop --from 01.01.2026 --until 31.12.2026 --by month --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    report: Report,
    /// The first day [default: 29 days before the last one]
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DATE", value_parser = day)]
    until: Option<Date>,
    /// How long a step is [default: day, or longer if there were many]
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(Step::ALL.map(Step::as_str)))]
    by: Option<String>,
}

fn day(text: &str) -> Result<Date, String> {
    match TimeOption::parse(text) {
        Ok(TimeOption::Day(day)) => Ok(day),
        _ => Err("a day is 31.12.2024 or 2024-12-31".to_owned()),
    }
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let step = self.by.as_deref().and_then(Step::parse);
        let (period, reported) = self.report.open(everywhere)?.read(|tx, account| {
            let zone = &account.settings.time_zone;
            let today = Timestamp::from_second(now()).unwrap_or_default().to_zoned_datetime(zone.clone()).date();
            let period = Period::asked(self.from, self.until, step, today).ok_or_else(|| {
                Failure::usage(format!(
                    "there is no report of these days: --until must not be before --from, and there are at most {} steps",
                    reports::STEPS_MAX
                ))
            })?;
            Ok((period, reports::report(tx, account.id, &period, zone)?))
        })?;
        let mut out = stdout();
        if self.report.json {
            return json_line(&mut out, &whole(&period, &reported));
        }
        let columns = ["from", "until", "orders", "waiting", "prepaid", "paid", "income", "refunds"];
        writeln!(out, "{}", line(columns.map(str::to_owned)))?;
        for bucket in &reported.buckets {
            writeln!(out, "{}", line(cells(bucket.days, &bucket.sums)))?;
        }
        writeln!(out, "{}", line(cells(period.ends(), &reported.total)))?;
        writeln!(out, "{}", line(cells(period.earlier(), &reported.earlier)))?;
        Ok(out.flush()?)
    }
}

fn cells(days: (Date, Date), sums: &Sums) -> [String; 8] {
    let Sums { orders, waiting, prepaid, paid, income, refunds } = sums;
    let [orders, waiting, prepaid, paid] = [orders, waiting, prepaid, paid].map(ToString::to_string);
    let [income, refunds] = [income, refunds].map(ToString::to_string);
    [days.0.to_string(), days.1.to_string(), orders, waiting, prepaid, paid, income, refunds]
}

fn line([from, until, rest @ ..]: [String; 8]) -> String {
    let mut line = format!("{from:10}  {until:10}");
    for cell in rest {
        let _ = write!(line, "  {cell:>12}");
    }
    for_terminal(&line)
}

fn whole(period: &Period, reported: &Reported) -> Value {
    let Reported { buckets, total, earlier, products, channels, coupons, partners } = reported;
    let steps = buckets.iter().map(|bucket| part(bucket.days, &bucket.sums, &sums(&bucket.earlier)));
    json!({
        "by": period.step().as_str(),
        "total": part(period.ends(), total, &part(period.earlier(), earlier, &Value::Null)),
        "steps": steps.collect::<Vec<_>>(),
        "products": groups(products),
        "channels": groups(channels),
        "coupons": groups(coupons),
        "partners": groups(partners),
    })
}

fn part((from, until): (Date, Date), of: &Sums, earlier: &Value) -> Value {
    json!({"from": from.to_string(), "until": until.to_string(), "sums": sums(of), "earlier": earlier})
}

fn sums(Sums { orders, waiting, prepaid, paid, income, refunds }: &Sums) -> Value {
    json!({"orders": orders, "waiting": waiting, "prepaid": prepaid, "paid": paid, "income": income, "refunds": refunds})
}

/// The last one may be all others together, which have no name.
fn groups(groups: &Groups) -> Vec<Value> {
    let group = |Group { name, good, orders, paid, sum }: &Group| {
        let (id, name) = ((good.0 != 0).then_some(good), (!name.is_empty()).then_some(name));
        json!({"id": id, "name": name, "orders": orders, "paid": paid, "sum": sum})
    };
    groups.first.iter().chain((groups.others > 0).then_some(&groups.rest)).map(group).collect()
}
