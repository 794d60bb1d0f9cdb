//! Closed loop: as many requests as are answered, beside the floor, whose answers are of the same size.

use crate::{
    Result,
    http::Client,
    process::Running,
    scene::{Load, Scene},
    shop::Kind,
    table::{Row, Target, median},
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
    /// One pair a round: Billhook's, the floor's.
    samples: Vec<(Sample, Sample)>,
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
                samples: Vec::new(),
            });
        }
    }
    for round in 0..scene.rounds {
        for case in &mut cases {
            case.round(scene, round % 2 == 0)?;
        }
    }
    for case in &cases {
        case.report(rows);
    }
    scene.rate = cases
        .iter()
        .find(|case| case.name == "GetBills" && case.connections == 64)
        .map(|case| median(case.samples.iter().map(|(ours, _)| ours.per_second)));
    server.stop()
}

fn goal(running: &Running, tls: bool, place: usize) -> Result<Goal> {
    let address = if tls { running.https } else { running.http.get(place).copied() };
    Ok(Goal { pid: running.pid(), address: address.ok_or("a server lacks an address")?, tls })
}

impl Case<'_> {
    /// Measures both, one after the other; which is first changes from round to round.
    fn round(&mut self, scene: &Scene, floor_first: bool) -> Result<()> {
        if self.server.tls {
            self.load.requests.check_tls(self.server.address, &scene.certificate())?;
        } else {
            self.load.requests.check(Client::plain(self.server.address)?)?;
        }
        let run = |goal| scene.closed_loop(goal, self.load, self.connections);
        let pair = if floor_first {
            let floor = run(self.floor)?;
            (run(self.server)?, floor)
        } else {
            (run(self.server)?, run(self.floor)?)
        };
        self.samples.push(pair);
        Ok(())
    }

    fn report(&self, rows: &mut Vec<Row>) {
        let name = format!("{}, {} connections", self.name, self.connections);
        let row = |name: String, unit, figure: fn(&Sample) -> f64| {
            let ours = median(self.samples.iter().map(|(ours, _)| figure(ours)));
            let floor = median(self.samples.iter().map(|(_, floor)| figure(floor)));
            let ratio = median(self.samples.iter().map(|(ours, floor)| figure(ours) / figure(floor)));
            Row::new(name, ours, unit).with_ratio(floor, ratio)
        };
        let per_second = row(format!("{name}: rate"), "requests/s", |sample| sample.per_second);
        let per_second = per_second.note(format!("answers of {} bytes", self.load.requests.answer_bytes));
        rows.push(aimed(per_second, self.per_second));
        let cpu = row(format!("{name}: processor time"), "µs/request", |sample| sample.cpu_us);
        rows.push(aimed(cpu, self.cpu));
    }
}

fn aimed(row: Row, target: Option<Target>) -> Row {
    match target {
        Some(target) => row.target(target),
        None => row,
    }
}
