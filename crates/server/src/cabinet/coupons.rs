//! Discount coupons: what they take off, for which products, until when, and how often each was used.

use std::collections::HashMap;

use billhook_store::{
    accounts::audit::Action,
    products::{
        self,
        coupons::{self, Coupon, Discount},
    },
};
use billhook_wire::{GoodId, Name, Percent, Price};
use maud::{Markup, html};

use super::{
    family::{Called, Family, Input, Kind, Refused, shown_of},
    frame::in_url,
    language::{Language, words},
    orders::{self, day, sum},
    visit::Context,
};
use crate::failure::Failure;

words! {
    add: "Новый купон", "A new coupon";
    code: "Код", "Code";
    kind: "Скидка", "Discount";
    percent: "в процентах", "in percent";
    a_sum: "суммой с заказа", "a sum off the order";
    amount: "Сколько", "How much";
    of: "Имена товаров, по одному в строке (пусто — любые товары)",
        "Names of products, one a line (empty: all products)";
    goods: "Товары", "Products";
    from: "Действует с", "Valid from";
    until: "Действует по", "Valid until";
    most: "Сколько заказов (0 — без ограничения)", "For how many orders (0: any number)";
    used: "Использован", "Used";
    used_of: "из", "of";
    orders: "Заказы с этим купоном", "Orders with this coupon";
}

/// A coupon, and the names of the products that it is for.
#[derive(Default, Clone)]
pub(super) struct WithGoods {
    coupon: Coupon,
    goods: Vec<String>,
}

impl WithGoods {
    fn new(
        cx: &mut Context<'_, '_>,
        coupon: Coupon,
        names: &mut HashMap<GoodId, String>,
    ) -> Result<Self, Failure> {
        let mut goods = Vec::with_capacity(coupon.goods.len());
        for id in &coupon.goods {
            if !names.contains_key(id) {
                let found = products::find(cx.tx, cx.visit.account.id, *id)?;
                names.insert(*id, found.map_or_else(|| id.to_string(), |good| good.listing.good_name));
            }
            goods.extend(names.get(id).cloned());
        }
        Ok(Self { coupon, goods })
    }

    fn discount(&self, language: Language) -> String {
        match self.coupon.discount {
            Discount::Percent(share) => format!("{share} %"),
            Discount::Sum(sum) => language.money(sum),
        }
    }
}

/// The first or last second that a form names; a day that it shows already keeps its time, and none is 0.
fn limit(cx: &Context<'_, '_>, name: &'static str, before: i64) -> Result<i64, Refused> {
    let zone = &cx.visit.account.settings.time_zone;
    match cx.visit.form.get(name) {
        "" => Ok(0),
        text if text == cx.day(before) => Ok(before),
        text => day(text, zone, name == "until").ok_or(Refused::Wrong(name)),
    }
}

impl Family for WithGoods {
    const PATH: &'static str = "/cabinet/coupons";
    const NOTED: [Action; 3] = [Action::CouponAdded, Action::CouponChanged, Action::CouponRemoved];

    fn called(language: Language) -> Called {
        let words = Words::of(language);
        let columns = vec![words.kind, words.goods, words.from, words.until, words.used];
        Called { add: words.add, name: words.code, columns }
    }

