//! The cabinet: the seller's pages at `/cabinet`, under every host of an account (decision 95).
//!
//! A request finds its route in the table of `routes`. The page's function then runs in one transaction, which has found the
//! session and seen whether its person may go there. Pages are read on the threads of long reads, which step back before
//! the API's. A form is taken only from a page of the same host.

mod alarm;
mod assets;
mod audit;
mod contact_labels;
mod contacts;
mod cookies;
mod coupons;
mod customer_orders;
mod customers;
mod deliveries;
mod delivery_words;
mod export;
mod family;
pub(crate) mod frame;
mod groups;
mod key_page;
pub(crate) mod language;
mod me;
mod names;
mod order;
mod order_files;
mod order_labels;
mod order_new;
mod orders;
mod partners;
pub(crate) mod passwords;
mod people;
mod product_labels;
mod products;
mod refusal_words;
mod reports;
mod requests;
pub(crate) mod routes;
mod samples;
mod settings;
pub(crate) mod sign_in;
pub(crate) mod slowdown;
mod trial;
pub(crate) mod visit;
mod webhooks;

use std::sync::Arc;

use billhook_store::{
    Tx,
    accounts::people::{self as store_people, Person, USE_SECONDS},
};
use billhook_wire::Code;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use self::{
    cookies::Carrier,
    frame::HOME,
    language::Language,
    passwords::{Asks, Checked},
    routes::{Act, Route, Who},
    visit::{Context, Fields, Shown, Viewer, Visit},
};
use crate::{
    clock::unix_now,
    failure::{Failure, caught},
    gate::Asked,
    http::{
        answer::{self, Answer, Page},
        body::{Body, BodyError},
    },
    pages::HTML,
    state::State,
};

/// Scripts and styles come from here alone, and nothing else comes from anywhere.
static PAGE: Page = Page {
    content_type: HTML,
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    headers: &[(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "same-origin")],
};

/// What a browser calls itself is kept to so many bytes.
const AGENT_BYTES_MAX: usize = 200;

/// Whether a path is one of the cabinet's.
pub(crate) fn is_path(path: &str) -> bool {
    path == HOME
        || path.starts_with(assets::FOLDER)
        || path.strip_prefix(HOME).is_some_and(|rest| rest.starts_with('/'))
}

/// Answers a request for a page of the cabinet.
pub(crate) async fn answer(
    state: &Arc<State>,
    asked: &Asked<'_>,
    fresh: Result<(), Failure>,
    body: Result<Body, BodyError>,
) -> Result<Answer, Failure> {
    if let Some(answer) = assets::answer(asked.head) {
        return Ok(answer);
    }
    let language = language_of(&asked.head.headers);
    let shown = caught(async {
        fresh?;
        show(state, asked, language, body).await
    });
    let shown = shown.await.unwrap_or_else(|failure| {
        state.reporter.failed(&failure, state.store.place(), asked.request_id);
        let (status, ..) = failure.response();
        Shown::new(status, frame::refusal(language, status))
    });
    let code = match shown.status {
        status if status.is_client_error() => Code::WRONG_DATA,
        status if status.is_server_error() => Code::UNAVAILABLE,
        _ => Code::OK,
    };
    let body = answer::hold(shown.body.into_bytes(), [Some(&state.page_budget), None])?;
    let (page, rest) = shown.file.map_or((&PAGE, None), |(page, rest)| (page, Some(rest)));
    let mut answer = Answer::page(page, shown.status, code, body).with_headers(shown.headers);
    answer.rest = rest;
    Ok(answer)
}

/// The language that a reader has chosen, or else asks for.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    let chosen = cookies::cookie(headers, language::COOKIE).and_then(Language::parse);
    chosen.unwrap_or_else(|| Language::asked_for(headers))
}

