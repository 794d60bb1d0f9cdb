//! The partners of the affiliate program, and who brought whom.

use std::collections::HashMap;

use billhook_store::{
    accounts::audit::Action,
    partners::{self, Partner},
};
use billhook_wire::Name;
use maud::{Markup, html};

use super::{
    family::{Called, Family, Input, Kind, Refused},
    language::{Language, words},
    visit::Context,
};
use crate::failure::Failure;

words! {
    add: "Новый партнёр", "A new partner";
    login: "Логин", "Login";
    parent: "Кто привёл (логин)", "Brought by (login)";
    brought_by: "Кто привёл", "Brought by";
}

/// A partner, and the login of who brought this one.
#[derive(Default, Clone)]
pub(super) struct Brought {
    partner: Partner,
    parent: String,
}

impl Family for Brought {
    const PATH: &'static str = "/cabinet/partners";
    const NOTED: [Action; 3] = [Action::PartnerAdded, Action::PartnerChanged, Action::PartnerRemoved];

    fn called(language: Language) -> Called {
        let words = Words::of(language);
        Called { add: words.add, name: words.login, columns: vec![words.brought_by] }
    }

    fn list(cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
        let all = partners::list(cx.tx, cx.visit.account.id)?;
        let logins: HashMap<_, _> = all.iter().map(|partner| (partner.id, partner.login.clone())).collect();
        let with_parent = |partner: Partner| {
            let parent = logins.get(&partner.parent_id).cloned().unwrap_or_default();
            Self { partner, parent }
        };
        Ok(all.into_iter().map(with_parent).collect())
    }

    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
        let account = cx.visit.account.id;
        let Some(partner) = partners::find(cx.tx, account, number)? else { return Ok(None) };
        let parent = partners::find(cx.tx, account, partner.parent_id)?;
        Ok(Some(Self { partner, parent: parent.map(|parent| parent.login).unwrap_or_default() }))
    }

    fn number(&self) -> i64 {
        self.partner.id
    }

    fn name(&self) -> &str {
        &self.partner.login
    }

    fn cells(&self, _cx: &Context<'_, '_>) -> Vec<Markup> {
        vec![html! { (self.parent) }]
    }

    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
        let words = Words::of(cx.language());
        let parent = Input::new(words.parent, "parent", &self.parent, Kind::Optional);
        let login = Input::new(words.login, "login", "", Kind::Needed);
        Ok(if self.partner.id == 0 { vec![login, parent] } else { vec![parent] })
    }

    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
        let (form, account, partner) = (&cx.visit.form, cx.visit.account.id, &mut self.partner);
        partner.parent_id = match form.get("parent") {
            "" => 0,
            login => match partners::named(cx.tx, account, login)? {
                Some(parent) if parent.id != partner.id => parent.id,
                _ => return Ok(Err(Refused::Wrong("parent"))),
            },
        };
        if partner.id != 0 {
            partners::put(cx.tx, account, partner)?;
            return Ok(Ok(()));
        }
        let Ok(login) = Name::new(form.get("login")) else { return Ok(Err(Refused::Wrong("login"))) };
        partner.login = login.folded();
        let Some(id) = partners::add(cx.tx, account, &partner.login, partner.parent_id)? else {
            return Ok(Err(Refused::Taken));
        };
        partner.id = id;
        Ok(Ok(()))
    }

    fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
        Ok(partners::remove(cx.tx, cx.visit.account.id, self.partner.id).map(drop)?)
    }
}
