//! The catalogue.

use billhook_wire::{
    GoodId, Money, Percent, Price,
    method::{GoodFields, GoodType, TimerUnit},
};

use crate::{AccountId, Arg, Error, Kind, Row, Sql, Tx, text_fields::text_fields, versions};

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its numeric code.
    pub id: GoodId,
    /// Its symbolic name, unique in the account.
    pub good_name: String,
    /// Its title.
    pub good_title: String,
    /// Its price.
    pub good_sum: Money,
}

/// A product with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol has so many switches, each by itself")]
pub struct Good {
    /// What every list of products has.
    pub product: Product,
    /// What kind of product it is.
    pub good_type: GoodType,
    /// Whether it was taken out of the catalogue. Old orders still name it.
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
    /// Its deadline for payment, whether it is on or not.
    pub timer: Timer,
    /// What a partner of level 1 gets.
    pub partner_fee: Fee,
    /// What a partner of level 2 gets.
    pub partner_pfee: Fee,
    /// What it costs the seller.
    pub rashod: Fee,
    /// Whether a part may be paid in advance.
    pub prepayment_enabled: bool,
    /// The least that may be paid in advance.
    pub prepayment_minsum: Money,
    /// Its texts.
    pub texts: GoodTexts,
}

/// A deadline for payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timer {
    /// Whether it holds.
    pub is_on: bool,
    /// The unit.
    pub unit: TimerUnit,
    /// The number of units.
    pub duration: u32,
}

impl Timer {
    /// Its length in seconds, if it holds.
    pub fn seconds(self) -> Option<i64> {
        (self.is_on && self.duration > 0).then(|| self.unit.seconds().saturating_mul(self.duration.into()))
    }
}

/// A part of a price: a sum, or else a share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fee {
    /// The sum; it goes before the share where it is not zero.
    pub sum: Money,
    /// The share.
    pub share: Percent,
}

impl Fee {
    /// What it is of a price.
    pub fn of(self, price: Money) -> Money {
        if self.sum == Money::ZERO { self.share.of(price) } else { self.sum }
    }
}

text_fields! {
    /// A text field of a product (section 6.2).
    GoodText;
    /// A product's texts; those that were not given are empty.
    GoodTexts;
    /// The URL that is told of a paid order.
    ApiUrlNotif = "good_api_url_notif",
    /// The URL that is told of a new order.
    ApiUrlNewOrder = "good_api_url_new_order",
    /// The page after a payment.
    SuccessLink = "good_success_link",
    /// Groups that buyers are put in.
    ClientRassilki = "good_client_rassilki",
    /// The article in the QuickPost service.
    QuickpostArticle = "good_quickpost_article",
    /// `none` or `quickpost`.
    PostService = "good_post_service",
    /// The countries that it is sold to.
    OnlyCountries = "good_only_countries",
    /// The download link.
    Download = "good_download",
    /// The subject of the letter after payment.
    MailSubject = "good_mail_subject",
    /// `html` or `text`.
    MailFormat = "good_mail_format",
    /// The letter in HTML.
    MailBody = "good_mail_body",
    /// The letter as text.
    MailText = "good_mail_text",
    /// The sales letter.
    PartnerSlLink = "good_partner_sl_link",
    /// More material for partners.
    PartnerAdditionLink = "good_partner_addition_link",
    /// A note for partners.
    PartnerText = "good_partner_text",
    /// The order page's text, in HTML.
    PayText = "good_pay_text",
}

impl Good {
    /// A product of which no more is said than its names and its price.
    pub fn new(product: Product) -> Self {
        Self {
            product,
            good_type: GoodType::default(),
            is_deleted: false,
            parent_id: 0,
            nalozh_only: false,
            partner_show: false,
            use_short: false,
            publish: false,
            timer: Timer::default(),
            partner_fee: Fee::default(),
            partner_pfee: Fee::default(),
            rashod: Fee::default(),
            prepayment_enabled: false,
            prepayment_minsum: Money::ZERO,
            texts: GoodTexts::default(),
        }
    }
}

