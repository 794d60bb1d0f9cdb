//! Reports: an account's orders and income of a time, in steps, beside the time before it.
//!
//! Orders count when they were created, money when it came in (`income`). No sums are kept anywhere: each report reads covering
//! indexes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use billhook_wire::{GoodId, Money, PayStatus};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};

use crate::{AccountId, Arg, Error, Sql, Tx, orders::income};

/// A report has at most so many steps.
pub const STEPS_MAX: usize = 400;
/// What nobody has chosen steps for has no more than so many, or months.
const SHORT_STEPS: usize = 62;
/// Without dates so many days are reported.
const DAYS: i64 = 30;
/// As many products, channels and so on are listed; the others are one line.
pub const GROUPS_MAX: usize = 50;
/// A longer name of a channel, a coupon or a partner is cut.
pub const NAME_CHARS_MAX: usize = 100;

/// How long a step of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A day.
    Day,
    /// From Monday on.
    Week,
    /// A month.
    Month,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The step with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// The days of a report, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    first: Date,
    last: Date,
    step: Step,
}

impl Period {
    /// From a day to a day, both included; none where that is backwards, out of the range of times, or too many steps.
    pub fn new(first: Date, last: Date, step: Step) -> Option<Self> {
        let period = Self { first, last, step };
        let is_in_range = first <= last && first.year() >= 1970 && last.year() < 9999;
        // The least that a step may be: a month can be cut at both ends.
        let days = match step {
            Step::Day => 1,
            Step::Week => 7,
            Step::Month => 28,
        };
        let most = usize::try_from(period.days() / days).is_ok_and(|steps| steps <= STEPS_MAX);
        (is_in_range && most && period.steps().len() <= STEPS_MAX).then_some(period)
    }

    /// What somebody asks for: without days the last thirty, without a step the shortest whose steps can still be told apart.
    pub fn asked(first: Option<Date>, last: Option<Date>, step: Option<Step>, today: Date) -> Option<Self> {
        let last = last.unwrap_or_else(|| today.max(first.unwrap_or(today)));
        let first = first.unwrap_or_else(|| last.saturating_sub((DAYS - 1).days()));
        let periods = Step::ALL.into_iter().filter_map(|step| Self::new(first, last, step));
        periods.filter(|period| step.is_none_or(|step| step == period.step)).find(|period| {
            step.is_some() || period.step == Step::Month || period.steps().len() <= SHORT_STEPS
        })
    }

    /// The first and the last day.
    pub fn ends(&self) -> (Date, Date) {
        (self.first, self.last)
    }

    /// Its steps.
    pub fn step(&self) -> Step {
        self.step
    }

    fn days(&self) -> i64 {
        self.first.duration_until(self.last).as_hours() / 24 + 1
    }

    /// How many whole months it is.
    fn months(&self) -> Option<i64> {
        let Self { first, last, .. } = self;
        let count = |day: &Date| i64::from(day.year()) * 12 + i64::from(day.month());
        (first.day() == 1 && *last == last.last_of_month()).then(|| count(last) - count(first) + 1)
    }

    /// The time before it: as many months where it is whole months, else as many days.
    pub fn earlier(&self) -> (Date, Date) {
        (self.before(self.first), self.first.saturating_sub(1.day()))
    }

    /// The day that stands for a day of this period in the one before it. One that a shorter month lacks is the day behind that month.
    fn before(&self, day: Date) -> Date {
        let Some(months) = self.months() else { return day.saturating_sub(self.days().days()) };
        let before = day.saturating_sub(months.months());
        if before.day() == day.day() { before } else { before.saturating_add(1.day()) }
    }

    /// The first and the last day of each step.
    fn steps(&self) -> Vec<(Date, Date)> {
        let mut steps = Vec::new();
        let mut first = self.first;
        while first <= self.last {
            let last = match self.step {
                Step::Day => first,
                Step::Week => {
                    first.saturating_add((6 - i64::from(first.weekday().to_monday_zero_offset())).days())
                }
                Step::Month => first.last_of_month(),
            };
            steps.push((first, last.min(self.last)));
            first = last.saturating_add(1.day());
        }
        steps
    }
}

/// The first second of a day.
fn begin(day: Date, zone: &TimeZone) -> i64 {
    let time = day.at(0, 0, 0, 0).to_zoned_datetime(zone.clone());
    time.map_or(i64::MAX, |time| time.timestamp().as_second())
}

