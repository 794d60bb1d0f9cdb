//! The catalogue during an import: the store's products, and those that the file has added so far.

use std::{collections::HashMap, mem};

use billhook_store::{AccountId, Error, Store, products, products::Listing};
use billhook_wire::GoodId;

use crate::record::{Fault, quoted};

/// The products, by number and by name.
#[derive(Default)]
pub(super) struct Catalogue {
    products: HashMap<GoodId, Entry>,
    names: HashMap<String, GoodId>,
}

struct Entry {
    product: Listing,
    /// The line that added it; `None` if it was in the store.
    line: Option<u64>,
    /// The line that describes the product itself.
    described: Option<u64>,
}

impl Catalogue {
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

    pub(super) fn get(&self, id: GoodId) -> Option<&Listing> {
        self.products.get(&id).map(|entry| &entry.product)
    }

    /// Checks that a product may have this name (decision 61): no other has it, and it has no other name.
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

    /// Adds a product that an order's line names first. Its name has been checked.
    pub(super) fn add(&mut self, product: Listing, line: u64) {
        self.names.insert(product.good_name.clone(), product.id);
        self.products.insert(product.id, Entry { product, line: Some(line), described: None });
    }

    /// Removes a product that a bad line added.
    pub(super) fn take_back(&mut self, product: &Listing) {
        self.names.remove(&product.good_name);
        self.products.remove(&product.id);
    }

    /// Takes a product from its own line (decision 71), with a checked name, and returns the old one.
    pub(super) fn describe(&mut self, product: Listing, line: u64) -> Result<Option<Listing>, Fault> {
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
