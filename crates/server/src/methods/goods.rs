//! The methods about the catalogue (sections 6 and 9.6).

use billhook_store::{
    accounts::settings::UpdateGoodSum,
    list_pages,
    products::{self, Listing, Product, categories},
};
use billhook_wire::{
    Code, Money, Name,
    method::{
        AddGood, DeleteGood, GetAllGoods, GetGoods, GoodAdded, GoodFields, GoodInfo, GoodName, Nothing,
        UpdateGood,
    },
};
use serde_json::json;

use crate::{
    failure::Failure,
    methods::context::{Context, wanted},
};

/// Answers `GetAllGoods`; an empty catalogue is refused.
pub(crate) fn get_all_goods(cx: &mut Context<'_, '_>, ask: &GetAllGoods) -> Result<Vec<GoodInfo>, Failure> {
    let info = |(product, good_type)| {
        let Listing { id, good_name, good_title, good_sum } = product;
        GoodInfo { good_id: id, good_name, good_title, good_sum, good_type }
    };
    let mut goods = Vec::new();
    if let Some(wanted) = wanted(ask.limit, ask.after) {
        let page = list_pages::goods(cx.tx, cx.account, wanted)?;
        goods.extend(cx.taken(page).into_iter().map(info));
    } else {
        products::on_sale(cx.tx, cx.account, |product, good_type| {
            goods.push(info((product, good_type)));
            Ok::<(), Failure>(())
        })?;
    }
    // A page after the last one is empty, but that does not mean an empty catalogue.
    let is_nothing = goods.is_empty() && cx.paged.is_none_or(|paged| paged.total == 0);
    if is_nothing { Err(Code::EMPTY_CATALOGUE.into()) } else { Ok(goods) }
}

/// Answers `getgoods`; an empty catalogue is an empty list.
pub(crate) fn get_goods(cx: &mut Context<'_, '_>, _: &GetGoods) -> Result<Vec<GoodName>, Failure> {
    let mut goods = Vec::new();
    products::on_sale(cx.tx, cx.account, |product, _| {
        let Listing { id, good_name, good_title, .. } = product;
        goods.push(GoodName { id, good_name, good_title });
        Ok::<(), Failure>(())
    })?;
    Ok(goods)
}

/// Answers `AddGood`. A deleted product gets its old number back, with the new fields only.
pub(crate) fn add_good(cx: &mut Context<'_, '_>, AddGood(ask): &AddGood) -> Result<GoodAdded, Failure> {
    if ask.good_name.as_str().contains(',') {
        return Err(cx.wrong("good_name", "a comma separates names in lists"));
    }
    let id = match products::named(cx.tx, cx.account, ask.good_name.as_str())? {
        Some(known) if known.is_deleted => known.listing.id,
        Some(_) => return Err(cx.wrong("good_name", "another product has it")),
        None => products::next_id(cx.tx, cx.account)?,
    };
    let mut good = Product::new(Listing {
        id,
        good_name: ask.good_name.as_str().to_owned(),
        good_title: String::new(),
        good_sum: Money::ZERO,
    });
    change(cx, &mut good, ask)?;
    products::save(cx.tx, cx.account, &good)?;
    Ok(GoodAdded { good_id: id })
}

pub(crate) fn update_good(
    cx: &mut Context<'_, '_>,
    UpdateGood(ask): &UpdateGood,
) -> Result<Nothing, Failure> {
    let mut good = in_catalogue(cx, &ask.good_name)?;
    if ask.good_sum.is_none() && cx.settings.updategood_sum == UpdateGoodSum::Zero {
        good.listing.good_sum = Money::ZERO;
    }
    change(cx, &mut good, ask)?;
    products::save(cx.tx, cx.account, &good)?;
    Ok(Nothing)
}

pub(crate) fn delete_good(cx: &mut Context<'_, '_>, ask: &DeleteGood) -> Result<Nothing, Failure> {
    let mut good = in_catalogue(cx, &ask.good_name)?;
    good.is_deleted = true;
    products::save(cx.tx, cx.account, &good)?;
    Ok(Nothing)
}

/// The product with this symbolic name; refused if it is not in the catalogue (decision 18).
pub(crate) fn in_catalogue(cx: &mut Context<'_, '_>, good_name: &Name) -> Result<Product, Failure> {
    match products::named(cx.tx, cx.account, good_name.as_str())? {
        Some(good) if !good.is_deleted => Ok(good),
        _ => Err(no_good(good_name.as_str())),
    }
}

pub(crate) fn no_good(good_name: &str) -> Failure {
    Failure::refused(Code::NO_GOOD, json!({ "good_name": good_name }))
}

/// Applies the sent fields. An unknown category is refused; 0 is none.
fn change(cx: &mut Context<'_, '_>, good: &mut Product, ask: &GoodFields) -> Result<(), Failure> {
    if let Some(category) = ask.parent_id.filter(|category| *category != 0)
        && categories::find(cx.tx, cx.account, category)?.is_none()
    {
        return Err(cx.wrong("parent_id", "there is no such category"));
    }
    good.change(ask);
    Ok(())
}
