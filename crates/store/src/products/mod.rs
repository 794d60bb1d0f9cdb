//! The catalogue.

pub mod categories;
pub mod coupons;
pub mod pincodes;
pub mod product_settings;
pub(crate) mod product_versions;

use billhook_wire::{
    GoodId, Money, Percent, Price,
    method::{GoodFields, GoodType, TimerUnit},
};

use crate::{
    AccountId, Arg, Error, Kind, Sql, Tx,
    table::{self, Columns, Reader, Stores as _, Table, row, statement_text::sql, text_fields::text_fields},
};

/// A product as the lists of products show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its numeric code.
    pub id: GoodId,
    /// Its symbolic name, unique in the account.
    pub good_name: String,
    /// Its title.
    pub good_title: String,
    /// Its price.
    pub good_sum: Money,
}

/// A product of the catalogue, with all its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol has so many switches, each by itself")]
pub struct Product {
    /// The fields in every list of products.
    pub listing: Listing,
    /// What kind of product it is.
    pub good_type: GoodType,
    /// Whether it was deleted from the catalogue. Old orders still refer to it.
    pub is_deleted: bool,
    /// The number of its category; 0: none.
    pub parent_id: i64,
    /// Sent cash on delivery at once.
    pub nalozh_only: bool,
    /// Shown among the partners' materials.
    pub partner_show: bool,
    /// A short link for its order page.
    pub use_short: bool,
    /// Shown in the catalogue.
    pub publish: bool,
    /// Its deadline for payment, on or off.
    pub timer: Timer,
    /// The fee of the partner of level 1.
    pub partner_fee: Fee,
    /// The fee of the partner of level 2.
    pub partner_pfee: Fee,
    /// The seller's costs.
    pub rashod: Fee,
    /// Whether it may be paid in parts.
    pub prepayment_enabled: bool,
    /// The minimum of a partial payment.
    pub prepayment_minsum: Money,
    /// Its texts.
    pub texts: ProductTexts,
}

/// A deadline for payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timer {
    /// Whether it is on.
    pub is_on: bool,
    /// The unit.
    pub unit: TimerUnit,
    /// The number of units.
    pub duration: u32,
}

impl Timer {
    /// Its length in seconds, if it is on.
    pub fn seconds(self) -> Option<i64> {
        (self.is_on && self.duration > 0).then(|| self.unit.seconds().saturating_mul(self.duration.into()))
    }
}

/// A part of a price: a sum, or else a percentage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fee {
    /// The sum; if not zero, it replaces the percentage.
    pub sum: Money,
    /// The percentage.
    pub share: Percent,
}

impl Fee {
    /// The amount for a price.
    pub fn of(self, price: Money) -> Money {
        if self.sum == Money::ZERO { self.share.of(price) } else { self.sum }
    }
}

text_fields! {
    /// A text field of a product (section 6.2).
    ProductText;
    /// A product's texts; missing ones are empty.
    ProductTexts;
    ApiUrlNotif = "good_api_url_notif",
    ApiUrlNewOrder = "good_api_url_new_order",
    SuccessLink = "good_success_link",
    ClientRassilki = "good_client_rassilki",
    QuickpostArticle = "good_quickpost_article",
    PostService = "good_post_service",
    OnlyCountries = "good_only_countries",
    Download = "good_download",
    MailSubject = "good_mail_subject",
    MailFormat = "good_mail_format",
    MailBody = "good_mail_body",
    MailText = "good_mail_text",
    PartnerSlLink = "good_partner_SL_link",
    PartnerAdditionLink = "good_partner_addition_link",
    PartnerText = "good_partner_text",
    PayText = "good_pay_text",
    ApiUrlCancelOrder = "good_api_url_cancel_order" since 7,
    ApiUrlPrepaid = "good_api_url_prepaid" since 7,
    ApiUrlMoneyback = "good_api_url_moneyback" since 7,
}

row! {
    Listing: "product" {
        good_id: GoodId = id,
        good_name: String = good_name,
        good_title: String = good_title,
        good_sum: Money = good_sum,
    }
}

row! {
    Product: "product" {
        ..listing: Listing,
        good_type: GoodType = good_type,
        deleted: bool = is_deleted,
        parent_id: i64 = parent_id,
        good_nalozh_only: bool = nalozh_only,
        good_partner_show: bool = partner_show,
        good_use_short: bool = use_short,
        good_publish: bool = publish,
        good_timer: bool = timer.is_on,
        good_timer_unit: TimerUnit = timer.unit,
        good_timer_duration: u32 = timer.duration,
        good_partner_fee: Money = partner_fee.sum,
        good_partner_fee_perc: Percent = partner_fee.share,
        good_partner_pfee: Money = partner_pfee.sum,
        good_partner_pfee_perc: Percent = partner_pfee.share,
        good_rashod: Money = rashod.sum,
        good_rashod_perc: Percent = rashod.share,
        prepayment_enabled: bool = prepayment_enabled,
        prepayment_minsum: Money = prepayment_minsum,
        ; ..texts: ProductTexts
    }
}

