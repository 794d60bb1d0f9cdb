//! Private memory after a run, and with ten thousand idle connections.

use billhook_drivers::{Result, idle, usage::private_bytes};
use billhook_test_kit::Running;

use crate::{
    parts::open::IDLE_CONNECTIONS,
    requests::Kind,
    scene::Scene,
    table::{Row, Target, figure},
    wrk::Goal,
};

const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let store = scene.store()?;
    let server = scene.serve(&store)?;
    let load = scene.usual_load(Kind::Right, &server)?;
    let floor = scene.floor(&[load.requests.answer_bytes])?;
    let mut after_run = [0.0; 2];
    for (running, mib) in [&server, &floor].into_iter().zip(&mut after_run) {
        for (address, tls) in [(running.http.first(), false), (running.https.as_ref(), true)] {
            let address = *address.ok_or("a server lacks an address")?;
            scene.closed_loop(Goal { pid: running.pid(), address, tls }, &load, 64)?;
        }
        *mib = private_mib(running)?;
    }
    let [ours, beside] = after_run;
    rows.push(
        Row::new("private memory after the run", ours, "MiB")
            .beside(beside)
            .target(Target::ValueAtMost(32.0))
            .note("64 connections, in clear and over TLS"),
    );
    server.stop()?;
    drop(floor);

    let request = load.requests.all.first().map(Vec::as_slice);
    let cases = [("that never spoke", None, 64.0), ("that have spoken once", request, 128.0)];
    for (name, request, mib_max) in cases {
        // A server of its own for each, because freed memory may not go back to the system.
        let server = scene.serve(&store)?;
        let floor = scene.floor(&[load.requests.answer_bytes])?;
        let ours = with_idle(&server, request)?;
        let row = Row::new(format!("private memory with 10,000 connections {name}"), ours, "MiB")
            .beside(with_idle(&floor, request)?)
            .target(Target::ValueAtMost(mib_max));
        rows.push(row);
        server.stop()?;
    }
    Ok(())
}

fn with_idle(running: &Running, request: Option<&[u8]>) -> Result<f64> {
    let connections = idle::open(running.address()?, IDLE_CONNECTIONS, request)?;
    // The last connections may not be accepted yet.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mib = private_mib(running)?;
    idle::all_open(&connections)?;
    Ok(mib)
}

fn private_mib(running: &Running) -> Result<f64> {
    Ok(figure(private_bytes(running.pid())?) / MIB)
}