impl Good {
    /// Puts what is said of a product in the place of what was known. Its number and its name stay; whether there is such a category
    /// is for the caller to see.
    pub fn change(&mut self, said: &GoodFields) {
        if let Some(title) = &said.good_title {
            title.as_str().clone_into(&mut self.product.good_title);
        }
        replace(&mut self.product.good_sum, said.good_sum.map(Price::sum));
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
            // Each has its column; a test looks.
            if let Some(field) = GoodText::named(name) {
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

impl GoodText {
    /// The field of a name on the wire, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

const EACH: Sql = Sql::new(
    "products.each",
    "SELECT good_id, good_name, good_title, good_sum FROM products WHERE account_id = $1 ORDER BY good_id",
);

/// Shows every product that an order may name, by number; those that were taken out of the catalogue too.
pub fn each<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Product) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH, &[account.0.into()], |row| show(product(row)?))
}

macro_rules! goods_where {
    ($rest:literal) => {
        goods_where!(
            ", good_api_url_notif, good_api_url_new_order, good_success_link, good_client_rassilki,
            good_quickpost_article, good_post_service, good_only_countries, good_download, good_mail_subject,
            good_mail_format, good_mail_body, good_mail_text, good_partner_sl_link, good_partner_addition_link,
            good_partner_text, good_pay_text",
            $rest
        )
    };
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT good_id, good_name, good_title, good_sum, good_type, deleted, parent_id, good_nalozh_only,
            good_partner_show, good_use_short, good_publish, good_timer, good_timer_unit, good_timer_duration,
            good_partner_fee, good_partner_fee_perc, good_partner_pfee, good_partner_pfee_perc, good_rashod,
            good_rashod_perc, prepayment_enabled, prepayment_minsum",
            $more,
            " FROM products WHERE ",
            $rest
        )
    };
}
const FIRST_TEXT: usize = 22;

const ON_SALE: Sql = Sql::new(
    "products.on_sale",
    "SELECT good_id, good_name, good_title, good_sum, good_type FROM products
      WHERE account_id = $1 AND deleted = 0 ORDER BY good_id",
);

/// Shows what lists of the catalogue have of every product, by number: not its texts, which may be long.
pub fn on_sale<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    show: impl FnMut(Product, GoodType) -> Result<(), E>,
) -> Result<(), E> {
    show_names(tx, &ON_SALE, &[account.0.into()], show)
}

/// Shows the products that a statement gives, as lists of the catalogue do.
pub(crate) fn show_names<E: From<Error>>(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    args: &[Arg<'_>],
    mut show: impl FnMut(Product, GoodType) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(sql, args, |row| {
        let product = product(row)?;
        let good_type = good_type(row, &product)?;
        show(product, good_type)
    })
}

const CATALOGUE: Sql =
    Sql::new("products.catalogue", goods_where!("account_id = $1 AND deleted = 0 ORDER BY good_id"));

/// Shows every product of the catalogue, by number.
pub fn catalogue<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Good) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&CATALOGUE, &[account.0.into()], |row| show(good(row)?))
}

const EACH_GOOD: Sql = Sql::new("products.each_good", goods_where!("account_id = $1 ORDER BY good_id"));

/// Shows every product with all that is known of it, by number; those that were taken out of the catalogue too.
pub fn each_good<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Good) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH_GOOD, &[account.0.into()], |row| show(good(row)?))
}

const NAMED: Sql = Sql::new("products.named", goods_where!("account_id = $1 AND good_name = $2"));

/// The product of a symbolic name, in the catalogue or taken out of it.
pub fn named(tx: &mut Tx<'_>, account: AccountId, good_name: &str) -> Result<Option<Good>, Error> {
    tx.row(&NAMED, &[account.0.into(), good_name.into()], good)
}

const ORDERED: Sql = Sql::new(
    "products.ordered",
    goods_where!(
        ", COALESCE((SELECT v.version_id FROM product_versions v
                      WHERE v.account_id = products.account_id AND v.good_id = products.good_id
                        AND v.good_name = products.good_name AND v.good_title = products.good_title), 0)",
        "account_id = $1 AND good_name = $2"
    ),
);

/// The products of these symbolic names without their texts; for orders of them that this transaction makes.
pub fn ordered(tx: &mut Tx<'_>, account: AccountId, good_names: &[&str]) -> Result<Vec<Option<Good>>, Error> {
    let args: Vec<Vec<Arg<'_>>> =
        good_names.iter().map(|name| vec![account.0.into(), (*name).into()]).collect();
    let mut found: Vec<Option<(Good, i64)>> = vec![None; good_names.len()];
    tx.rows_each(&ORDERED, &args, |at, row| {
        if let Some(place) = found.get_mut(at) {
            *place = Some((good_without_texts(row)?, row.int(FIRST_TEXT)?));
        }
        Ok(())
    })?;
    // With them come the numbers of their versions, which the orders' lines will ask for.
    for (good, version) in found.iter().flatten().filter(|(_, version)| *version != 0) {
        versions::note(tx, account, &good.product, *version);
    }
    Ok(found.into_iter().map(|found| found.map(|(good, _)| good)).collect())
}

const FIND: Sql = Sql::new("products.find", goods_where!("account_id = $1 AND good_id = $2"));

