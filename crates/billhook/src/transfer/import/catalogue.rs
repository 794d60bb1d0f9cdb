//! The catalogue while a file is read: what the store has, and what the file's lines have added to it so far.

use std::{collections::HashMap, mem};

use billhook_store::{AccountId, Error, Store, products, products::Product};
use billhook_wire::GoodId;

use crate::record::{Fault, quoted};

/// The products, by number and by name.
#[derive(Default)]
pub(super) struct Catalogue {
    products: HashMap<GoodId, Entry>,
    names: HashMap<String, GoodId>,
}

struct Entry {
    product: Product,
    /// The line that brought it; none if the store had it.
    line: Option<u64>,
    /// The line that describes the product itself, if there was one.
    described: Option<u64>,
}

impl Catalogue {
    /// The store's catalogue.
    pub(super) fn load(store: &Store, account: AccountId) -> Result<Self, Error> {
        store.read(|tx| {
            let mut catalogue = Self::default();
            products::each(tx, account, |product| {
                catalogue.names.insert(product.good_name.clone(), product.id);
                catalogue.products.insert(product.id, Entry { product, line: None, described: None });
                Ok::<(), Error>(())
            })?;
            Ok(catalogue)
        })
    }

    /// The product of a number.
    pub(super) fn get(&self, id: GoodId) -> Option<&Product> {
        self.products.get(&id).map(|entry| &entry.product)
    }

    /// Checks that a product may be called so (decision 61): by no other number, and by no other name.
    pub(super) fn check_name(&self, id: GoodId, good_name: &str) -> Result<(), Fault> {
        if let Some(known) = self.products.get(&id) {
            if known.product.good_name == good_name {
                return Ok(());
            }
            return Err(Fault(format!(
                "product {id} is called {} here and {} {}",
                quoted(good_name),
                quoted(&known.product.good_name),
                known.place()
            )));
        }
        match self.names.get(good_name).and_then(|other| self.products.get(other)) {
            None => Ok(()),
            Some(other) => Err(Fault(format!(
                "{} is product {id} here and product {} {}",
                quoted(good_name),
                other.product.id,
                other.place()
            ))),
        }
    }

    /// Adds a product that an order's line mentions first; its name has been checked.
    pub(super) fn add(&mut self, product: Product, line: u64) {
        self.names.insert(product.good_name.clone(), product.id);
        self.products.insert(product.id, Entry { product, line: Some(line), described: None });
    }

    /// Takes back what was added for a line that turned out to be bad.
    pub(super) fn take_back(&mut self, product: &Product) {
        self.names.remove(&product.good_name);
        self.products.remove(&product.id);
    }

    /// Takes a product as a line of its own describes it (decision 71); its name has been checked. Gives what it was before.
    pub(super) fn describe(&mut self, product: Product, line: u64) -> Result<Option<Product>, Fault> {
        let Some(known) = self.products.get_mut(&product.id) else {
            let id = product.id;
            self.add(product, line);
            if let Some(entry) = self.products.get_mut(&id) {
                entry.described = Some(line);
            }
            return Ok(None);
        };
        if let Some(first) = known.described {
            return Err(Fault(format!("product {} is described already, in line {first}", product.id)));
        }
        known.described = Some(line);
        Ok(Some(mem::replace(&mut known.product, product)))
    }
}

impl Entry {
    fn place(&self) -> String {
        self.line.map_or_else(|| "in the catalogue".to_owned(), |line| format!("in line {line}"))
    }
}