/// The numbers of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Orders that were created.
    pub orders: u64,
    /// Those of them that wait for their payment.
    pub waiting: u64,
    /// Those of them that wait, and are paid in part.
    pub prepaid: u64,
    /// Those of them that are paid.
    pub paid: u64,
    /// What came in.
    pub income: Money,
    /// What was given back.
    pub refunds: Money,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        let Self { orders, waiting, prepaid, paid, income, refunds } = other;
        self.orders += orders;
        self.waiting += waiting;
        self.prepaid += prepaid;
        self.paid += paid;
        self.income = self.income + *income;
        self.refunds = self.refunds + *refunds;
    }
}

/// A step of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its first and its last day.
    pub days: (Date, Date),
    /// Its numbers.
    pub sums: Sums,
    /// The same of the period before.
    pub earlier: Sums,
}

/// The orders of a product, a channel, a coupon or a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name as one of the orders has it.
    pub name: String,
    /// The product's number; else 0.
    pub good: GoodId,
    /// Its orders.
    pub orders: u64,
    /// Those of them that are paid.
    pub paid: u64,
    /// What the paid ones cost.
    pub sum: Money,
}

impl Group {
    fn add(&mut self, is_paid: bool, sum: Money) {
        self.orders += 1;
        if is_paid {
            self.paid += 1;
            self.sum = self.sum + sum;
        }
    }
}

/// The orders by product and so on: those with the highest sums, and the others in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// The first ones.
    pub first: Vec<Group>,
    /// How many others there are.
    pub others: usize,
    /// The numbers of the others together.
    pub rest: Group,
}

impl Groups {
    fn of(groups: impl IntoIterator<Item = Group>) -> Self {
        let mut first: Vec<Group> = groups.into_iter().collect();
        first.sort_by(|one, other| {
            let key = |group: &Group| (Reverse(group.sum), Reverse(group.orders));
            key(one).cmp(&key(other)).then_with(|| (&one.name, one.good).cmp(&(&other.name, other.good)))
        });
        let others = first.split_off(first.len().min(GROUPS_MAX));
        let mut rest = Group::default();
        for group in &others {
            rest.orders += group.orders;
            rest.paid += group.paid;
            rest.sum = rest.sum + group.sum;
        }
        Self { first, others: others.len(), rest }
    }
}

/// Orders by name, whatever the letter case. Those without a name are not counted.
#[derive(Default)]
struct ByName(HashMap<String, Group>);

impl ByName {
    fn add(&mut self, name: &str, is_paid: bool, sum: Money) {
        if !name.is_empty() {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            let group = self.0.entry(name.to_lowercase());
            group.or_insert_with(|| Group { name, ..Group::default() }).add(is_paid, sum);
        }
    }