    fn list(cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
        let account = cx.visit.account.id;
        let (mut all, mut names) = (Vec::new(), HashMap::new());
        // The products of each are one statement, so only those that are shown are asked for theirs.
        let coupons = coupons::list(cx.tx, account)?;
        for coupon in shown_of(cx, coupons, |coupon| coupon.id) {
            let coupon = coupons::with_goods(cx.tx, account, coupon)?;
            all.push(Self::new(cx, coupon, &mut names)?);
        }
        Ok(all)
    }

    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
        let found = coupons::find(cx.tx, cx.visit.account.id, number)?;
        found.map(|coupon| Self::new(cx, coupon, &mut HashMap::new())).transpose()
    }

    fn number(&self) -> i64 {
        self.coupon.id
    }

    fn name(&self) -> &str {
        &self.coupon.coupon
    }

    fn cells(&self, cx: &Context<'_, '_>) -> Vec<Markup> {
        let Coupon { starts, ends, uses, uses_max, .. } = self.coupon;
        let of = Words::of(cx.language()).used_of;
        vec![
            html! { (self.discount(cx.language())) },
            html! { (self.goods.join(", ")) },
            html! { (cx.time(starts)) },
            html! { (cx.time(ends)) },
            html! { (uses) @if uses_max != 0 { " " (of) " " (uses_max) } },
        ]
    }

    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
        let (words, coupon) = (Words::of(cx.language()), &self.coupon);
        let (kind, amount) = match coupon.discount {
            Discount::Sum(_) if coupon.id == 0 => ("percent", String::new()),
            Discount::Percent(share) => ("percent", share.to_string()),
            Discount::Sum(sum) => ("sum", sum.to_string()),
        };
        let kinds = [("percent", words.percent), ("sum", words.a_sum)];
        let kinds = kinds.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec();
        let mut inputs = vec![
            Input::new(words.kind, "kind", kind, Kind::Choice(kinds)),
            Input::new(words.amount, "amount", amount, Kind::Needed),
            Input::new(words.of, "goods", self.goods.join("\n"), Kind::Long),
            Input::new(words.from, "from", cx.day(coupon.starts), Kind::Date),
            Input::new(words.until, "until", cx.day(coupon.ends), Kind::Date),
            Input::new(words.most, "most", coupon.uses_max.to_string(), Kind::Needed),
        ];
        if coupon.id == 0 {
            inputs.insert(0, Input::new(words.code, "code", "", Kind::Needed));
        }
        Ok(inputs)
    }

    fn more(&self, cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
        let (words, Coupon { coupon, uses, .. }) = (Words::of(cx.language()), &self.coupon);
        Ok(html! {
            p {
                (words.used) ": " (uses) ". "
                a href={ (orders::HERE) "?from=&coupon=" (in_url(coupon)) } { (words.orders) }
            }
        })
    }

    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
        let (form, account, coupon) = (&cx.visit.form, cx.visit.account.id, &mut self.coupon);
        if coupon.id == 0 {
            let Ok(code) = Name::new(form.get("code")) else { return Ok(Err(Refused::Wrong("code"))) };
            code.as_str().clone_into(&mut coupon.coupon);
        }
        let amount = form.get("amount");
        let discount = match form.get("kind") {
            "sum" => sum(amount).and_then(|sum| Price::new(sum).ok()).map(|sum| Discount::Sum(sum.sum())),
            _ => Percent::parse(amount).ok().map(Discount::Percent),
        };
        let Some(discount) = discount else { return Ok(Err(Refused::Wrong("amount"))) };
        coupon.discount = discount;
        coupon.goods.clear();
        for name in form.get("goods").lines().map(str::trim).filter(|name| !name.is_empty()) {
            let Some(good) = products::named(cx.tx, account, name)? else {
                return Ok(Err(Refused::Wrong("goods")));
            };
            if !coupon.goods.contains(&good.listing.id) {
                coupon.goods.push(good.listing.id);
            }
        }
        let Ok(most) = form.get("most").parse::<u32>() else { return Ok(Err(Refused::Wrong("most"))) };
        coupon.uses_max = most.into();
        let limits = limit(cx, "from", coupon.starts)
            .and_then(|starts| Ok((starts, limit(cx, "until", coupon.ends)?)));
        let (starts, ends) = match limits {
            Ok((starts, ends)) if ends != 0 && starts > ends => return Ok(Err(Refused::Wrong("until"))),
            Ok(limits) => limits,
            Err(refused) => return Ok(Err(refused)),
        };
        (coupon.starts, coupon.ends) = (starts, ends);
        if coupon.id != 0 {
            coupons::put(cx.tx, account, coupon)?;
            return Ok(Ok(()));
        }
        let Some(id) = coupons::add(cx.tx, account, coupon)? else { return Ok(Err(Refused::Taken)) };
        coupon.id = id;
        Ok(Ok(()))
    }

    fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
        Ok(coupons::remove(cx.tx, cx.visit.account.id, self.coupon.id).map(drop)?)
    }
}
