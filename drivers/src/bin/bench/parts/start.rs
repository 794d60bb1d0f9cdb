//! From process start to the first answer: after a stop, a kill under load, and a kill during an import.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, folders};
use billhook_test_kit::{Running, http::Client};

use crate::{
    requests::Kind,
    scene::Scene,
    stores,
    table::{Row, Target, median},
    wrk::Goal,
};

const STARTS: usize = 5;
/// How long an import may take to write this much.
const WRITING_MAX: Duration = Duration::from_mins(2);
/// The minimum length of the log that a killed import leaves (with small stores: whatever there is).
const LEFT_BYTES: u64 = 16 << 20;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let base = scene.store()?;
    let store = scene.path("start-store");
    folders::copy(&base, &store)?;
    let server = scene.serve(&store)?;
    let load = scene.usual_load(Kind::Right, &server)?;
    server.stop()?;
    let request = load.requests.all.first().ok_or("there are no requests")?;
    let answered = || -> Result<(f64, Running)> {
        let begun = Instant::now();
        let server = scene.serve(&store)?;
        Client::connect(server.address()?)?.ask(request)?;
        Ok((begun.elapsed().as_secs_f64() * 1e3, server))
    };
    let mut clean = Vec::new();
    let mut killed = Vec::new();
    for _ in 0..STARTS {
        let (milliseconds, server) = answered()?;
        clean.push(milliseconds);
        server.stop()?;
    }
    for _ in 0..STARTS {
        let (_, server) = answered()?;
        let goal = Goal::of(&server)?;
        thread::scope(|scope| {
            // The load ends with an error, as it should.
            scope.spawn(|| scene.closed_loop(goal, &load, 16));
            thread::sleep(Duration::from_millis(500));
            drop(server);
        });
        let (milliseconds, server) = answered()?;
        killed.push(milliseconds);
        server.stop()?;
    }
    let row = |name, milliseconds: Vec<f64>| {
        Row::new(format!("start to first answer, {name}"), median(milliseconds), "ms")
            .target(Target::ValueAtMost(100.0))
    };
    rows.push(row("after a clean stop", clean));
    rows.push(row("after a kill under load", killed));

    let file = scene.path("start.jsonl");
    let shown = file.display().to_string();
    scene.export(&base, &shown)?;
    let mut killed = Vec::new();
    let mut left = 0;
    for number in 0..scene.rounds {
        let (_, server) = answered()?;
        let login = format!("import{number}");
        scene.add_account(&store, &login)?;
        let mut import =
            scene.command(&store, &["import", "--account", &login, &shown]).stdout(Stdio::null()).spawn()?;
        let before = stores::bytes(&store, "")?;
        let begun = Instant::now();
        while import.try_wait()?.is_none()
            && stores::bytes(&store, "")? < before + LEFT_BYTES
            && begun.elapsed() < WRITING_MAX
        {
            thread::sleep(Duration::from_millis(5));
        }
        // It may have ended already.
        let _ = import.kill();
        import.wait()?;
        drop(server);
        left = stores::bytes(&store, "-wal")?;
        let (milliseconds, server) = answered()?;
        killed.push(milliseconds);
        server.stop()?;
    }
    rows.push(row("after a kill in an import", killed).note(format!("{} MiB of log left", left >> 20)));
    Ok(())
}
