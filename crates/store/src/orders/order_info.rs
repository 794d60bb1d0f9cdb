//! An order as the methods and the events show it (section 5).

use billhook_wire::{
    GoodId, Money, PayStatus,
    method::{GoodIdText, ItemInfo, OrderInfo, PartnerInfo, ShownStatus, UtmInfo},
};

use crate::{
    AccountId, Error, Sql, Tx,
    orders::{Line, Order, TextField},
};

/// Which fields to show: the columns of section 5's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// For `GetOrders`.
    Orders,
    /// For `GetOrderInfo`.
    Info,
    /// For `getOrderDetails`.
    Details,
    /// For `getOrdersWithGoods`.
    WithGoods,
}

/// What `getOrderDetails` answers, with `good_info` or without.
pub fn details(
    tx: &mut Tx<'_>,
    account: AccountId,
    order: Order,
    good_info: bool,
) -> Result<OrderInfo, Error> {
    if !good_info {
        return Ok(shown(order, Shown::Details));
    }
    let goods: Vec<_> = order.lines.iter().map(|line| line.good_id).collect();
    let least = prepayment(tx, account, goods.iter().copied())?;
    Ok(OrderInfo {
        good_ids: Some(goods.into_iter().map(GoodIdText).collect()),
        prepayment_enabled: Some(least.is_some().into()),
        prepayment_minsum: Some(least.unwrap_or(Money::ZERO)),
        ..shown(order, Shown::Details)
    })
}

const PREPAYMENT: Sql = Sql::new(
    "order_info.prepayment",
    "SELECT prepayment_enabled, prepayment_minsum FROM products WHERE account_id = $1 AND good_id = $2",
);

/// Whether an order may be paid in parts, and the minimum, from its products' settings together. If one
/// product must be paid in full, so must the order.
fn prepayment(
    tx: &mut Tx<'_>,
    account: AccountId,
    goods: impl Iterator<Item = GoodId>,
) -> Result<Option<Money>, Error> {
    let mut least = Money::ZERO;
    for good in goods {
        let found =
            tx.row(&PREPAYMENT, &[account.0.into(), good.0.into()], |row| Ok((row.flag(0)?, row.int(1)?)))?;
        match found {
            Some((true, minsum)) => least = least + Money::from_kopecks(minsum),
            Some((false, _)) => return Ok(None),
            None => {
                return Err(Error::damaged(&format!("product {good} is not in the catalogue")));
            }
        }
    }
    Ok(Some(least))
}

/// An order with the fields of a method.
pub fn shown(order: Order, what: Shown) -> OrderInfo {
    let price = order.price();
    let to_pay = order.to_pay();
    let good_count = u32::try_from(order.lines.len()).unwrap_or(u32::MAX);
    let email = order.email_text().to_owned();
    let partners = Partners::of(&order);
    let text = |field| order.texts.get(field).to_owned();
    let is_whole = what != Shown::Orders;
    let kupon = text(TextField::Kupon);
    let tag = text(TextField::Tag);
    let items = || order.lines.into_iter().map(|line| item(line, &partners, what)).collect();
    OrderInfo {
        id: order.id,
        first_name: text(TextField::FirstName),
        last_name: text(TextField::LastName),
        middle_name: text(TextField::MiddleName),
        email,
        phone: text(TextField::Phone),
        city: text(TextField::City),
        country: text(TextField::Country),
        address: text(TextField::Address),
        region: text(TextField::Region),
        postalcode: text(TextField::Postalcode),
        created: order.created,
        pay_status: ShownStatus::Known(order.pay_status),
        // createorder may store a time of payment for an unpaid order; it is not shown (decision 13).
        paid: match order.pay_status {
            PayStatus::Paid | PayStatus::Return => order.paid,
            PayStatus::Waiting | PayStatus::Cancel => 0,
        },
        order_type: text(TextField::Type),
        payway: text(TextField::Payway),
        comment: text(TextField::Comment),
        domain: text(TextField::Domain),
        link: text(TextField::Link),
        good_count: is_whole.then_some(good_count),
        price,
        is_recurrent: (what == Shown::WithGoods).then_some(order.is_recurrent),
        bill_sum_topay: is_whole.then_some(to_pay),
        tag: is_whole.then_some(tag),
        coupon: is_whole.then(|| kupon.clone()),
        kupon: is_whole.then_some(kupon),
        utm: UtmInfo {
            medium: text(TextField::UtmMedium),
            source: text(TextField::UtmSource),
            campaign: text(TextField::UtmCampaign),
            content: text(TextField::UtmContent),
            term: text(TextField::UtmTerm),
        },
        items: matches!(what, Shown::Details | Shown::WithGoods).then(items),
        good_ids: None,
        prepayment_enabled: None,
        prepayment_minsum: None,
    }
}

fn item(line: Line, partners: &Partners, what: Shown) -> ItemInfo {
    ItemInfo {
        id: line.good_name,
        title: line.good_title,
        sum: line.sum,
        price: line.price,
        pincode: (what == Shown::Details).then_some(line.pincode),
        partners: [line.partner_fee, line.partner_pfee]
            .into_iter()
            .zip(&partners.0)
            .filter_map(|(partner_fee, partner)| {
                let (partner_lvl, partner_id, partner_name) = partner.clone()?;
                Some(PartnerInfo { partner_lvl, partner_id, partner_name, partner_fee })
            })
            .collect(),
    }
}

/// An order's partners: level, number, login. One without number or login is not in the program (decision
/// 79).
struct Partners([Option<(i64, i64, String)>; 2]);

impl Partners {
    fn of(order: &Order) -> Self {
        let texts = &order.texts;
        let partner = |level, number: TextField, login: TextField| {
            let number = texts.get(number).trim().parse().ok().filter(|number: &i64| *number > 0)?;
            let login = texts.get(login);
            (!login.is_empty()).then(|| (level, number, login.to_owned()))
        };
        Self([
            partner(1, TextField::Aff, TextField::AffName),
            partner(2, TextField::Paff, TextField::PaffName),
        ])
    }
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&PREPAYMENT];
