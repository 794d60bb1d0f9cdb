//! HTTP/2: the limits of one client and of one address.

use std::sync::atomic::Ordering;

use billhook_test_kit::Cluster;
use bytes::Bytes;
use h2::{Reason, client::SendRequest};
use rustls::version::TLS13;

use super::{
    methods::{HELD_READS, HELD_READS_MAY_END, test_methods},
    tls::{connect_tls, files, on_runtime, tls, write_pair},
    *,
};
use crate::Certificate;

/// A new connection, and the protocol that it negotiated.
async fn client(address: SocketAddr) -> (SendRequest<Bytes>, Option<Vec<u8>>) {
    let (stream, _) = connect_tls(address, "anna.localhost", &[b"h2", b"http/1.1"], &TLS13).await.unwrap();
    let spoken = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    (client, spoken)
}

/// A request's head with this many additional fields.
fn head(fields: usize, value: &str) -> http::Request<()> {
    let request = http::Request::post("https://anna.localhost/api/GetBills");
    (0..fields).fold(request, |request, number| request.header(format!("x{number}"), value)).body(()).unwrap()
}

#[test]
fn a_head_has_a_bound() {
    let server = TestServer::start(tls(Certificate::SelfSigned));
    on_runtime(async {
        let (mut client, _) = client(server.addresses.https.unwrap()).await;
        for (bytes, status) in [(15 * 1024, 405), (17 * 1024, 431)] {
            let request = http::Request::get("https://anna.localhost/api/").header("x", "y".repeat(bytes));
            let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
            assert_eq!(answer.await.unwrap().status(), status, "{bytes}");
        }
    });
}

#[test]
fn connections_beyond_those_of_an_address_are_offered_http_1() {
    let server = TestServer::start(tls(Certificate::SelfSigned));
    let address = server.addresses.https.unwrap();
    on_runtime(async {
        let mut held = Vec::new();
        for _ in 0..32 {
            let (client, spoken) = client(address).await;
            assert_eq!(spoken.as_deref(), Some(b"h2".as_slice()));
            held.push(client);
        }
        let spoken = async || {
            let both: [&[u8]; 2] = [b"h2", b"http/1.1"];
            let (stream, _) = connect_tls(address, "anna.localhost", &both, &TLS13).await.unwrap();
            stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
        };
        assert_eq!(spoken().await.as_deref(), Some(b"http/1.1".as_slice()));
        drop(held.pop());
        let left = async {
            while server.permits.taken() > 31 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), left).await.unwrap();
        assert_eq!(spoken().await.as_deref(), Some(b"h2".as_slice()));
    });
}

/// Heads with many fields cost the most: their map takes several times the received bytes.
#[test]
fn heads_of_one_address_have_a_bound_together() {
    for (proxies, refuses) in [(vec![], true), (vec!["127.0.0.1/32".parse().unwrap()], false)] {
        let server = TestServer::start(|options| {
            tls(Certificate::SelfSigned)(options);
            options.trusted_proxies = proxies;
        });
        on_runtime(async {
            let address = server.addresses.https.unwrap();
            let (mut clients, mut held, mut refused) = (Vec::new(), Vec::new(), 0);
            for _ in 0..24 {
                let (client, _) = client(address).await;
                // A connection whose requests are all refused stays open too.
                clients.push(client.clone());
                let mut asked = Vec::new();
                for _ in 0..16 {
                    let mut client = client.clone().ready().await.unwrap();
                    asked.push(client.send_request(head(400, ""), false).unwrap());
                }
                for (answer, body) in asked {
                    match tokio::time::timeout(Duration::from_millis(5), answer).await {
                        Ok(answer) => {
                            assert_eq!(answer.unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
                            refused += 1;
                        }
                        Err(_) => held.push(body),
                    }
                }
            }
            assert_eq!(refused > 0, refuses, "{} held, {refused} refused", held.len());
            assert!(!refuses || (250..350).contains(&held.len()), "{} held", held.len());
            assert_eq!(server.permits.taken(), 24);
            drop(held);
            let (mut client, _) = client(address).await;
            let (answer, _) = client.send_request(head(0, ""), true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200, "there is room again");
        });
    }
}

#[test]
fn browsers_are_told_to_stay_with_https_where_they_can_check_the_server() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), "anna.localhost");
    for (certificate, told) in [(files(folder.path()), true), (Certificate::SelfSigned, false)] {
        let server = TestServer::start(|options| {
            tls(certificate)(options);
            options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        });
        on_runtime(async {
            let (mut client, _) = client(server.addresses.https.unwrap()).await;
            let (answer, _) = client.send_request(head(0, ""), true).unwrap();
            let header = answer.await.unwrap().headers().get("strict-transport-security").cloned();
            assert_eq!(header.is_some(), told);
        });
        assert_eq!(server.call("GetBills", ASK).header("strict-transport-security"), None, "in clear");
    }
}

/// Each read of a database blocks a thread. If its caller leaves before its turn, it is not done.
#[test]
fn a_queued_read_is_given_up_when_its_caller_has_gone() {
    let location = Location::parse(&Cluster::shared().create_database().unwrap()).unwrap();
    let server = TestServer::start_over(&location, test_methods(), tls(Certificate::SelfSigned));
    on_runtime(async {
        let (client, _) = client(server.addresses.https.unwrap()).await;
        let mut asked = Vec::new();
        for _ in 0..16 {
            let mut client = client.clone().ready().await.unwrap();
            let request = http::Request::post("https://anna.localhost/api/HeldRead").body(()).unwrap();
            let (answer, mut body) = client.send_request(request, false).unwrap();
            body.send_data(sign("", "anna", KEY).into(), true).unwrap();
            asked.push((answer, body));
        }
        let begun = || HELD_READS.load(Ordering::SeqCst);
        let threads = billhook_store::CONNECTIONS;
        while begun() < threads {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (_, body) in &mut asked[threads + 1..] {
            body.send_reset(Reason::CANCEL);
        }
        // The server reads a connection's frames in order, so it knows of the resets when it answers this.
        let get = http::Request::get("https://anna.localhost/api/").body(()).unwrap();
        let (answer, _) = client.clone().ready().await.unwrap().send_request(get, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 405);
        assert_eq!(begun(), threads, "no more reads at once than there are connections");
        HELD_READS_MAY_END.store(true, Ordering::SeqCst);
        for (answer, _) in asked.drain(..).take(threads + 1) {
            assert_eq!(answer.await.unwrap().status(), 200);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        // Streams reach the queue in any order, so some of those that were reset may have begun.
        assert!((threads + 1..16).contains(&begun()), "{} have begun", begun());
    });
}
