//! The families that are a number and a name: categories of the catalogue, and managers.

use billhook_store::{
    accounts::audit::Action,
    managers::{self, Manager},
    products::categories::{self, Category},
};
use billhook_wire::Name;

use super::{
    family::{Called, Family, Input, Kind, Refused},
    language::{Language, words},
    visit::Context,
};
use crate::failure::Failure;

words! {
    add_category: "Новая категория", "A new category";
    title: "Название", "Title";
    add_manager: "Новый менеджер", "A new manager";
    name: "Имя", "Name";
}

macro_rules! named {
    ($type:ident of $module:ident, $field:ident, $path:literal, $add:ident, $added:ident $changed:ident $removed:ident) => {
        impl Family for $type {
            const PATH: &'static str = $path;
            const NOTED: [Action; 3] = [Action::$added, Action::$changed, Action::$removed];

            fn called(language: Language) -> Called {
                let words = Words::of(language);
                Called { add: words.$add, name: words.$field, columns: Vec::new() }
            }

            fn list(cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
                Ok($module::list(cx.tx, cx.visit.account.id)?)
            }

            fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
                Ok($module::find(cx.tx, cx.visit.account.id, number)?)
            }

            fn number(&self) -> i64 {
                self.id
            }

            fn name(&self) -> &str {
                &self.$field
            }

            fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
                Ok(vec![Input::new(Words::of(cx.language()).$field, "name", &self.$field, Kind::Needed)])
            }

            fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
                let Ok(name) = Name::new(cx.visit.form.get("name")) else {
                    return Ok(Err(Refused::Wrong("name")));
                };
                name.as_str().clone_into(&mut self.$field);
                if self.id == 0 {
                    self.id = $module::add(cx.tx, cx.visit.account.id, &self.$field)?;
                } else {
                    $module::put(cx.tx, cx.visit.account.id, self)?;
                }
                Ok(Ok(()))
            }

            fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
                Ok($module::remove(cx.tx, cx.visit.account.id, self.id).map(drop)?)
            }
        }
    };
}

named!(Category of categories, title, "/cabinet/categories", add_category, CategoryAdded CategoryChanged CategoryRemoved);
named!(Manager of managers, name, "/cabinet/managers", add_manager, ManagerAdded ManagerChanged ManagerRemoved);
