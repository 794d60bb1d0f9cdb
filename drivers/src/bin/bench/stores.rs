//! The stores for measurements: made once per build of the program, and copied before they are changed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use billhook_drivers::{Result, billhook::KEY, folders};
use billhook_store::{
    AccountId, Location, Store, accounts,
    orders::{self, Handling, Line, Order, TextField, Texts},
    products::{self, Listing},
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};

/// Orders in one transaction.
const BATCH_ORDERS: u64 = 20_000;
/// 1 January 2026, unix seconds.
const CREATED: i64 = 1_767_225_600;

pub(crate) struct Stores {
    folder: PathBuf,
    /// Identifies a build of the program: a store from another build may have another layout.
    build: String,
}

impl Stores {
    pub(crate) fn new(folder: &Path, program: &Path) -> Result<Self> {
        let file = fs::metadata(program).map_err(|cause| format!("{}: {cause}", program.display()))?;
        let modified = file.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
        Ok(Self { folder: folder.to_owned(), build: format!("{} bytes, {modified}\n", file.len()) })
    }

    /// The store with this name; made if this build has not made it yet.
    pub(crate) fn made(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let stamp = self.folder.join(format!("{name}.build"));
        if fs::read_to_string(&stamp).is_ok_and(|build| build == self.build) {
            return Ok(folder);
        }
        eprintln!("bench: making {}", folder.display());
        folders::remove(&folder)?;
        make(&folder)?;
        fs::write(&stamp, &self.build)?;
        Ok(folder)
    }
}

/// The total size of a store's files with this suffix, in bytes.
pub(crate) fn bytes(folder: &Path, end: &str) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(end) {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}

/// A seller, for stores of many accounts and for single orders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seller {
    pub(crate) orders: u64,
    pub(crate) customers: u64,
    pub(crate) products: u64,
}

impl Seller {
    /// Makes a store with this many such sellers; their logins are [`login`]s.
    pub(crate) fn fill(self, folder: &Path, accounts: u64) -> Result<()> {
        let store = Store::open_for_bulk(&Location::folder(folder))?;
        let at_once = (BATCH_ORDERS / self.orders).max(1);
        let mut first = 0;
        while first < accounts {
            let end = accounts.min(first + at_once);
            let added = store.write(move |tx| {
                (first..end).map(|account| self.add_account(tx, account)).collect::<Result<Vec<_>>>()
            })?;
            for account in added {
                let mut done = 0;
                while done < self.orders {
                    let batch_end = self.orders.min(done + BATCH_ORDERS);
                    store.write(move |tx| {
                        (done..batch_end).try_for_each(|order| self.add_order(tx, account, order))
                    })?;
                    done = batch_end;
                }
            }
            first = end;
        }
        Ok(())
    }

    /// Adds an account with its products.
    pub(crate) fn add_account(self, tx: &mut billhook_store::Tx<'_>, account: u64) -> Result<AccountId> {
        let added = accounts::add(tx, &Login::parse(&login(account))?, &Key::parse(KEY)?, CREATED)?;
        let added = added.ok_or("the account is there already")?;
        for number in 0..self.products {
            let Line { good_id, good_name, good_title, price, .. } = line(number);
            products::add_missing(
                tx,
                added,
                &Listing { id: good_id, good_name, good_title, good_sum: price },
            )?;
        }
        Ok(added)
    }

    /// The customer of an order: evenly spread, and not ordered like the orders.
    fn customer_of(self, number: u64) -> Result<u64> {
        let place = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Ok(u64::try_from((place * u128::from(self.customers)) >> 64)?)
    }

    pub(crate) fn add_order(
        self,
        tx: &mut billhook_store::Tx<'_>,
        account: AccountId,
        number: u64,
    ) -> Result<()> {
        Ok(orders::add(tx, account, &self.order(number)?)?)
    }

    /// A paid order of two products.
    pub(crate) fn order(self, number: u64) -> Result<Order> {
        let customer = self.customer_of(number)?;
        let mut texts = Texts::default();
        texts.set(TextField::FirstName, "Анна");
        texts.set(TextField::Phone, "+79001234567");
        texts.set(TextField::UtmSource, "vk");
        Ok(Order {
            id: OrderId(1 + number.cast_signed()),
            email: Some(Email::parse(&email(customer))?),
            pay_status: PayStatus::Paid,
            created: CREATED,
            paid: CREATED,
            is_recurrent: false,
            handling: Handling::default(),
            texts,
            lines: vec![line(number % self.products), line((number + 1) % self.products)],
        })
    }
}

pub(crate) fn login(account: u64) -> String {
    format!("shop{account}")
}

/// A customer's e-mail, the same in every account.
pub(crate) fn email(customer: u64) -> String {
    format!("customer{customer}@example.com")
}

fn line(product: u64) -> Line {
    Line {
        good_id: GoodId(1 + product.cast_signed()),
        good_name: format!("good-{product}"),
        good_title: format!("Курс «Фотография с нуля», выпуск {product}"),
        sum: Money::from_kopecks(390_000),
        price: Money::from_kopecks(390_000),
        pincode: String::new(),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_customer_has_orders() {
        for (orders, customers) in [(20, 5), (200, 50), (200_000, 50_000)] {
            let seller = Seller { orders, customers, products: 1 };
            let mut counts = std::collections::HashMap::new();
            for number in 0..orders {
                *counts.entry(seller.customer_of(number).unwrap()).or_insert(0) += 1;
            }
            assert_eq!(counts.len() as u64, customers);
            assert!(counts.into_iter().all(|(customer, orders)| customer < customers && orders <= 8));
        }
    }
}
