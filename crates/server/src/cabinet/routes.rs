//! Every path of the cabinet, with who may go there. The tests of isolation and of rights read this table.

use billhook_store::{managers::Manager, products::categories::Category};
use http::Method;

use crate::{
    cabinet::{
        audit,
        contacts::{self, Card},
        coupons::WithGoods,
        customers, deliveries, family,
        frame::HOME,
        groups::Counted,
        key_page, me, order,
        order_files::Form,
        order_new, orders,
        partners::Brought,
        passwords::{Asks, Checked},
        people,
        products::{self, OfCatalogue},
        reports, requests, settings, sign_in, trial,
        visit::{Context, Shown, Viewer},
        webhooks,
    },
    failure::Failure,
};

/// Who may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Also who is not signed in.
    Anyone,
    /// Everybody of the account.
    Reader,
    /// Its owners.
    Owner,
}

type PageOf = fn(&mut Context<'_, '_>) -> Result<Shown, Failure>;
type WithPassword = fn(&mut Context<'_, '_>, &Checked) -> Result<Shown, Failure>;
/// Whose password is asked for: by the account's number and the form.
type Whose = fn(&Context<'_, '_>) -> Asks;

/// What happens there.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// A page is read, by GET.
    Page(PageOf),
    /// A form is carried out in a write transaction, by POST.
    Change(PageOf),
    /// The list of orders is sent as a file, by GET.
    File(Form),
    /// A call of the API is made, by POST.
    Call,
    /// The account's data are sent as a file, by POST.
    Export,
    /// The same behind a password, by POST.
    Password(Whose, WithPassword),
}

/// A path of the cabinet.
pub(crate) struct Route {
    /// Its path; `{}` stands for one part of any text.
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) act: Act,
}

const fn page(path: &'static str, who: Who, page: PageOf) -> Route {
    Route { path, who, act: Act::Page(page) }
}

const fn change(path: &'static str, who: Who, change: PageOf) -> Route {
    Route { path, who, act: Act::Change(change) }
}

const fn password(path: &'static str, who: Who, whose: Whose, change: WithPassword) -> Route {
    Route { path, who, act: Act::Password(whose, change) }
}