pub(crate) const TABLE: Table = Table {
    name: "products",
    columns: &[Columns::one::<i64>("account_id"), Columns::Of(Product::COLUMNS)],
    key: &["account_id", "good_id"],
};

impl Product {
    /// A product with only names and a price.
    pub fn new(listing: Listing) -> Self {
        Self { listing, ..Self::default() }
    }

    /// Applies fields, except number and name. The caller must check that the category exists.
    pub fn change(&mut self, said: &GoodFields) {
        if let Some(title) = &said.good_title {
            title.as_str().clone_into(&mut self.listing.good_title);
        }
        replace(&mut self.listing.good_sum, said.good_sum.map(Price::sum));
        replace(&mut self.parent_id, said.parent_id);
        replace(&mut self.good_type, said.good_type);
        replace(&mut self.nalozh_only, said.good_nalozh_only);
        replace(&mut self.partner_show, said.good_partner_show);
        replace(&mut self.use_short, said.good_use_short);
        replace(&mut self.publish, said.good_publish);
        replace(&mut self.timer.is_on, said.good_timer);
        replace(&mut self.timer.unit, said.good_timer_unit);
        replace(&mut self.timer.duration, said.good_timer_duration);
        for (fee, sum, share) in [
            (&mut self.partner_fee, said.good_partner_fee, said.good_partner_fee_perc),
            (&mut self.partner_pfee, said.good_partner_pfee, said.good_partner_pfee_perc),
            (&mut self.rashod, said.good_rashod, said.good_rashod_perc),
        ] {
            replace(&mut fee.sum, sum.map(Price::sum));
            replace(&mut fee.share, share);
        }
        for (name, text) in said.texts() {
            // Each has a column, as a test checks.
            if let Some(field) = ProductText::named(name) {
                self.texts.set(field, text);
            }
        }
    }
}

fn replace<T>(place: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *place = value;
    }
}

impl ProductText {
    /// The field with this name on the wire, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

const EACH: Sql = sql!(
    "products.each",
    "SELECT ",
    Piece::List(Listing::COLUMNS, ""),
    " FROM products WHERE account_id = $1 ORDER BY good_id",
);

/// Shows every product by number, deleted ones too.
pub fn each<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Listing) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH, &[account.0.into()], |row| show(table::read(row)?))
}

macro_rules! goods {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(Product::COLUMNS, ""), " FROM products WHERE ", $rest)
    };
}

const ON_SALE: Sql = sql!(
    "products.on_sale",
    "SELECT ",
    Piece::List(Listing::COLUMNS, ""),
    ", good_type FROM products WHERE account_id = $1 AND deleted = 0 ORDER BY good_id",
);

/// Shows every product of the catalogue by number, without the texts, which may be long.
pub fn on_sale<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    show: impl FnMut(Listing, GoodType) -> Result<(), E>,
) -> Result<(), E> {
    show_names(tx, &ON_SALE, &[account.0.into()], show)
}

/// Shows the products that a statement returns, in the form of catalogue lists.
pub(crate) fn show_names<E: From<Error>>(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    args: &[Arg<'_>],
    mut show: impl FnMut(Listing, GoodType) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(sql, args, |row| {
        let mut reader = Reader::new(row);
        let product = Listing::read(&mut reader)?;
        show(product, reader.next("product", "good_type")?)
    })
}

const CATALOGUE: Sql = goods!("products.catalogue", "account_id = $1 AND deleted = 0 ORDER BY good_id");

/// Shows every product of the catalogue, by number.
pub fn catalogue<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Product) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&CATALOGUE, &[account.0.into()], |row| show(table::read(row)?))
}

const EACH_GOOD: Sql = goods!("products.each_good", "account_id = $1 ORDER BY good_id");

/// Shows every product with all fields, by number, deleted ones too.
pub fn each_good<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Product) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH_GOOD, &[account.0.into()], |row| show(table::read(row)?))
}

const NAMED: Sql = goods!("products.named", "account_id = $1 AND good_name = $2");