async fn show(
    state: &Arc<State>,
    asked: &Asked<'_>,
    language: Language,
    body: Result<Body, BodyError>,
) -> Result<Shown, Failure> {
    let headers = &asked.head.headers;
    let refused = |status| Ok(Shown::new(status, frame::refusal(language, status)));
    let Some(account) = asked.account.clone().filter(|account| !account.disabled) else {
        return refused(StatusCode::NOT_FOUND);
    };
    let method = &asked.head.method;
    let path = asked.head.uri.path();
    let query = asked.head.uri.query().unwrap_or_default();
    if !matches!(*method, Method::GET | Method::HEAD | Method::POST) {
        return refused(StatusCode::METHOD_NOT_ALLOWED);
    }
    let query = Fields::read(query.as_bytes());
    if let Some(language) = Language::parse(query.get("language")).filter(|_| *method != Method::POST) {
        return Ok(in_language(language, path));
    }
    let Some((route, part)) = Route::find(path, method) else { return refused(StatusCode::NOT_FOUND) };
    let carrier = Carrier::of(asked, state.cabinet_over_http);
    if route.is_post() && !cookies::is_own_form(headers, carrier.scheme()) {
        return refused(StatusCode::FORBIDDEN);
    }
    let form = match &body {
        Ok(body) => Fields::read(&body.bytes),
        Err(BodyError::TooLarge { .. }) => return refused(StatusCode::PAYLOAD_TOO_LARGE),
        Err(BodyError::Broken) => return refused(StatusCode::BAD_REQUEST),
        Err(BodyError::NoMemory) => return Err(Failure::NoRoom),
    };
    let text = |name| headers.get(name).map(HeaderValue::as_bytes).map(String::from_utf8_lossy);
    let secret = carrier.secret(headers).map(str::to_owned);
    let mut agent = text(header::USER_AGENT).unwrap_or_default().into_owned();
    agent.truncate(agent.floor_char_boundary(AGENT_BYTES_MAX));
    let visit = Visit {
        account,
        language,
        carrier,
        host: text(header::HOST).unwrap_or_default().into_owned(),
        path: path.to_owned(),
        part,
        is_post: route.is_post(),
        query,
        form,
        now: unix_now(),
        address: asked.caller,
        request_id: asked.request_id.to_owned(),
        agent,
        digest: secret.as_deref().map(cookies::digest).unwrap_or_default(),
        secret,
        reports: state.reports.clone(),
    };
    run(state, asked, route, Arc::new(visit)).await
}

/// Notes which language a reader has chosen, and goes back to the page.
fn in_language(language: Language, path: &str) -> Shown {
    let mut shown = Shown::to(path);
    let cookie =
        format!("{}={}; Path=/cabinet; SameSite=Lax; Max-Age=31536000", language::COOKIE, language.code());
    shown.headers.extend(cookie.parse().map(|cookie| (header::SET_COOKIE, cookie)));
    shown
}

/// Runs a route's function in its transaction.
async fn run(
    state: &Arc<State>,
    asked: &Asked<'_>,
    route: &'static Route,
    visit: Arc<Visit>,
) -> Result<Shown, Failure> {
    let account = visit.account.id;
    let (shown, viewer) = match route.act {
        Act::Page(page) => {
            let visit = visit.clone();
            state.read(account, move |tx| entered(tx, &visit, route, page)).await?
        }
        Act::Change(change) => {
            let visit = visit.clone();
            state.write(account, move |tx| entered(tx, &visit, route, change)).await?
        }
        Act::Call => return call(state, asked, route, visit).await,
        Act::File(form) => {
            let asked = look(state, route, &visit, order_files::asked).await?;
            let filter = asked.and_then(|filter| filter);
            return Ok(
                filter.map_or_else(|shown| shown, |filter| order_files::file(state, visit, form, filter))
            );
        }
        Act::Export => return export::file(state, route, visit).await,
        Act::Password(whose, change) => {
            return with_password(state, route, visit, whose, change).await;
        }
    };
    if viewer.person.id == 0 || viewer.session.used + USE_SECONDS > visit.now || route.is_post() {
        return Ok(shown);
    }
    let (now, digest) = (visit.now, visit.digest.clone());
    state.write(account, move |tx| Ok(store_people::use_session(tx, account, &digest, now)?)).await?;
    Ok(shown.with_session(visit.carrier, visit.secret.as_deref().unwrap_or_default()))
}