    fn groups(self) -> Groups {
        Groups::of(self.0.into_values())
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its steps.
    pub buckets: Vec<Bucket>,
    /// The numbers of the whole period.
    pub total: Sums,
    /// Those of the period before.
    pub earlier: Sums,
    /// By the orders' products.
    pub products: Groups,
    /// By `utm_source`.
    pub channels: Groups,
    /// By coupon.
    pub coupons: Groups,
    /// By partner, of either level.
    pub partners: Groups,
}

const ORDERS: Sql = Sql::new(
    "reports.orders",
    "SELECT created, order_id, pay_status, price, received, utm_source, kupon, aff, aff_name, paff, paff_name FROM orders
      WHERE account_id = $1 AND deleted = 0 AND created >= $2 AND created <= $3",
);

/// The report of a period, whose days are those of a time zone.
pub fn report(
    tx: &mut Tx<'_>,
    account: AccountId,
    period: &Period,
    zone: &TimeZone,
) -> Result<Report, Error> {
    let steps = period.steps();
    // The steps of both periods follow each other without a gap.
    let firsts =
        steps.iter().map(|(first, _)| period.before(*first)).chain(steps.iter().map(|(first, _)| *first));
    let begins: Vec<i64> = firsts.map(|day| begin(day, zone)).collect();
    let ends = (
        begins.first().copied().unwrap_or(0),
        begin(period.last.saturating_add(1.day()), zone).saturating_sub(1),
    );
    let place = |at: i64| begins.partition_point(|begin| *begin <= at).saturating_sub(1);
    let mut sums = vec![Sums::default(); begins.len()];
    let [mut channels, mut coupons, mut partners] = [(); 3].map(|()| ByName::default());
    // The period's own orders, and whether they are paid.
    let mut orders: HashMap<i64, bool> = HashMap::new();
    tx.rows(&ORDERS, &[account.0.into(), ends.0.into(), ends.1.into()], |row| {
        let (at, status) = (place(row.int(0)?), row.text(2)?);
        let (is_paid, is_waiting) =
            (status == PayStatus::Paid.as_str(), status == PayStatus::Waiting.as_str());
        let Some(sums) = sums.get_mut(at) else { return Ok(()) };
        sums.orders += 1;
        sums.paid += u64::from(is_paid);
        sums.waiting += u64::from(is_waiting);
        sums.prepaid += u64::from(is_waiting && row.int(4)? > 0);
        if at < steps.len() {
            return Ok(());
        }
        let price = Money::from_kopecks(row.int(3)?);
        orders.insert(row.int(1)?, is_paid);
        channels.add(row.text(5)?, is_paid, price);
        coupons.add(row.text(6)?, is_paid, price);
        let [one, other] = [(7, 8), (9, 10)].map(|(number, login)| {
            row.text(login).and_then(|name| if name.is_empty() { row.text(number) } else { Ok(name) })
        });
        let (one, other) = (one?, other?);
        partners.add(one, is_paid, price);
        if one.to_lowercase() != other.to_lowercase() {
            partners.add(other, is_paid, price);
        }
        Ok::<(), Error>(())
    })?;
    income::each_between(tx, account, ends, |_, payment| {
        let Some(sums) = sums.get_mut(place(payment.received)) else { return };
        sums.income = sums.income + payment.sum.max(Money::ZERO);
        sums.refunds = sums.refunds - payment.sum.min(Money::ZERO);
    })?;
    let products = products(tx, account, &orders)?;
    let (earlier, own) = sums.split_at(steps.len());
    let total = |sums: &[Sums]| {
        sums.iter().fold(Sums::default(), |mut total, sums| {
            total.add(sums);
            total
        })
    };
    let buckets = steps.iter().zip(own).zip(earlier);
    let buckets =
        buckets.map(|((days, sums), earlier)| Bucket { days: *days, sums: *sums, earlier: *earlier });
    Ok(Report {
        buckets: buckets.collect(),
        total: total(own),
        earlier: total(earlier),
        products,
        channels: channels.groups(),
        coupons: coupons.groups(),
        partners: partners.groups(),
    })
}

const VERSIONS: Sql = Sql::new(
    "reports.versions",
    "SELECT version_id, good_id, good_title FROM product_versions WHERE account_id = $1 ORDER BY version_id",
);
const LINES: Sql = Sql::new(
    "reports.lines",
    "SELECT order_id, sum FROM order_lines
      WHERE account_id = $1 AND version_id = $2 AND order_id >= $3 AND order_id <= $4",
);

/// A product in the orders of a report.
#[derive(Default)]
struct Ordered {
    /// As its newest version has it.
    title: String,
    orders: Vec<i64>,
    /// What its lines cost in the paid ones.
    sum: Money,
}

/// These orders by product. Numbers rise with the time, so each version's lines between the lowest and the highest are read.
fn products(tx: &mut Tx<'_>, account: AccountId, orders: &HashMap<i64, bool>) -> Result<Groups, Error> {
    let (Some(lowest), Some(highest)) = (orders.keys().min(), orders.keys().max()) else {
        return Ok(Groups::default());
    };
    let mut goods: BTreeMap<GoodId, Ordered> = BTreeMap::new();
    let (mut of, mut args): (Vec<GoodId>, Vec<Vec<Arg<'_>>>) = (Vec::new(), Vec::new());
    tx.rows(&VERSIONS, &[account.0.into()], |row| {
        let (version, good) = (row.int(0)?, GoodId(row.int(1)?));
        goods.entry(good).or_default().title = row.text(2)?.chars().take(NAME_CHARS_MAX).collect();
        of.push(good);
        args.push(vec![account.0.into(), version.into(), (*lowest).into(), (*highest).into()]);
        Ok::<(), Error>(())
    })?;
    tx.rows_each(&LINES, &args, |at, row| {
        let id = row.int(0)?;
        let good = of.get(at).and_then(|good| goods.get_mut(good));
        if let (Some(is_paid), Some(good)) = (orders.get(&id), good) {
            good.orders.push(id);
            if *is_paid {
                good.sum = good.sum + Money::from_kopecks(row.int(1)?);
            }
        }
        Ok(())
    })?;
    let groups =
        goods.into_iter().filter(|(_, ordered)| !ordered.orders.is_empty()).map(|(good, mut ordered)| {
            ordered.orders.sort_unstable();
            ordered.orders.dedup();
            let paid =
                ordered.orders.iter().filter(|id| orders.get(id).is_some_and(|is_paid| *is_paid)).count();
            Group {
                name: ordered.title,
                good,
                orders: ordered.orders.len() as u64,
                paid: paid as u64,
                sum: ordered.sum,
            }
        });
    Ok(Groups::of(groups))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&ORDERS, &VERSIONS, &LINES];
