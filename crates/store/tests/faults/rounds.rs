//! Rounds in which PostgreSQL, a node, or both are killed at a random moment and started again.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use billhook_store::{Location, Store};
use billhook_test_kit::{Cluster, Options};

use crate::{ledger::Ledger, look, node, prepare, random};

const TEST: &str = "rounds::nothing_is_lost_or_done_twice_whoever_is_killed";
const ROUNDS_VARIABLE: &str = "BILLHOOK_FAULT_ROUNDS";
const ROUNDS: usize = 4;
const NODES: usize = 3;
/// How soon after the database is back every node must have written again.
const BACK_MAX: Duration = Duration::from_secs(2);
/// How long the test waits for that, to report how long it took.
const BACK_WAIT: Duration = Duration::from_secs(15);
const END_MAX: Duration = Duration::from_secs(30);

/// The fault of a round.
#[derive(Debug, Clone, Copy)]
enum Fault {
    DatabaseKilled,
    NodeKilled,
    BothKilled,
    DatabaseStopped,
}

impl Fault {
    const ALL: [Self; 4] = [Self::DatabaseKilled, Self::NodeKilled, Self::BothKilled, Self::DatabaseStopped];
}

/// A running node, killed on drop.
struct Node {
    number: i64,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Node {
    fn start(url: &str, number: i64, ledger: &Arc<Mutex<Ledger>>) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(node::URL_VARIABLE, url)
            .env(node::NUMBER_VARIABLE, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ledger = ledger.clone();
        let reader = thread::spawn(move || {
            for line in lines {
                ledger.lock().unwrap().note(number, &line.unwrap());
            }
        });
        Self { number, child, reader: Some(reader) }
    }

    /// Kills it. Returns when all its output is recorded.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }

    /// Lets it finish its last transactions.
    fn end(mut self) {
        drop(self.child.stdin.take());
        let limit = Instant::now() + END_MAX;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < limit, "node {} does not end", self.number);
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "node {}: {status}", self.number);
        self.reader.take().unwrap().join().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The nodes, and their reports.
struct Nodes {
    url: String,
    running: Vec<Node>,
    started: i64,
    ledger: Arc<Mutex<Ledger>>,
    longest: Duration,
}

impl Nodes {
    fn start(&mut self) -> Node {
        self.started += 1;
        Node::start(&self.url, self.started, &self.ledger)
    }

    /// Waits until every node has had a write acknowledged after `since`.
    fn wait_for_service(&mut self, since: Instant) {
        for node in &self.running {
            loop {
                let ledger = self.ledger.lock().unwrap();
                assert!(ledger.wrong.is_empty(), "{:#?}", ledger.wrong);
                if let Some(at) = ledger.last_kept.get(&node.number).filter(|at| **at > since) {
                    self.longest = self.longest.max(*at - since);
                    break;
                }
                drop(ledger);
                assert!(since.elapsed() < BACK_WAIT, "node {} does not serve again", node.number);
                thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(self.longest <= BACK_MAX, "it took {:?} until a node served again", self.longest);
    }

    /// Runs one round. Returns the moment from which everything should work.
    fn meet(&mut self, fault: Fault, cluster: &Cluster) -> Instant {
        let one = usize::try_from(random(NODES as u64)).unwrap();
        match fault {
            Fault::NodeKilled => {
                self.running[one].kill();
                let since = Instant::now();
                self.running[one] = self.start();
                return since;
            }
            Fault::DatabaseKilled => cluster.kill().unwrap(),
            Fault::DatabaseStopped => cluster.stop().unwrap(),
            Fault::BothKilled => {
                let node = &mut self.running[one];
                thread::scope(|scope| {
                    scope.spawn(|| node.kill());
                    cluster.kill().unwrap();
                });
            }
        }
        // The node may start before or after the database.
        let is_first = random(2) == 0;
        if matches!(fault, Fault::BothKilled) && is_first {
            self.running[one] = self.start();
        }
        thread::sleep(Duration::from_millis(random(500)));
        cluster.start_again().unwrap();
        let since = Instant::now();
        if matches!(fault, Fault::BothKilled) && !is_first {
            self.running[one] = self.start();
        }
        since
    }
}

#[test]
fn nothing_is_lost_or_done_twice_whoever_is_killed() {
    if let Some((url, number)) = node::is_asked_for() {
        return node::run(&url, number);
    }
    let rounds = env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |text| text.parse().unwrap());
    let cluster = Cluster::start(&Options { durable: true, ..Options::default() }).unwrap();
    let url = cluster.create_database().unwrap();
    let location = Location::parse(&url).unwrap();
    let account = prepare(&Store::open(&location).unwrap());
    let mut nodes =
        Nodes { url, running: Vec::new(), started: 0, ledger: Arc::default(), longest: Duration::ZERO };
    let begun = Instant::now();
    for _ in 0..NODES {
        let node = nodes.start();
        nodes.running.push(node);
    }
    nodes.wait_for_service(begun);
    let mut met = [0; Fault::ALL.len()];
    for round in 0..rounds {
        thread::sleep(Duration::from_millis(random(400)));
        let fault = Fault::ALL[round % Fault::ALL.len()];
        met[fault as usize] += 1;
        let since = nodes.meet(fault, &cluster);
        // Otherwise the next fault meets nodes that are about to recover.
        if random(3) > 0 || round + 1 == rounds {
            nodes.wait_for_service(since);
        }
    }
    for node in nodes.running.drain(..) {
        node.end();
    }
    let ledger = nodes.ledger.lock().unwrap();
    assert!(ledger.wrong.is_empty(), "{:#?}", ledger.wrong);
    assert_eq!(ledger.ended.len(), NODES);
    let found = look(&Store::open_for_bulk(&location).unwrap(), account);
    println!("{rounds} rounds in {:.0?}: {:?} {met:?}", begun.elapsed(), Fault::ALL);
    println!("{}", ledger.compare(&found));
    println!("a node wrote again after {:.0?} at the latest", nodes.longest);
}
