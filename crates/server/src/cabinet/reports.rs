//! Reports, the page that the cabinet opens with: orders and money of a time, beside the time before it. Each number and each bar
//! leads to its orders.

use std::sync::Arc;

use billhook_store::orders::reports::{
    self, Bucket, Group, Groups, NAME_CHARS_MAX, Period, Report, Step, Sums,
};
use billhook_wire::{Money, query};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use maud::{Markup, html};

use super::{
    alarm::alarm,
    frame::{self, HOME},
    language::{Language, words},
    orders,
    visit::{Context, Shown},
};
use crate::failure::Failure;

words! {
    title: "Отчёты", "Reports";
    what: "Заказы считаются по дате создания, деньги по дате поступления. Нажмите на число, чтобы открыть эти заказы.",
        "Orders count when they were created, money when it came in. Click a number to open its orders.";
    from: "С", "From";
    to: "По", "To";
    step: "Разбивка", "Split";
    by_day: "по дням", "by day";
    by_week: "по неделям", "by week";
    by_month: "по месяцам", "by month";
    show: "Показать", "Show";
    today: "Сегодня", "Today";
    days: "30 дней", "30 days";
    this_month: "Этот месяц", "This month";
    last_month: "Прошлый месяц", "Last month";
    this_year: "Этот год", "This year";
    wrong: "Отчёта за такое время нет: проверьте даты или разбейте крупнее.",
        "There is no report of such a time: check the dates, or split it more coarsely.";
    whole: "Итого", "Total";
    change: "Изменение", "Change";
    when: "Когда", "When";
    orders: "Заказы", "Orders";
    waiting: "Ждут оплаты", "Awaiting payment";
    prepaid: "Из них с предоплатой", "Of these, paid in part";
    paid: "Оплачены", "Paid";
    income: "Поступило", "Income";
    refunds: "Возвращено", "Refunds";
    bars: "Бледный столбик: предыдущий период.", "The pale bar is the period before.";
    in_steps: "Все столбики числами", "All bars as numbers";
    products: "По товарам", "By product";
    product: "Товар", "Product";
    channels: "По каналам", "By channel";
    channel: "Канал (utm_source)", "Channel (utm_source)";
    coupons: "По купонам", "By coupon";
    coupon: "Купон", "Coupon";
    partners: "По партнёрам", "By partner";
    partner: "Партнёр", "Partner";
    sum: "Сумма оплаченных", "Sum of the paid ones";
    others: "Остальные", "Others";
    none: "Нет ни одного.", "There are none.";
    made: "Посчитано в", "Counted at";
    minute: "отчёт обновляется раз в минуту.", "a report is kept for a minute.";
}

/// A number of a report: its name, its orders in the list, and how it is got and shown.
struct Figure {
    name: fn(&Words) -> &'static str,
    query: &'static str,
    of: fn(&Sums) -> i64,
    shown: fn(Language, i64) -> String,
}

const FIGURES: [Figure; 6] = [
    Figure {
        name: |words| words.orders,
        query: "",
        of: |sums| sums.orders.cast_signed(),
        shown: Language::number,
    },
    Figure {
        name: |words| words.waiting,
        query: "&status=waiting",
        of: |sums| sums.waiting.cast_signed(),
        shown: Language::number,
    },
    Figure {
        name: |words| words.prepaid,
        query: "&status=prepaid",
        of: |sums| sums.prepaid.cast_signed(),
        shown: Language::number,
    },
    Figure {
        name: |words| words.paid,
        query: "&status=paid",
        of: |sums| sums.paid.cast_signed(),
        shown: Language::number,
    },
    Figure {
        name: |words| words.income,
        query: "&by=income",
        of: |sums| sums.income.kopecks(),
        shown: money,
    },
    Figure {
        name: |words| words.refunds,
        query: "&by=refunds",
        of: |sums| sums.refunds.kopecks(),
        shown: money,
    },
];

/// The figures that have a chart: orders and income.
const CHARTS: [usize; 2] = [0, 4];

fn money(language: Language, kopecks: i64) -> String {
    language.money(Money::from_kopecks(kopecks))
}

type Days = (Date, Date);

impl Figure {
    /// The number, as a link to its orders.
    fn link(&self, language: Language, days: Days, sums: &Sums) -> Markup {
        html! { a href=(list(days, self.query)) { ((self.shown)(language, (self.of)(sums))) } }
    }
}

