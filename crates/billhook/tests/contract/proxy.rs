//! A proxy that leads every CONNECT to one address, for unchanged clients with `https_proxy`.

use std::{
    io::{BufRead, BufReader, Write, copy},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Starts the proxy and returns its URL. It runs until the test's process ends.
pub(crate) fn start(target: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || tunnel(client.unwrap(), target));
        }
    });
    url
}

fn tunnel(mut client: TcpStream, target: SocketAddr) {
    let mut lines = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("CONNECT "), "{line}");
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line).unwrap();
    }
    let server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    relay(client, server);
}

/// Copies bytes both ways until both sides have ended.
pub(crate) fn relay(mut client: TcpStream, mut server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        // Either side may close at any time.
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Write);
}