/// The product with this symbolic name, deleted or not.
pub fn named(tx: &mut Tx<'_>, account: AccountId, good_name: &str) -> Result<Option<Product>, Error> {
    tx.row(&NAMED, &[account.0.into(), good_name.into()], table::read)
}

const WITHOUT_TEXTS: &[Columns] = match Product::COLUMNS {
    [own @ .., _texts] => own,
    [] => &[],
};
/// Orders need none of the texts, which may be long, but the buyers' groups.
const ORDERED: Sql = sql!(
    "products.ordered",
    "SELECT ",
    Piece::List(WITHOUT_TEXTS, ""),
    ", ",
    Piece::Blank(ProductTexts::COLUMNS),
    ", COALESCE((SELECT v.version_id FROM product_versions v
                  WHERE v.account_id = products.account_id AND v.good_id = products.good_id
                    AND v.good_name = products.good_name AND v.good_title = products.good_title), 0),
            good_client_rassilki
      FROM products WHERE account_id = $1 AND good_name = $2",
);

/// The products with these symbolic names, without their texts but the buyers' groups, for orders in this transaction.
pub fn ordered(
    tx: &mut Tx<'_>,
    account: AccountId,
    good_names: &[&str],
) -> Result<Vec<Option<Product>>, Error> {
    let args: Vec<Vec<Arg<'_>>> =
        good_names.iter().map(|name| vec![account.0.into(), (*name).into()]).collect();
    let mut found: Vec<Option<(Product, i64)>> = vec![None; good_names.len()];
    tx.rows_each(&ORDERED, &args, |at, row| {
        if let Some(place) = found.get_mut(at) {
            let mut reader = Reader::new(row);
            let mut good = Product::read(&mut reader)?;
            let version = reader.next("product", "version_id")?;
            good.texts.set(ProductText::ClientRassilki, reader.text()?);
            *place = Some((good, version));
        }
        Ok(())
    })?;
    // Their version numbers come with them, for the orders' lines.
    for (good, version) in found.iter().flatten().filter(|(_, version)| *version != 0) {
        let Listing { id, good_name, good_title, .. } = &good.listing;
        product_versions::note(tx, account, (*id, good_name, good_title), *version);
    }
    Ok(found.into_iter().map(|found| found.map(|(good, _)| good)).collect())
}

const FIND: Sql = goods!("products.find", "account_id = $1 AND good_id = $2");

/// The product with this number, deleted or not.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: GoodId) -> Result<Option<Product>, Error> {
    tx.row(&FIND, &[account.0.into(), id.0.into()], table::read)
}

const HIGHEST: Sql = Sql::new(
    "products.highest",
    "SELECT good_id FROM products WHERE account_id = $1 ORDER BY good_id DESC LIMIT 1",
);

/// The number for a new product.
pub fn next_id(tx: &mut Tx<'_>, account: AccountId) -> Result<GoodId, Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    highest.checked_add(1).map(GoodId).ok_or_else(|| Error::new(Kind::Conflict, "no product number is left"))
}

const SAVE: Sql = sql!("products.save", Piece::Upsert(&TABLE));

/// Adds a product, or replaces all that is known of the one of that number (decision 83). A name that another product has is a
/// [`Kind::Conflict`](crate::Kind).
pub fn save(tx: &mut Tx<'_>, account: AccountId, good: &Product) -> Result<(), Error> {
    tx.execute(&SAVE, &table::args(account, good)).map(drop)
}

const ADD_MISSING: Sql = sql!(
    "products.add_missing",
    "INSERT INTO products (account_id, ",
    Piece::List(Listing::COLUMNS, ""),
    ") VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, good_id) DO NOTHING",
);

/// Adds a product unless its number is taken; returns whether it did. A name that another product has is a
/// [`Kind::Conflict`](crate::Kind).
pub fn add_missing(tx: &mut Tx<'_>, account: AccountId, product: &Listing) -> Result<bool, Error> {
    Ok(tx.execute(&ADD_MISSING, &table::args(account, product))? > 0)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&EACH, &ON_SALE, &CATALOGUE, &EACH_GOOD, &NAMED, &ORDERED, &FIND, &HIGHEST, &SAVE, &ADD_MISSING];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::products::product_settings::TEXTS_BEYOND_API;

    /// A text field without a column would be lost.
    #[test]
    fn every_text_that_can_be_said_is_kept() {
        let kept = HashSet::from(ProductText::ALL.map(ProductText::name));
        let beyond_api = TEXTS_BEYOND_API.map(ProductText::name);
        assert_eq!(kept, GoodFields::TEXTS.iter().copied().chain(beyond_api).collect());
    }
}
