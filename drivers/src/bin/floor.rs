//! The floor: the least that an HTTP server on hyper can do. It reads a request's body and answers fixed
//! bytes, with as many headers as Billhook. The difference to it is Billhook's own cost.
//!
//! Usage: `floor CERT KEY BYTES…`. It listens on a free HTTP port for each size of answer, and on a TLS port
//! with the first size. It prints the addresses like `billhook serve`.

use std::{convert::Infallible, error::Error, io::Write as _, path::Path, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The same as Billhook's, so that the comparison is not one of allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SIGNATURE: HeaderName = HeaderName::from_static("billhook-signature");

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(cert), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("usage: floor CERT KEY BYTES…".into());
    };
    let sizes = arguments
        .map(|size| size.to_str().and_then(|size| size.parse().ok()).ok_or("BYTES is a number"))
        .collect::<Result<Vec<usize>, _>>()?;
    let acceptor = acceptor(Path::new(&cert), Path::new(&key))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(acceptor, sizes))
}

async fn serve(acceptor: TlsAcceptor, sizes: Vec<usize>) -> Result<(), Failure> {
    let mut addresses = Vec::new();
    for (at, &size) in sizes.iter().enumerate() {
        let answer = Bytes::from(vec![b'x'; size]);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        addresses.push(format!("listening on http://{}", listener.local_addr()?));
        tokio::spawn(accept(listener, None, answer.clone()));
        if at == 0 {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            addresses.push(format!("listening on https://{}", listener.local_addr()?));
            tokio::spawn(accept(listener, Some(acceptor.clone()), answer));
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", addresses.join("\n"))?;
    out.flush()?;
    std::future::pending::<()>().await;
    Ok(())
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, answer: Bytes) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(take(stream, acceptor.clone(), answer.clone()));
    }
}

async fn take(stream: TcpStream, acceptor: Option<TlsAcceptor>, answer: Bytes) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    match acceptor {
        None => connection(stream, answer).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                connection(stream, answer).await;
            }
        }
    }
}

async fn connection(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, answer: Bytes) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answered(request, answer).await) }
    });
    // How a connection ends does not matter.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
}

async fn answered(request: Request<Incoming>, answer: Bytes) -> Response<Full<Bytes>> {
    // An incomplete body ends the connection by itself.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(answer));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(REQUEST_ID, HeaderValue::from_static("0123456789abcdef"));
    headers.insert(
        SIGNATURE,
        HeaderValue::from_static(
            "t=1700000000,v1=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ),
    );
    response
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
