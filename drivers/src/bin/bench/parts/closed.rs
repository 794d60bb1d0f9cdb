//! Closed loop: the maximum rate of requests, compared with a floor whose answers have the same size.

use billhook_drivers::Result;
use billhook_test_kit::Running;

use crate::{
    requests::Kind,
    scene::{Load, Scene},
    table::{Pairs, Row, Target},
    wrk::{Goal, Sample},
};

struct Case<'l> {
    name: &'static str,
    load: &'l Load,
    connections: u32,
    server: Goal,
    floor: Goal,
    per_second: Option<Target>,
    cpu: Option<Target>,
    /// Billhook's and the floor's.
    samples: Pairs<Sample, Sample>,
}

pub(crate) fn measure(scene: &mut Scene, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(&scene.store()?)?;
    let right = scene.usual_load(Kind::Right, &server)?;
    let unknown = scene.usual_load(Kind::Unknown, &server)?;
    let wrong = scene.usual_load(Kind::WrongHash, &server)?;
    let floor = scene.floor(&[&right, &unknown, &wrong].map(|load| load.requests.answer_bytes))?;
    let mut cases = Vec::new();
    for connections in [16, 64] {
        let kinds = [
            ("GetBills", &right, false, 0, Some(0.55), Some(2.0)),
            ("unknown e-mail (400)", &unknown, false, 1, Some(0.70), None),
            ("wrong hash (4)", &wrong, false, 2, Some(0.80), None),
            ("GetBills over TLS", &right, true, 0, None, None),
        ];
        for (name, load, tls, place, per_second, cpu) in kinds {
            cases.push(Case {
                name,
                load,
                connections,
                server: goal(&server, tls, 0)?,
                floor: goal(&floor, tls, place)?,
                per_second: per_second.map(Target::RatioAtLeast),
                cpu: cpu.map(Target::RatioAtMost),
                samples: Pairs::new(),
            });
        }
    }
    for _ in 0..scene.rounds {
        for Case { load, connections, server, floor, samples, .. } in &mut cases {
            if server.tls {
                load.requests.check_tls(server.address, &scene.certificate())?;
            } else {
                load.requests.check(server.address)?;
            }
            let run = |goal: &Goal| scene.closed_loop(*goal, load, *connections);
            samples.round(|| run(server), || run(floor))?;
        }
    }
    for Case { name, load, connections, per_second, cpu, samples, .. } in &cases {
        let name = format!("{name}, {connections} connections");
        let row = |what, unit, figure: fn(&Sample) -> f64| {
            samples.row(format!("{name}: {what}"), unit, figure, figure)
        };
        let rate = row("rate", "requests/s", |sample| sample.per_second).target(*per_second);
        rows.push(rate.note(format!("answers of {} bytes", load.requests.answer_bytes)));
        rows.push(row("processor time", "µs/request", |sample| sample.cpu_us).target(*cpu));
    }
    let usual = cases.iter().find(|case| case.name == "GetBills" && case.connections == 64);
    scene.rate = usual.map(|case| case.samples.ours(|ours| ours.per_second));
    server.stop()
}

fn goal(running: &Running, tls: bool, place: usize) -> Result<Goal> {
    let address = if tls { running.https } else { running.http.get(place).copied() };
    Ok(Goal { pid: running.pid(), address: address.ok_or("a server lacks an address")?, tls })
}
