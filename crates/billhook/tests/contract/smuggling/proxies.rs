//! The same requests through nginx and `HAProxy`, which share their connections to Billhook among clients.
//! Meanwhile clients of two accounts ask for their orders, and must never get another client's answer.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use super::{ATTACKER, KEY, corpus, shop};
use crate::{
    program::{Answer, signed},
    proxy::relay,
};

const HONEST: [(&str, &str); 2] = [("one", "key-of-one-0123456789"), ("two", "key-of-two-0123456789")];
/// Orders per account. Their names tell the answers apart.
const CUSTOMERS: usize = 20;
/// How many attackers run in parallel.
const ATTACKERS: usize = 3;
/// How long a client waits. Some of the requests have no end, so no answer ever comes.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A proxy that listens on a socket in its own folder, killed on drop.
struct Proxy {
    child: Child,
    place: tempfile::TempDir,
}

impl Proxy {
    fn start(program: &str, arguments: &[&str], configuration: impl FnOnce(&str) -> String) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().to_str().unwrap();
        fs::write(place.path().join("configuration"), configuration(folder)).unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        // Debian's folder, which is not in every user's PATH.
        let installed = Path::new("/usr/sbin").join(program);
        let child = Command::new(if installed.exists() { &installed } else { Path::new(program) })
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: apt-get install {program}"));
        let proxy = Self { child, place };
        let begun = Instant::now();
        while UnixStream::connect(proxy.front()).is_err() {
            let log = || fs::read_to_string(proxy.place.path().join("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(20), "{program} did not start: {}", log());
            thread::sleep(Duration::from_millis(10));
        }
        proxy
    }

    fn front(&self) -> PathBuf {
        self.place.path().join("front")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As in `docs/repoint.md`, with connections that are kept open.
fn nginx(behind: SocketAddr, streams: &str) -> Proxy {
    let arguments = ["-p", ".", "-c", "configuration", "-e", "log"];
    Proxy::start("nginx", &arguments, |folder| {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
            .concat();
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n\
             access_log off;\n{temporary}\
             upstream billhook {{ server {behind}; keepalive 4; }}\n\
             server {{\n\
             listen unix:{folder}/front;\n\
             keepalive_requests 1000000;\n\
             client_max_body_size 1m;\n\
             location / {{\n\
             proxy_pass http://billhook;\n\
             proxy_http_version 1.1;\n\
             proxy_request_buffering {streams};\n\
             proxy_set_header Connection \"\";\n\
             proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
             }} }} }}\n"
        )
    })
}

fn haproxy(behind: SocketAddr, lenience: &str) -> Proxy {
    Proxy::start("haproxy", &["-db", "-f", "configuration"], |folder| {
        format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n \
             http-reuse always\n\
             frontend front\n bind {folder}/front\n {lenience}\n default_backend billhook\n\
             backend billhook\n server billhook {behind} maxconn 4\n"
        )
    })
}

/// Forwards connections to Billhook, and counts them.
fn tap(target: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            counter.fetch_add(1, Relaxed);
            let server = TcpStream::connect(target).unwrap();
            thread::spawn(move || relay(client.unwrap(), server));
        }
    });
    (address, count)
}

/// Asks for orders until the end. Returns how many answers were right, and how many came from the proxy only.
fn ask_honestly(front: &Path, (login, key): (&str, &str), end: &AtomicBool) -> (usize, usize) {
    let (mut right, mut broken) = (0, 0);
    let mut stream = connect(front);
    while !end.load(Relaxed) {
        let customer = format!("m{}", right % CUSTOMERS);
        let form = signed(login, key, &[("email", &format!("{customer}@example.com"))]);
        let head = format!("POST /api/GetBills HTTP/1.1\r\nHost: {login}.localhost\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{form}", form.len()).unwrap();
        let answer = Answer::read(&mut stream).unwrap();
        if [502, 503, 504].contains(&answer.status) && answer.header("x-request-id").is_none() {
            // Billhook had just closed the connection that the proxy chose.
            broken += 1;
            stream = connect(front);
            continue;
        }
        answer.checked(Some(key));
        assert_eq!(answer.body.matches("of-").count(), 1, "{answer:?}");
        assert!(answer.body.contains(&format!("\"of-{login}-{customer}.\"")), "{customer}: {answer:?}");
        right += 1;
    }
    (right, broken)
}

fn connect(front: &Path) -> UnixStream {
    let stream = UnixStream::connect(front).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends a case and a plain request after it. Returns whether the latter was answered.
fn attack(front: &Path, case: &corpus::Case) -> bool {
    let mut stream = connect(front);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The proxy may refuse it while it is sent.
    let _ = stream.write_all(&[&case.bytes, corpus::plain("after").as_bytes()].concat());
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::ConnectionReset].contains(&error.kind()) => {
                break;
            }
            Err(error) => panic!("{}: {error}", case.name),
        }
        if String::from_utf8_lossy(&bytes).contains("of-three-after") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    for (login, _) in HONEST {
        assert!(!text.contains(&format!("of-{login}")), "{}: another's answer: {text}", case.name);
    }
    text.contains("of-three-after")
}

fn nobody_gets_anothers_answer(start: impl FnOnce(SocketAddr) -> Proxy) {
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| format!("m{number}"))
        .chain(["outer", "smuggled", "after"].map(str::to_owned))
        .collect();
    let shop = shop(&[HONEST[0], HONEST[1], (ATTACKER, KEY)], &customers);
    let (behind, connections) = tap(shop.http());
    let proxy = start(behind);
    let (front, end) = (proxy.front(), AtomicBool::new(false));
    let cases = corpus::all();
    let (honest, passed) = thread::scope(|scope| {
        let honest = HONEST.map(|account| {
            let (front, end) = (&front, &end);
            scope.spawn(move || ask_honestly(front, account, end))
        });
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|number| {
                let (front, cases) = (&front, &cases);
                // Each attacker starts at another case, so that different cases meet.
                let (earlier, later) = cases.split_at(cases.len() * number / ATTACKERS);
                let turn = later.iter().chain(earlier);
                scope.spawn(move || turn.filter(|case| attack(front, case)).count())
            })
            .collect();
        let passed: Vec<_> = attackers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        end.store(true, Relaxed);
        let honest = honest.map(|thread| thread.join().unwrap());
        (honest, passed.into_iter().map(Result::unwrap).sum::<usize>())
    });
    for (right, broken) in honest {
        assert!(right > cases.len() && broken <= right / 20, "{right} right answers, {broken} broken");
    }
    // The test shows something only if the corpus reached Billhook, on connections that others used too.
    assert!(passed > cases.len() / 4, "{passed} of {ATTACKERS} times {} went on", cases.len());
    let (connections, asked) = (connections.load(Relaxed), honest[0].0 + honest[1].0);
    assert!(connections < asked / 2, "{connections} connections for {asked} requests");
}

#[test]
fn behind_nginx() {
    nobody_gets_anothers_answer(|behind| nginx(behind, "on"));
}

#[test]
fn behind_nginx_that_streams() {
    nobody_gets_anothers_answer(|behind| nginx(behind, "off"));
}

#[test]
fn behind_haproxy() {
    nobody_gets_anothers_answer(|behind| haproxy(behind, ""));
}

#[test]
fn behind_haproxy_that_lets_odd_requests_through() {
    nobody_gets_anothers_answer(|behind| haproxy(behind, "option accept-invalid-http-request"));
}
