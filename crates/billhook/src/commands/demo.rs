//! `serve --demo`: the account and the two orders of the service's documentation, and a curl line that works.

use billhook_store::{
    AccountId, Location, Store, Tx,
    accounts::{self, Account},
    contacts::{
        self, By, Contact,
        groups::{self, Group},
        subscriptions,
    },
    marks,
    orders::{self, Handling, Line, Order, Texts},
    partners,
    products::{self, Listing},
};
use billhook_wire::{
    Email, GoodId, Key, Login, Money, OrderId, PayStatus, method::SubscriptionStatus, signature,
};

use crate::{commands::account::login_link, failure::Failure, options::time::now};

/// The demo account's login, as on the documentation's page.
pub(crate) const LOGIN: &str = "username";
/// Its key, as on the documentation's page. It is no secret.
const PUBLIC_KEY: &str = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";
const EMAIL: &str = "anna@example.com";
/// 2 March 2013, the time of the documentation's page.
const CREATED: i64 = 1_362_250_000;
const PAID: i64 = 1_362_254_400;

/// The lines of the page's orders: order, product, name, title, kopecks.
const LINES: [(i64, i64, &str, &str, i64); 3] = [
    (258_367, 12549, "oplata", "Оплата за тренинг", 390_000),
    (258_368, 13011, "sales", "Продажи в кинотеатрах", 150_000),
    (258_368, 28363, "222", "222 способа", 99_000),
];

pub(crate) fn public_key() -> Result<Key, Failure> {
    Key::parse(PUBLIC_KEY).map_err(Failure::failed)
}

/// Whether an account has the public key.
pub(crate) fn has_public_key(account: &Account) -> bool {
    let is_public = |key: &Key| key.reveal() == PUBLIC_KEY;
    is_public(&account.key)
        || account.old_key.as_ref().is_some_and(|old| old.until > now() && is_public(&old.key))
}

/// Fills an empty store and returns its accounts. A store filled before stays as it is; others are refused.
pub(crate) fn fill(store: &Store, location: &Location) -> Result<Vec<Account>, Failure> {
    let location = location.to_string();
    store.write(move |tx| {
        if marks::get(tx, marks::DEMO)?.is_some() {
            return Ok(accounts::list(tx)?);
        }
        if !accounts::list(tx)?.is_empty() {
            return Err(Failure::failed(format!(
                "--demo fills empty stores only, and {location} holds accounts: name another one with --data or --store, or leave --demo out"
            )));
        }
        let login = Login::parse(LOGIN).map_err(Failure::failed)?;
        let key = public_key()?;
        let id = accounts::add(tx, &login, &key, now())?
            .ok_or_else(|| Failure::failed("the demo's account is there already"))?;
        for (_, good, name, title, kopecks) in LINES {
            let product = Listing {
                id: GoodId(good),
                good_name: name.to_owned(),
                good_title: title.to_owned(),
                good_sum: Money::from_kopecks(kopecks),
            };
            products::add_missing(tx, id, &product)?;
        }
        for order in page_orders()? {
            orders::add(tx, id, &order)?;
        }
        add_contact(tx, id)?;
        marks::set(tx, marks::DEMO, "filled")?;
        Ok(accounts::list(tx)?)
    })
}

/// Subscribes the customer of the page's orders to a group, and adds a partner.
fn add_contact(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Failure> {
    let by = By { at: CREATED, method: "demo", address: "" };
    let news =
        Group {
            name: "news".to_owned(), title: "Новости".to_owned(), created: CREATED, ..Group::default()
        };
    let group = groups::add(tx, account, news)?
        .ok_or_else(|| Failure::failed("the demo's group is there already"))?;
    let email = Some(Email::parse(EMAIL).map_err(Failure::failed)?);
    let contact = contacts::add(tx, account, Contact { email, ..Contact::default() }, by)?;
    subscriptions::put(tx, account, &group, contact, SubscriptionStatus::Subscribe, by, ("", ""))?;
    partners::add(tx, account, "partner", 0)?;
    Ok(())
}

fn page_orders() -> Result<Vec<Order>, Failure> {
    let email = Email::parse(EMAIL).map_err(Failure::failed)?;
    let orders = LINES.chunk_by(|one, next| one.0 == next.0).filter_map(|lines| {
        let id = OrderId(lines.first()?.0);
        let lines = lines.iter().map(|&(_, good, name, title, kopecks)| Line {
            good_id: GoodId(good),
            good_name: name.to_owned(),
            good_title: title.to_owned(),
            sum: Money::from_kopecks(kopecks),
            price: Money::from_kopecks(kopecks),
            pincode: String::new(),
            partner_fee: Money::ZERO,
            partner_pfee: Money::ZERO,
        });
        Some(Order {
            id,
            email: Some(email.clone()),
            pay_status: PayStatus::Paid,
            created: CREATED,
            paid: PAID,
            is_recurrent: false,
            handling: Handling::default(),
            texts: Texts::default(),
            lines: lines.collect(),
        })
    });
    Ok(orders.collect())
}

/// Makes a link into the demo's cabinet: its path; none where the demo's account is gone.
pub(crate) fn login_path(store: &Store) -> Result<Option<String>, Failure> {
    store.write(|tx| {
        let login = Login::parse(LOGIN).map_err(Failure::failed)?;
        let Some(account) = accounts::find(tx, &login)? else { return Ok(None) };
        let owner = login_link::first_owner(tx, &account)?;
        Ok(Some(login_link::made(tx, &account, &owner)?))
    })
}

/// How to call the demo at `url` (`http://username.localhost:8080`). `None` once its key was changed.
pub(crate) fn greeting(accounts: &[Account], url: &str) -> Option<String> {
    let Account { login, key, .. } = accounts
        .iter()
        .find(|account| account.login.as_str() == LOGIN && account.key.reveal() == PUBLIC_KEY)?;
    let form = "email=anna%40example.com&pay_status=paid";
    let hash = signature::request(form.as_bytes(), login, key);
    let hash = String::from_utf8_lossy(&hash);
    Some(format!(
        "demo account {LOGIN}, key {PUBLIC_KEY}; its orders, from another terminal:\n  \
         curl -d '{form}&hash={hash}' {url}/api/GetBills\n\
         PHP and others: put {url}/api/ in the place of https://{LOGIN}.justclick.ru/api/"
    ))
}
