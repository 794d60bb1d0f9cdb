//! The methods about the catalogue (sections 6 and 9.6).

use billhook_store::{
    categories,
    products::{self, Good, GoodText, Product},
    settings::UpdateGoodSum,
};
use billhook_wire::{
    Code, Money, Name,
    method::{
        AddGood, DeleteGood, GetAllGoods, GetGoods, GoodAdded, GoodFields, GoodInfo, GoodName, Nothing,
        UpdateGood,
    },
};
use serde_json::json;

use crate::{cx::Cx, failure::Failure};

/// Answers `GetAllGoods`; an empty catalogue is refused.
pub(crate) fn get_all_goods(cx: &mut Cx<'_, '_>, _: &GetAllGoods) -> Result<Vec<GoodInfo>, Failure> {
    let mut goods = Vec::new();
    products::catalogue(cx.tx, cx.account, |good| {
        let Good { product, good_type, .. } = good;
        let Product { id, good_name, good_title, good_sum } = product;
        goods.push(GoodInfo { good_id: id, good_name, good_title, good_sum, good_type });
        Ok::<(), Failure>(())
    })?;
    if goods.is_empty() { Err(Code::EMPTY_CATALOGUE.into()) } else { Ok(goods) }
}

/// Answers `getgoods`; an empty catalogue is an empty list.
pub(crate) fn get_goods(cx: &mut Cx<'_, '_>, _: &GetGoods) -> Result<Vec<GoodName>, Failure> {
    let mut goods = Vec::new();
    products::catalogue(cx.tx, cx.account, |good| {
        let Product { id, good_name, good_title, .. } = good.product;
        goods.push(GoodName { id, good_name, good_title });
        Ok::<(), Failure>(())
    })?;
    Ok(goods)
}

/// Answers `AddGood`. A product that was taken out of the catalogue comes back under its old number, with what is said now.
pub(crate) fn add_good(cx: &mut Cx<'_, '_>, AddGood(ask): &AddGood) -> Result<GoodAdded, Failure> {
    let id = match products::named(cx.tx, cx.account, ask.good_name.as_str())? {
        Some(known) if known.is_deleted => known.product.id,
        Some(_) => return Err(cx.wrong("good_name", "another product has it")),
        None => products::next_id(cx.tx, cx.account)?,
    };
    let mut good = Good::new(Product {
        id,
        good_name: ask.good_name.as_str().to_owned(),
        good_title: String::new(),
        good_sum: Money::ZERO,
    });
    change(cx, &mut good, ask)?;
    products::save(cx.tx, cx.account, &good)?;
    Ok(GoodAdded { good_id: id })
}

/// Answers `UpdateGood`.
pub(crate) fn update_good(cx: &mut Cx<'_, '_>, UpdateGood(ask): &UpdateGood) -> Result<Nothing, Failure> {
    let mut good = in_catalogue(cx, &ask.good_name)?;
    if ask.good_sum.is_none() && cx.settings.updategood_sum == UpdateGoodSum::Zero {
        good.product.good_sum = Money::ZERO;
    }
    change(cx, &mut good, ask)?;
    products::save(cx.tx, cx.account, &good)?;
    Ok(Nothing)
}

/// Answers `DeleteGood`.
pub(crate) fn delete_good(cx: &mut Cx<'_, '_>, ask: &DeleteGood) -> Result<Nothing, Failure> {
    let mut good = in_catalogue(cx, &ask.good_name)?;
    good.is_deleted = true;
    products::save(cx.tx, cx.account, &good)?;
    Ok(Nothing)
}

/// The product of a symbolic name; one that the catalogue does not have is refused (decision 18).
pub(crate) fn in_catalogue(cx: &mut Cx<'_, '_>, good_name: &Name) -> Result<Good, Failure> {
    match products::named(cx.tx, cx.account, good_name.as_str())? {
        Some(good) if !good.is_deleted => Ok(good),
        _ => Err(no_good(good_name.as_str())),
    }
}

/// The refusal of a product that the catalogue does not have (decision 18).
pub(crate) fn no_good(good_name: &str) -> Failure {
    Failure::Refused {
        code: Code::NO_GOOD,
        detail: None,
        result: Some(Box::new(json!({ "good_name": good_name }))),
    }
}

/// Puts what was sent in the place of what is known.
fn change(cx: &mut Cx<'_, '_>, good: &mut Good, ask: &GoodFields) -> Result<(), Failure> {
    if let Some(title) = &ask.good_title {
        title.as_str().clone_into(&mut good.product.good_title);
    }
    if let Some(price) = ask.good_sum {
        good.product.good_sum = price.sum();
    }
    if let Some(category) = ask.parent_id {
        if !categories::is_there(cx.tx, cx.account, category)? {
            return Err(cx.wrong("parent_id", "there is no such category"));
        }
        good.parent_id = category;
    }
    put(&mut good.good_type, ask.good_type);
    put(&mut good.nalozh_only, ask.good_nalozh_only);
    put(&mut good.partner_show, ask.good_partner_show);
    put(&mut good.use_short, ask.good_use_short);
    put(&mut good.publish, ask.good_publish);
    put(&mut good.timer.is_on, ask.good_timer);
    put(&mut good.timer.unit, ask.good_timer_unit);
    put(&mut good.timer.duration, ask.good_timer_duration);
    for (fee, sum, share) in [
        (&mut good.partner_fee, ask.good_partner_fee, ask.good_partner_fee_perc),
        (&mut good.partner_pfee, ask.good_partner_pfee, ask.good_partner_pfee_perc),
        (&mut good.rashod, ask.good_rashod, ask.good_rashod_perc),
    ] {
        put(&mut fee.sum, sum.map(billhook_wire::Price::sum));
        put(&mut fee.share, share);
    }
    for (name, text) in ask.texts() {
        let field = GoodText::named(name).ok_or(Failure::Fault("a text of a product has no column"))?;
        good.texts.set(field, text);
    }
    Ok(())
}

fn put<T>(place: &mut T, sent: Option<T>) {
    if let Some(value) = sent {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent must have a place, or a call would fail that should not.
    #[test]
    fn every_text_of_a_product_has_a_column() {
        let form: Vec<_> = GoodText::ALL.iter().map(|field| format!("{}=x", field.name())).collect();
        let form = format!("good_name=a&good_partner_SL_link=x&{}", form.join("&"));
        let request = billhook_wire::Request::read(None, form.as_bytes());
        let UpdateGood(ask) = request.parameters().unwrap();
        let mut named: Vec<_> = ask.texts().map(|(name, _)| GoodText::named(name).unwrap().name()).collect();
        named.dedup();
        assert_eq!(named, GoodText::ALL.map(GoodText::name));
    }
}