/// All of them.
pub(crate) static ROUTES: &[Route] = &[
    page(HOME, Who::Reader, reports::page),
    page("/cabinet/sign-in", Who::Anyone, sign_in::page),
    password("/cabinet/sign-in", Who::Anyone, sign_in::asks, sign_in::sign_in),
    page("/cabinet/link/{}", Who::Anyone, sign_in::link_page),
    change("/cabinet/link/{}", Who::Anyone, sign_in::take_link),
    change("/cabinet/sign-out", Who::Reader, sign_in::sign_out),
    page("/cabinet/me", Who::Reader, me::page),
    password("/cabinet/me/password", Who::Reader, me::asks, me::set_password),
    page("/cabinet/me/totp", Who::Reader, me::totp_page),
    change("/cabinet/me/totp", Who::Reader, me::totp_on),
    password("/cabinet/me/totp/off", Who::Reader, me::asks, me::totp_off),
    change("/cabinet/me/sessions/end", Who::Reader, me::end_sessions),
    page("/cabinet/api", Who::Reader, key_page::page),
    change("/cabinet/api/key", Who::Owner, key_page::show_key),
    change("/cabinet/api/key/rotate", Who::Owner, key_page::rotate_key),
    change("/cabinet/api/old-key/end", Who::Owner, key_page::end_old_key),
    change("/cabinet/api/access", Who::Owner, key_page::set_access),
    page("/cabinet/api/call", Who::Owner, trial::page),
    Route { path: "/cabinet/api/call", who: Who::Owner, act: Act::Call },
    page("/cabinet/orders", Who::Reader, orders::page),
    Route { path: "/cabinet/orders.csv", who: Who::Reader, act: Act::File(Form::Csv) },
    Route { path: "/cabinet/orders.jsonl", who: Who::Reader, act: Act::File(Form::Jsonl) },
    page("/cabinet/orders/new", Who::Owner, order_new::page),
    change("/cabinet/orders/new", Who::Owner, order_new::add),
    page("/cabinet/orders/{}", Who::Reader, order::page),
    change("/cabinet/orders/{}/pay", Who::Owner, order::pay),
    change("/cabinet/orders/{}/part", Who::Owner, order::pay_part),
    change("/cabinet/orders/{}/unpay", Who::Owner, order::unpay),
    change("/cabinet/orders/{}/send", Who::Owner, order::send),
    change("/cabinet/orders/{}/refund", Who::Owner, order::refund),
    change("/cabinet/orders/{}/cancel", Who::Owner, order::cancel),
    change("/cabinet/orders/{}/delete", Who::Owner, order::delete),
    change("/cabinet/orders/{}/restore", Who::Owner, order::restore),
    change("/cabinet/orders/{}/edit", Who::Owner, order::edit),
    page("/cabinet/customers", Who::Reader, customers::page),
    page("/cabinet/customers/{}", Who::Reader, customers::customer),
    change("/cabinet/customers/{}/erase", Who::Owner, contacts::erase),
    page("/cabinet/contacts", Who::Reader, family::page::<Card>),
    change("/cabinet/contacts", Who::Owner, family::save::<Card>),
    page("/cabinet/contacts/{}", Who::Reader, family::one::<Card>),
    change("/cabinet/contacts/{}", Who::Owner, family::save::<Card>),
    change("/cabinet/contacts/{}/remove", Who::Owner, family::remove::<Card>),
    change("/cabinet/contacts/{}/join", Who::Owner, contacts::join),
    change("/cabinet/contacts/{}/leave", Who::Owner, contacts::leave),
    page("/cabinet/groups", Who::Reader, family::page::<Counted>),
    change("/cabinet/groups", Who::Owner, family::save::<Counted>),
    page("/cabinet/groups/{}", Who::Reader, family::one::<Counted>),
    change("/cabinet/groups/{}", Who::Owner, family::save::<Counted>),
    change("/cabinet/groups/{}/remove", Who::Owner, family::remove::<Counted>),
    page("/cabinet/products", Who::Reader, family::page::<OfCatalogue>),
    change("/cabinet/products", Who::Owner, family::save::<OfCatalogue>),
    page("/cabinet/products/{}", Who::Reader, family::one::<OfCatalogue>),
    change("/cabinet/products/{}", Who::Owner, family::save::<OfCatalogue>),
    change("/cabinet/products/{}/remove", Who::Owner, family::remove::<OfCatalogue>),
    change("/cabinet/products/{}/pincodes", Who::Owner, products::add_pincodes),
    page("/cabinet/coupons", Who::Reader, family::page::<WithGoods>),
    change("/cabinet/coupons", Who::Owner, family::save::<WithGoods>),
    page("/cabinet/coupons/{}", Who::Reader, family::one::<WithGoods>),
    change("/cabinet/coupons/{}", Who::Owner, family::save::<WithGoods>),
    change("/cabinet/coupons/{}/remove", Who::Owner, family::remove::<WithGoods>),
    page("/cabinet/categories", Who::Reader, family::page::<Category>),
    change("/cabinet/categories", Who::Owner, family::save::<Category>),
    page("/cabinet/categories/{}", Who::Reader, family::one::<Category>),
    change("/cabinet/categories/{}", Who::Owner, family::save::<Category>),
    change("/cabinet/categories/{}/remove", Who::Owner, family::remove::<Category>),
    page("/cabinet/managers", Who::Reader, family::page::<Manager>),
    change("/cabinet/managers", Who::Owner, family::save::<Manager>),
    page("/cabinet/managers/{}", Who::Reader, family::one::<Manager>),
    change("/cabinet/managers/{}", Who::Owner, family::save::<Manager>),
    change("/cabinet/managers/{}/remove", Who::Owner, family::remove::<Manager>),
    page("/cabinet/partners", Who::Reader, family::page::<Brought>),
    change("/cabinet/partners", Who::Owner, family::save::<Brought>),
    page("/cabinet/partners/{}", Who::Reader, family::one::<Brought>),
    change("/cabinet/partners/{}", Who::Owner, family::save::<Brought>),
    change("/cabinet/partners/{}/remove", Who::Owner, family::remove::<Brought>),
    page("/cabinet/requests", Who::Reader, requests::page),
    page("/cabinet/requests/{}", Who::Reader, requests::call),
    page("/cabinet/deliveries", Who::Reader, deliveries::page),
    change("/cabinet/deliveries/resend", Who::Owner, deliveries::resend_failed),
    page("/cabinet/deliveries/{}", Who::Reader, deliveries::one),
    change("/cabinet/deliveries/{}/resend", Who::Owner, deliveries::resend),
    page("/cabinet/webhooks", Who::Reader, webhooks::page),
    change("/cabinet/webhooks", Who::Owner, webhooks::add),
    page("/cabinet/webhooks/{}", Who::Reader, webhooks::one),
    change("/cabinet/webhooks/{}/secret", Who::Owner, webhooks::show_secret),
    change("/cabinet/webhooks/{}/rotate", Who::Owner, webhooks::rotate_secret),
    change("/cabinet/webhooks/{}/test", Who::Owner, webhooks::test),
    change("/cabinet/webhooks/{}/disable", Who::Owner, webhooks::disable),
    change("/cabinet/webhooks/{}/enable", Who::Owner, webhooks::enable),
    change("/cabinet/webhooks/{}/remove", Who::Owner, webhooks::remove),
    page("/cabinet/people", Who::Owner, people::page),
    change("/cabinet/people", Who::Owner, people::add),
    change("/cabinet/people/{}/link", Who::Owner, people::link),
    change("/cabinet/people/{}/role", Who::Owner, people::change_role),
    change("/cabinet/people/{}/remove", Who::Owner, people::remove),
    page("/cabinet/settings", Who::Reader, settings::page),
    change("/cabinet/settings", Who::Owner, settings::save),
    Route { path: "/cabinet/export", who: Who::Owner, act: Act::Export },
    page("/cabinet/audit", Who::Owner, audit::page),
];