/// Makes a call of the API for somebody who may, and shows what came of it.
async fn call(
    state: &State,
    asked: &Asked<'_>,
    route: &'static Route,
    visit: Arc<Visit>,
) -> Result<Shown, Failure> {
    if let Err(refused) = look(state, route, &visit, |_| Ok(())).await? {
        return Ok(refused);
    }
    let (account, outcome) = (visit.account.id, trial::called(state, asked, &visit).await?);
    let shown = state.read(account, move |tx| entered(tx, &visit, route, |cx| Ok(trial::done(cx, &outcome))));
    Ok(shown.await?.0)
}

/// Reads something for somebody who may go there; else it is the page that refuses.
async fn look<T: Send + 'static>(
    state: &State,
    route: &'static Route,
    visit: &Arc<Visit>,
    read: impl Fn(&mut Context<'_, '_>) -> Result<T, Failure> + Send + 'static,
) -> Result<Result<T, Shown>, Failure> {
    let visit = visit.clone();
    let looked = state.read(visit.account.id, move |tx| {
        let mut found = None;
        let (refused, _) = entered(tx, &visit, route, |cx| {
            found = Some(read(cx)?);
            Ok(Shown::to(HOME))
        })?;
        Ok(found.ok_or(refused))
    });
    looked.await
}

/// Finds the session, sees whether its person may go there, and does what stands there.
fn entered(
    tx: &mut Tx<'_>,
    visit: &Visit,
    route: &Route,
    act: impl FnOnce(&mut Context<'_, '_>) -> Result<Shown, Failure>,
) -> Result<(Shown, Viewer), Failure> {
    let session = match visit.digest.as_str() {
        "" => None,
        digest => store_people::session(tx, visit.account.id, digest, visit.now)?,
    };
    let viewer = session.map(|(session, person)| Viewer { session, person }).unwrap_or_default();
    let shown = if route.admits(&viewer) {
        act(&mut Context { tx, visit, viewer: &viewer })?
    } else if viewer.person.id == 0 {
        sign_in::first(visit)
    } else {
        let body = frame::refused(visit, &viewer, StatusCode::FORBIDDEN);
        Shown::new(StatusCode::FORBIDDEN, body)
    };
    Ok((shown, viewer))
}

/// Does what a password is asked for: reads its hash, checks the password and hashes the new one, then runs the change.
async fn with_password(
    state: &State,
    route: &'static Route,
    visit: Arc<Visit>,
    whose: fn(&Context<'_, '_>) -> Asks,
    change: fn(&mut Context<'_, '_>, &Checked) -> Result<Shown, Failure>,
) -> Result<Shown, Failure> {
    let account = visit.account.id;
    if route.who == Who::Anyone && visit.carrier == Carrier::None {
        return Ok(sign_in::needs_https(&visit));
    }
    let looked = look(state, route, &visit, move |cx| {
        let asks = whose(cx);
        let person = match &asks {
            Asks::Named(name) => store_people::find(cx.tx, account, name)?,
            Asks::Own => Some(cx.viewer.person.clone()),
            Asks::None => None,
        };
        Ok((asks, person))
    });
    let (asks, person) = match looked.await? {
        Ok(found) => found,
        Err(refused) => return Ok(refused),
    };
    let name = match &asks {
        Asks::Named(name) => name.clone(),
        Asks::Own | Asks::None => {
            person.as_ref().map(|person: &Person| person.name.clone()).unwrap_or_default()
        }
    };
    let mut attempt = None;
    let is_right = if asks == Asks::None {
        true
    } else {
        attempt = state.slowdown.attempt(visit.address, account, &name).await;
        if attempt.is_none() {
            return Ok(sign_in::too_many(&visit));
        }
        let hash = person.as_ref().map(|person| person.password.clone()).unwrap_or_default();
        state.passwords.is_right(visit.form.raw("password").to_owned(), hash).await?
    };
    let new = visit.form.raw("new_password");
    let new = if passwords::is_long_enough(new) && is_right {
        Some(state.passwords.hash(new.to_owned()).await?)
    } else {
        None
    };
    let checked = Checked { person, is_right, new };
    let (shown, _) =
        state.write(account, move |tx| entered(tx, &visit, route, |cx| change(cx, &checked))).await?;
    if let Some(attempt) = attempt {
        if shown.status == StatusCode::UNAUTHORIZED { attempt.failed() } else { attempt.succeeded() }
    }
    Ok(shown)
}
