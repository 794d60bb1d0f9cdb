//! The style and the script of the pages. A hash in the name lets a browser keep each for ever.

use std::sync::LazyLock;

use billhook_wire::{Code, signature};
use bytes::Bytes;
use http::{StatusCode, header, request::Parts};

use crate::http::answer::{Answer, Page};

/// Where they are. Pages outside the cabinet bring them too.
pub(super) const FOLDER: &str = "/assets/";

/// An asset that is part of the program.
struct Asset {
    path: String,
    page: Page,
    body: &'static [u8],
}

impl Asset {
    fn new(name: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Self {
        let hash = signature::sha256(body);
        let path = format!("{FOLDER}{name}-{}.{ending}", hash.get(..12).unwrap_or_default());
        let headers = &[(header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
        Self { path, page: Page { content_type, policy: "default-src 'none'", headers }, body }
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("style.css")));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("script", "js", "text/javascript; charset=utf-8", include_bytes!("script.js"))
});

/// Where the style is.
pub(super) fn style() -> &'static str {
    &STYLE.path
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &SCRIPT.path
}

/// The asset that is asked for, if one is.
pub(super) fn answer(head: &Parts) -> Option<Answer> {
    let asset: &'static Asset =
        [&*STYLE, &*SCRIPT].into_iter().find(|asset| asset.path == head.uri.path())?;
    let found = || Answer::page(&asset.page, StatusCode::OK, Code::OK, Bytes::from_static(asset.body));
    Some(asset.page.refusal(&head.method).unwrap_or_else(found))
}