/// Every route of the cabinet, as its verb, its path (`{}` stands for one open part), and who may go there.
pub fn cabinet_routes() -> impl Iterator<Item = (&'static str, &'static str, Who)> {
    ROUTES.iter().map(|route| (if route.is_post() { "POST" } else { "GET" }, route.path, route.who))
}

impl Route {
    /// The route of a path, and what stands for its open part.
    pub(crate) fn find(path: &str, method: &Method) -> Option<(&'static Self, String)> {
        let is_post = *method == Method::POST;
        let path = path.strip_suffix('/').unwrap_or(path);
        ROUTES.iter().filter(|route| route.is_post() == is_post).find_map(|route| {
            let (mut given, mut open) = (path.split('/'), String::new());
            for part in route.path.split('/') {
                match (part, given.next()?) {
                    ("{}", part) if !part.is_empty() => part.clone_into(&mut open),
                    (part, given) if part == given => {}
                    _ => return None,
                }
            }
            given.next().is_none().then_some((route, open))
        })
    }

    pub(crate) fn is_post(&self) -> bool {
        !matches!(self.act, Act::Page(_) | Act::File(_))
    }

    /// Whether a viewer may go there.
    pub(crate) fn admits(&self, viewer: &Viewer) -> bool {
        match self.who {
            Who::Anyone => true,
            Who::Reader => viewer.person.id != 0,
            Who::Owner => viewer.person.role == billhook_store::accounts::people::Role::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route() {
        let found = |path, method| Route::find(path, &method).map(|(route, part)| (route.path, part));
        assert_eq!(found("/cabinet/", Method::GET), Some(("/cabinet", String::new())));
        assert_eq!(found("/cabinet/link/1f", Method::POST), Some(("/cabinet/link/{}", "1f".to_owned())));
        for path in
            ["/cabinet/link", "/cabinet/link/", "/cabinet/link/1/2", "/cabinet/me/x", "/cabinets", "/"]
        {
            assert_eq!(found(path, Method::GET), None, "{path}");
        }
        for (at, route) in ROUTES.iter().enumerate() {
            let same = |other: &Route| other.path == route.path && other.is_post() == route.is_post();
            assert!(!ROUTES.iter().skip(at + 1).any(same), "{} stands twice", route.path);
        }
    }
}
