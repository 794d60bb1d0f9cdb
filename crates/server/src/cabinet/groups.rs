//! The groups that contacts are subscribed to.

use billhook_store::{
    accounts::audit::Action,
    contacts::{
        groups::{self, Group, Kind as Joins},
        subscriptions,
    },
};
use billhook_wire::{Name, method::SubscriptionStatus as Status};
use maud::{Markup, html};

use super::{
    contact_labels, contacts,
    family::{Called, Family, Input, Kind, Refused, shown_of},
    frame,
    language::{Language, words},
    visit::Context,
};
use crate::{failure::Failure, outbox::check_webhook_url};

words! {
    remove: "Удалить группу", "Remove the group";
    add: "Новая группа", "A new group";
    title: "Название", "Title";
    name: "Имя в API (если пусто, подберём сами)", "Name in the API (if empty, one is made)";
    name_in_api: "Имя в API", "Name in the API";
    subscribed: "Подписано", "Subscribed";
    joins: "Кто в неё попадает", "Who joins it";
    open: "все, кого добавили форма, API или вы", "whom a form, the API or you add";
    auto: "только покупатели товаров", "only buyers of products";
    url_subscribed: "Адрес, куда сообщать о подписке", "URL to call when somebody is subscribed";
    url_unsubscribed: "Адрес, куда сообщать об отписке из письма (пока не вызывается)",
        "URL to call when somebody leaves by a letter's link (not called yet)";
    state: "Состояние", "State";
    contacts: "Контактов", "Contacts";
    removed_by_command: "Группа большая, её удаляет команда", "The group is large, so a command removes it";
}

/// A group, and how many contacts are subscribed to it if that was counted. A form is carried out where all writes wait, so
/// nothing is counted there.
#[derive(Default, Clone)]
pub(super) struct Counted {
    group: Group,
    subscribed: Option<u64>,
    /// Whether it is removed by the command alone, which takes its time.
    is_large: bool,
}

impl Family for Counted {
    const PATH: &'static str = "/cabinet/groups";
    const NOTED: [Action; 3] = [Action::GroupAdded, Action::GroupChanged, Action::GroupRemoved];

    fn called(language: Language) -> Called {
        let words = Words::of(language);
        Called {
            add: words.add,
            name: words.title,
            columns: vec![words.name_in_api, words.joins, words.subscribed],
        }
    }

    fn list(cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
        let groups = groups::list(cx.tx, cx.visit.account.id)?;
        let counted = shown_of(cx, groups, |group| group.id).into_iter().map(|group| {
            let subscribed = if cx.visit.is_post {
                None
            } else {
                Some(subscriptions::count(cx.tx, cx.visit.account.id, group.id)?)
            };
            Ok(Self { group, subscribed, is_large: false })
        });
        counted.collect()
    }

    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
        let account = cx.visit.account.id;
        let Some(group) = groups::find(cx.tx, account, number)? else { return Ok(None) };
        let is_large = subscriptions::are_more_than(cx.tx, account, number, subscriptions::REMOVED_AT_ONCE)?;
        Ok(Some(Self { group, subscribed: None, is_large }))
    }

    fn number(&self) -> i64 {
        self.group.id
    }

    fn name(&self) -> &str {
        let Group { title, .. } = &self.group;
        title
    }

    fn cells(&self, cx: &Context<'_, '_>) -> Vec<Markup> {
        let words = Words::of(cx.language());
        let joins = if self.group.kind == Joins::Auto { words.auto } else { words.open };
        vec![
            html! { code { (self.group.name) } },
            html! { (joins) },
            html! { @if let Some(count) = self.subscribed { (contacts::of_group(cx, self.group.id, count)) } },
        ]
    }

    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
        let (words, group) = (Words::of(cx.language()), &self.group);
        let kinds = [(Joins::Open, words.open), (Joins::Auto, words.auto)];
        let kinds = kinds.map(|(kind, text)| (kind.as_str().to_owned(), text.to_owned())).to_vec();
        let mut inputs = vec![
            Input::new(words.title, "title", &group.title, Kind::Needed),
            Input::new(words.joins, "kind", group.kind.as_str(), Kind::Choice(kinds)),
            Input::new(words.url_subscribed, "url_subscribed", &group.url_subscribed, Kind::Optional),
            Input::new(words.url_unsubscribed, "url_unsubscribed", &group.url_unsubscribed, Kind::Optional),
        ];
        if group.id == 0 {
            inputs.insert(1, Input::new(words.name, "name", "", Kind::Optional));
        }
        Ok(inputs)
    }

    fn more(&self, cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
        let words = Words::of(cx.language());
        let statuses = if cx.visit.is_post {
            Vec::new()
        } else {
            subscriptions::statuses(cx.tx, cx.visit.account.id, self.group.id)?
        };
        let rows: Vec<_> = statuses
            .into_iter()
            .map(|(status, count)| {
                let count = if status == Status::Subscribe {
                    contacts::of_group(cx, self.group.id, count)
                } else {
                    html! { (cx.language().count(count)) }
                };
                vec![html! { (contact_labels::stand(cx.language(), status)) }, count]
            })
            .collect();
        Ok(html! {
            p { (words.name_in_api) ": " code { (self.group.name) } }
            @if !rows.is_empty() { (frame::table(&[words.state, words.contacts], &rows)) }
            @if self.is_large {
                p { (words.removed_by_command) ": " code { "billhook group remove " (self.group.name) } }
            }
        })
    }

    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
        let (form, account, group) = (&cx.visit.form, cx.visit.account.id, &mut self.group);
        let Ok(title) = Name::new(form.get("title")) else { return Ok(Err(Refused::Wrong("title"))) };
        title.as_str().clone_into(&mut group.title);
        group.kind = Joins::parse(form.get("kind")).unwrap_or(group.kind);
        for (name, url) in
            [("url_subscribed", &mut group.url_subscribed), ("url_unsubscribed", &mut group.url_unsubscribed)]
        {
            let said = form.get(name);
            if !said.is_empty() && check_webhook_url(said).is_err() {
                return Ok(Err(Refused::Wrong(name)));
            }
            said.clone_into(url);
        }
        if group.id != 0 {
            groups::put(cx.tx, account, group)?;
            return Ok(Ok(()));
        }
        let name = form.get("name");
        if !name.is_empty() && (Name::new(name).is_err() || !groups::may_be_named(name)) {
            return Ok(Err(Refused::Wrong("name")));
        }
        let group = Group { name: name.to_owned(), created: cx.visit.now, ..group.clone() };
        let Some(group) = groups::add(cx.tx, account, group)? else { return Ok(Err(Refused::Taken)) };
        self.group = group;
        Ok(Ok(()))
    }

    fn remove_label(&self, language: Language) -> Option<&'static str> {
        (!self.is_large).then_some(Words::of(language).remove)
    }

    fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
        Ok(subscriptions::remove_some(cx.tx, cx.visit.account.id, self.group.id).map(drop)?)
    }
}
