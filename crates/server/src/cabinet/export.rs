//! An account's export, as its owner takes it: the lines that `billhook export` writes.
//!
//! It is written to a file without a name first. So a slow reader holds no transaction open, all of it is of one moment, and what
//! fails is told by a page and not by a file that ends early.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    sync::Arc,
    thread,
};

use billhook_store::{
    Store,
    accounts::{self, audit::Action},
};
use billhook_wire::Login;
use futures_util::stream;
use http::{StatusCode, header};
use tokio::{sync::oneshot, task};

use super::{
    PAGE, entered, frame,
    routes::Route,
    visit::{Shown, Visit},
};
use crate::{
    Export,
    failure::Failure,
    http::answer::{self, CutOff, Page, Rest},
    state::State,
};

/// As many bytes of a file are read at once.
const PART_BYTES: usize = 256 * 1024;

static JSON_LINES: Page = Page {
    content_type: "application/jsonl",
    policy: PAGE.policy,
    headers: &[(header::CACHE_CONTROL, "no-store")],
};

/// The file, for an owner; who took it stands in the audit list.
pub(super) async fn file(
    state: &Arc<State>,
    route: &'static Route,
    visit: Arc<Visit>,
) -> Result<Shown, Failure> {
    let (account, login, settings) =
        (visit.account.id, visit.account.login.clone(), visit.form.has("settings"));
    let Some(export) = state.export else {
        return Ok(Shown::new(StatusCode::NOT_FOUND, frame::refusal(visit.language, StatusCode::NOT_FOUND)));
    };
    let name = format!("attachment; filename=\"{}.jsonl\"", login.as_str());
    let noted = state.write(account, move |tx| {
        entered(tx, &visit, route, |cx| {
            cx.note(Action::Exported, "")?;
            Ok(Shown::new(StatusCode::OK, String::new()))
        })
    });
    let (mut shown, viewer) = noted.await?;
    if !route.admits(&viewer) {
        return Ok(shown);
    }
    let turn = state.exports.clone().acquire_owned().await;
    let turn = turn.map_err(|_| Failure::Fault("exports are over"))?;
    let store = state.store.clone();
    let (send, made) = oneshot::channel();
    // A thread of its own, since its priority stays low.
    let thread = thread::Builder::new().name("export".to_owned()).spawn(move || {
        let written = written(&store, &login, settings, export);
        drop(turn);
        let _ = send.send(written);
    });
    thread.map_err(|_| Failure::Fault("there is no thread for an export"))?;
    let file = made.await.map_err(|_| Failure::Fault("an export was given up"))??;
    shown.headers.extend(name.parse().map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(Shown { file: Some((&JSON_LINES, parts(state.clone(), file))), ..shown })
}

/// The file, from its beginning.
fn written(store: &Store, login: &Login, settings: bool, export: Export) -> Result<File, Failure> {
    let account = store.read(|tx| accounts::find(tx, login))?.ok_or(Failure::Fault("the account is gone"))?;
    let failed = |error: io::Error| {
        tracing::error!("the temporary file of an export: {error}");
        Failure::Fault("the temporary file of an export could not be written")
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    export(store, &account, settings, &mut file)?.map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

fn parts(state: Arc<State>, file: File) -> Rest {
    Box::pin(stream::try_unfold(file, move |mut file| {
        let state = state.clone();
        async move {
            let read = task::spawn_blocking(move || {
                let mut part = Vec::with_capacity(PART_BYTES);
                let read = (&mut file).take(PART_BYTES as u64).read_to_end(&mut part);
                read.map(|_| (part, file))
            });
            let (part, file) = read.await.ok().and_then(Result::ok).ok_or(CutOff)?;
            if part.is_empty() {
                return Ok(None);
            }
            let held = answer::hold(part, [Some(&state.page_budget), None]).map_err(|_| CutOff)?;
            Ok(Some((held, file)))
        }
    }))
}