/// The product of a number, in the catalogue or taken out of it.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: GoodId) -> Result<Option<Good>, Error> {
    tx.row(&FIND, &[account.0.into(), id.0.into()], good)
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

const SAVE: Sql = Sql::new(
    "products.save",
    "INSERT INTO products (account_id, good_id, good_name, good_title, good_sum, good_type, deleted, parent_id, good_nalozh_only,
                           good_partner_show, good_use_short, good_publish, good_timer, good_timer_unit, good_timer_duration,
                           good_partner_fee, good_partner_fee_perc, good_partner_pfee, good_partner_pfee_perc, good_rashod,
                           good_rashod_perc, prepayment_enabled, prepayment_minsum, good_api_url_notif, good_api_url_new_order,
                           good_success_link, good_client_rassilki, good_quickpost_article, good_post_service,
                           good_only_countries, good_download, good_mail_subject, good_mail_format, good_mail_body,
                           good_mail_text, good_partner_sl_link, good_partner_addition_link, good_partner_text, good_pay_text)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39)
         ON CONFLICT (account_id, good_id) DO UPDATE
            SET good_name = excluded.good_name,
                good_title = excluded.good_title,
                good_sum = excluded.good_sum,
                good_type = excluded.good_type,
                deleted = excluded.deleted,
                parent_id = excluded.parent_id,
                good_nalozh_only = excluded.good_nalozh_only,
                good_partner_show = excluded.good_partner_show,
                good_use_short = excluded.good_use_short,
                good_publish = excluded.good_publish,
                good_timer = excluded.good_timer,
                good_timer_unit = excluded.good_timer_unit,
                good_timer_duration = excluded.good_timer_duration,
                good_partner_fee = excluded.good_partner_fee,
                good_partner_fee_perc = excluded.good_partner_fee_perc,
                good_partner_pfee = excluded.good_partner_pfee,
                good_partner_pfee_perc = excluded.good_partner_pfee_perc,
                good_rashod = excluded.good_rashod,
                good_rashod_perc = excluded.good_rashod_perc,
                prepayment_enabled = excluded.prepayment_enabled,
                prepayment_minsum = excluded.prepayment_minsum,
                good_api_url_notif = excluded.good_api_url_notif,
                good_api_url_new_order = excluded.good_api_url_new_order,
                good_success_link = excluded.good_success_link,
                good_client_rassilki = excluded.good_client_rassilki,
                good_quickpost_article = excluded.good_quickpost_article,
                good_post_service = excluded.good_post_service,
                good_only_countries = excluded.good_only_countries,
                good_download = excluded.good_download,
                good_mail_subject = excluded.good_mail_subject,
                good_mail_format = excluded.good_mail_format,
                good_mail_body = excluded.good_mail_body,
                good_mail_text = excluded.good_mail_text,
                good_partner_sl_link = excluded.good_partner_sl_link,
                good_partner_addition_link = excluded.good_partner_addition_link,
                good_partner_text = excluded.good_partner_text,
                good_pay_text = excluded.good_pay_text",
);

/// Adds a product, or replaces all that is known of the one of that number.
pub fn save(tx: &mut Tx<'_>, account: AccountId, good: &Good) -> Result<(), Error> {
    let Good { product, timer, partner_fee, partner_pfee, rashod, .. } = good;
    let mut args: Vec<Arg<'_>> = vec![
        account.0.into(),
        product.id.0.into(),
        (&product.good_name).into(),
        (&product.good_title).into(),
        product.good_sum.kopecks().into(),
        good.good_type.as_str().into(),
        good.is_deleted.into(),
        good.parent_id.into(),
        good.nalozh_only.into(),
        good.partner_show.into(),
        good.use_short.into(),
        good.publish.into(),
        timer.is_on.into(),
        timer.unit.as_str().into(),
        i64::from(timer.duration).into(),
        partner_fee.sum.kopecks().into(),
        partner_fee.share.hundredths().into(),
        partner_pfee.sum.kopecks().into(),
        partner_pfee.share.hundredths().into(),
        rashod.sum.kopecks().into(),
        rashod.share.hundredths().into(),
        good.prepayment_enabled.into(),
        good.prepayment_minsum.kopecks().into(),
    ];
    args.extend(good.texts.columns());
    tx.execute(&SAVE, &args).map(drop)
}

const PUT: Sql = Sql::new(
    "products.put",
    "INSERT INTO products (account_id, good_id, good_name, good_title, good_sum) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, good_id) DO UPDATE
            SET good_name = excluded.good_name, good_title = excluded.good_title, good_sum = excluded.good_sum,
                deleted = 0",
);