/// The list of the orders of some days that fit the rest of a query.
fn list((first, last): Days, rest: &str) -> String {
    format!("{}?from={first}&to={last}{rest}", orders::HERE)
}

fn date(language: Language, date: Date) -> String {
    date.strftime(language.choose("%d.%m.%Y", "%Y-%m-%d")).to_string()
}

fn dates(language: Language, (first, last): Days) -> String {
    if first == last {
        date(language, first)
    } else {
        format!("{} – {}", date(language, first), date(language, last))
    }
}

/// A report, which is made once a minute, and the time when it was.
fn report(cx: &mut Context<'_, '_>, period: Period) -> Result<Arc<(i64, Report)>, Failure> {
    let (account, now) = (&cx.visit.account, cx.visit.now);
    cx.visit.reports.get_or_insert_with(&(account.id, period, now / 60), || {
        let report = reports::report(cx.tx, account.id, &period, &account.settings.time_zone)?;
        Ok(Arc::new((now, report)))
    })
}

fn today(cx: &Context<'_, '_>) -> Date {
    let now = Timestamp::from_second(cx.visit.now).unwrap_or_default();
    now.to_zoned_datetime(cx.visit.account.settings.time_zone.clone()).date()
}

/// The period that a query asks for; none where there is no such report.
fn period(cx: &Context<'_, '_>) -> Option<Period> {
    let (query, today) = (&cx.visit.query, today(cx));
    let day = |name: &str| match query.get(name) {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Period::asked(day("from")?, day("to")?, Step::parse(query.get("by")), today)
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (language, words) = (cx.language(), Words::of(cx.language()));
    let asked = period(cx);
    let today = today(cx);
    let usual = || Period::asked(None, None, None, today);
    let period = asked.or_else(usual).ok_or(Failure::Fault("today is out of range"))?;
    let kept = report(cx, period)?;
    let (made, report) = &*kept;
    let main = html! {
        (alarm(cx)?)
        (frame::problem(asked.is_none().then_some(words.wrong)))
        p { (words.what) }
        (form(period, today, words))
        (totals(language, period, report, words))
        @for figure in CHARTS.iter().filter_map(|at| FIGURES.get(*at)) { (chart(language, figure, &report.buckets, words)) }
        p.dim { (words.bars) }
        (in_steps(language, &report.buckets, words))
        (groups(language, period, [words.products, words.product], &report.products, "product", words))
        (groups(language, period, [words.channels, words.channel], &report.channels, "channel", words))
        (groups(language, period, [words.coupons, words.coupon], &report.coupons, "coupon", words))
        (groups(language, period, [words.partners, words.partner], &report.partners, "partner", words))
        p.dim { (words.made) " " (cx.moment(*made)) ", " (words.minute) }
    };
    Ok(cx.page(words.title, &main))
}

fn form(period: Period, today: Date, words: &Words) -> Markup {
    let (first, last) = period.ends();
    let month = today.first_of_month();
    let before = month.saturating_sub(1.day());
    let usual = [
        (words.this_month, month, today),
        (words.last_month, before.first_of_month(), before),
        (words.this_year, today.first_of_year(), today),
    ];
    let steps = Step::ALL.into_iter().zip([words.by_day, words.by_week, words.by_month]);
    html! {
        form.row action=(HOME) {
            label { span { (words.from) } input type="date" name="from" value=(first); }
            label { span { (words.to) } input type="date" name="to" value=(last); }
            label {
                span { (words.step) }
                select name="by" {
                    @for (step, name) in steps { option value=(step.as_str()) selected[step == period.step()] { (name) } }
                }
            }
            button { (words.show) }
        }
        p.row {
            a href={ (HOME) "?from=" (today) "&to=" (today) } { (words.today) }
            a href=(HOME) { (words.days) }
            @for (name, first, last) in usual { a href={ (HOME) "?from=" (first) "&to=" (last) } { (name) } }
        }
    }
}

fn totals(language: Language, period: Period, report: &Report, words: &Words) -> Markup {
    let (days, earlier) = (period.ends(), period.earlier());
    let rows: Vec<_> = FIGURES
        .iter()
        .map(|figure| {
            vec![
                html! { ((figure.name)(words)) },
                figure.link(language, days, &report.total),
                figure.link(language, earlier, &report.earlier),
                html! { (change((figure.of)(&report.total), (figure.of)(&report.earlier))) },
            ]
        })
        .collect();
    frame::table(&[words.whole, &dates(language, days), &dates(language, earlier), words.change], &rows)
}

/// By how much of a hundred a number is another than it was.
fn change(now: i64, earlier: i64) -> String {
    if earlier == 0 {
        return "—".to_owned();
    }
    let (more, earlier) = (i128::from(now) - i128::from(earlier), i128::from(earlier));
    // Rounded, halves away from zero.
    let hundredths = (more * 200 + more.signum() * earlier.abs()) / (2 * earlier);
    format!("{}{hundredths} %", if hundredths > 0 { "+" } else { "" })
}

/// A bar for each step. The numbers stand in the table below it, too.
fn chart(language: Language, figure: &Figure, buckets: &[Bucket], words: &Words) -> Markup {
    let value = |sums: &Sums| i128::from((figure.of)(sums).max(0));
    let most = buckets.iter().flat_map(|bucket| [value(&bucket.sums), value(&bucket.earlier)]).max();
    let height = |sums: &Sums| value(sums) * 100 / most.unwrap_or(0).max(1);
    let name = (figure.name)(words);
    html! {
        h2 { (name) }
        svg.chart viewBox={ "0 0 " (buckets.len() * 10) " 100" } preserveAspectRatio="none" role="group" aria-label=(name) {
            @for (at, bucket) in buckets.iter().enumerate() {
                @let (own, earlier) = (height(&bucket.sums), height(&bucket.earlier));
                @let told = (figure.shown)(language, (figure.of)(&bucket.sums));
                @let told = format!("{}: {told}", dates(language, bucket.days));
                a href=(list(bucket.days, figure.query)) aria-label=(told) {
                    title { (told) }
                    rect.place x=(at * 10) y="0" width="10" height="100" {}
                    rect.earlier x=(at * 10) y=(100 - earlier) width="9" height=(earlier) {}
                    rect.own x=(at * 10 + 2) y=(100 - own) width="5" height=(own) {}
                }
            }
        }
    }
}

fn in_steps(language: Language, buckets: &[Bucket], words: &Words) -> Markup {
    let names = FIGURES.iter().map(|figure| (figure.name)(words));
    let columns: Vec<_> = std::iter::once(words.when).chain(names).collect();
    let rows: Vec<_> = buckets
        .iter()
        .map(|bucket| {
            let figures = FIGURES.iter().map(|figure| figure.link(language, bucket.days, &bucket.sums));
            std::iter::once(html! { (dates(language, bucket.days)) }).chain(figures).collect()
        })
        .collect();
    html! { details { summary { (words.in_steps) } (frame::table(&columns, &rows)) } }
}

/// The orders of a period by one thing, which the list's filter of that name takes.
fn groups(
    language: Language,
    period: Period,
    [title, column]: [&str; 2],
    groups: &Groups,
    filter: &str,
    words: &Words,
) -> Markup {
    let row = |name: Markup, group: &Group, query: Option<String>| {
        let linked = |number: String, more: &str| {
            let href = query.as_ref().map(|query| list(period.ends(), &format!("{query}{more}")));
            html! { @if let Some(href) = href { a href=(href) { (number) } } @else { (number) } }
        };
        let count = |number: u64| language.number(number.cast_signed());
        vec![
            name,
            linked(count(group.orders), ""),
            linked(count(group.paid), "&status=paid"),
            linked(language.money(group.sum), "&status=paid"),
        ]
    };
    let mut rows: Vec<_> =
        groups.first.iter().map(|group| row(html! { (group.name) }, group, of(filter, group))).collect();
    if groups.others > 0 {
        rows.push(row(html! { (words.others) " (" (groups.others) ")" }, &groups.rest, None));
    }
    html! {
        h2 { (title) }
        @if rows.is_empty() { p.dim { (words.none) } }
        @else { (frame::table(&[column, words.orders, words.paid, words.sum], &rows)) }
    }
}

/// What asks the list for a group; a name that was cut asks for nothing.
fn of(filter: &str, group: &Group) -> Option<String> {
    let mut value = group.good.0.to_string().into_bytes();
    if group.good.0 == 0 {
        value.clear();
        query::encode(group.name.as_bytes(), &mut value);
    }
    let is_whole = group.good.0 != 0 || group.name.chars().count() < NAME_CHARS_MAX;
    is_whole.then(|| format!("&{filter}={}", String::from_utf8_lossy(&value)))
}