/// Adds a product, or replaces the one of that number, which is then in the catalogue again (decision 83). A name that another product has is a [`Kind::Conflict`](crate::Kind).
pub fn put(tx: &mut Tx<'_>, account: AccountId, product: &Product) -> Result<(), Error> {
    tx.execute(&PUT, &args(account, product)).map(drop)
}

const ADD_MISSING: Sql = Sql::new(
    "products.add_missing",
    "INSERT INTO products (account_id, good_id, good_name, good_title, good_sum) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, good_id) DO NOTHING",
);

/// Adds a product unless its number is taken; says whether it was added. A name that another product has is a
/// [`Kind::Conflict`](crate::Kind).
pub fn add_missing(tx: &mut Tx<'_>, account: AccountId, product: &Product) -> Result<bool, Error> {
    Ok(tx.execute(&ADD_MISSING, &args(account, product))? > 0)
}

fn args(account: AccountId, product: &Product) -> [Arg<'_>; 5] {
    [
        account.0.into(),
        product.id.0.into(),
        (&product.good_name).into(),
        (&product.good_title).into(),
        product.good_sum.kopecks().into(),
    ]
}

fn product(row: &dyn Row) -> Result<Product, Error> {
    Ok(Product {
        id: GoodId(row.int(0)?),
        good_name: row.text(1)?.to_owned(),
        good_title: row.text(2)?.to_owned(),
        good_sum: Money::from_kopecks(row.int(3)?),
    })
}

fn good_type(row: &dyn Row, product: &Product) -> Result<GoodType, Error> {
    let damaged = || Error::damaged(&format!("product {}: wrong good_type", product.id));
    GoodType::parse(row.text(4)?).ok_or_else(damaged)
}

fn good(row: &dyn Row) -> Result<Good, Error> {
    Ok(Good { texts: GoodTexts::read(row, FIRST_TEXT)?, ..good_without_texts(row)? })
}

fn good_without_texts(row: &dyn Row) -> Result<Good, Error> {
    let product = product(row)?;
    let damaged = |what: &str| Error::damaged(&format!("product {}: wrong {what}", product.id));
    let sum = |column| row.int(column).map(Money::from_kopecks);
    let fee = |column: usize| {
        let share = Percent::from_hundredths(row.int(column + 1)?).map_err(|_| damaged("share"))?;
        Ok::<_, Error>(Fee { sum: sum(column)?, share })
    };
    Ok(Good {
        good_type: good_type(row, &product)?,
        is_deleted: row.flag(5)?,
        parent_id: row.int(6)?,
        nalozh_only: row.flag(7)?,
        partner_show: row.flag(8)?,
        use_short: row.flag(9)?,
        publish: row.flag(10)?,
        timer: Timer {
            is_on: row.flag(11)?,
            unit: TimerUnit::parse(row.text(12)?).ok_or_else(|| damaged("good_timer_unit"))?,
            duration: u32::try_from(row.int(13)?).map_err(|_| damaged("good_timer_duration"))?,
        },
        partner_fee: fee(14)?,
        partner_pfee: fee(16)?,
        rashod: fee(18)?,
        prepayment_enabled: row.flag(20)?,
        prepayment_minsum: sum(21)?,
        texts: GoodTexts::default(),
        product,
    })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&EACH, &ON_SALE, &CATALOGUE, &EACH_GOOD, &NAMED, &ORDERED, &FIND, &HIGHEST, &SAVE, &PUT, &ADD_MISSING];

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns are written out by hand; they must be the fields, in their order.
    #[test]
    fn columns_are_the_fields_in_order() {
        let names: Vec<_> = GoodText::ALL.iter().map(|field| field.name()).collect();
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeeze(NAMED.text()).contains(&format!("prepayment_minsum, {} FROM", names.join(", "))));
        assert!(squeeze(SAVE.text()).contains(&format!("prepayment_minsum, {})", names.join(", "))));
    }

    /// What is said of a text must have a place, or it would be lost.
    #[test]
    fn every_text_that_can_be_said_is_kept() {
        let form: Vec<_> = GoodText::ALL.iter().map(|field| format!("{}=x", field.name())).collect();
        let form = format!("good_name=a&good_partner_SL_link=x&{}", form.join("&"));
        let request = billhook_wire::Request::read(None, form.as_bytes());
        let billhook_wire::method::UpdateGood(said) = request.parameters().unwrap();
        assert_eq!(said.texts().count(), GoodText::COUNT);
        let product = Product {
            id: GoodId(1),
            good_name: String::new(),
            good_title: String::new(),
            good_sum: Money::ZERO,
        };
        let mut good = Good::new(product);
        good.change(&said);
        for field in GoodText::ALL {
            assert_eq!(good.texts.get(field), "x", "{}", field.name());
        }
    }
}
