//! Attacks that only HTTP/2 allows: many requests on a connection, heads in parts, reset streams, closed
//! windows. They come from one address, unless they need a key.

use std::{
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, billhook::KEY};
use billhook_test_kit::http::hashed;

use crate::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GO_AWAY, HEADERS, PING, POST, RESET, SETTINGS,
        Speaker, field, frame, request,
    },
    target::{REGULARS, SHOP, SLACK, Target},
};

/// Nearly as many as one address may have.
const CONNECTIONS: usize = 1000;
/// How many of them may use HTTP/2.
const FROM_ONE_ADDRESS: usize = 32;
/// More than the server allows per connection.
const STREAMS: u32 = 64;
/// How far apart the connections are that hold answers. The last is there before the first is let go.
const DEAF_EVERY: Duration = Duration::from_millis(30);
/// How long the server has for what was sent.
const PAUSE: Duration = Duration::from_secs(1);
/// Settings of a client with closed windows.
const CLOSED_WINDOWS: [u8; 6] = [0, 4, 0, 0, 0, 0];

/// The head of a call.
fn post() -> Vec<u8> {
    request(POST, &format!("{SHOP}.localhost"), "/api/GetBills")
}

/// Opens connections one after another, until there are enough or the server refuses more.
fn open(target: &Target, count: usize, from: u8, settings: &[u8]) -> Result<Vec<Speaker>> {
    let mut speakers = Vec::new();
    for _ in 0..count {
        match Speaker::open(target.tls, from, settings)? {
            Some(speaker) => speakers.push(speaker),
            None => break,
        }
    }
    Ok(speakers)
}

/// The ids of a connection's first streams.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// Reads for this long. Returns what came on all connections.
fn heard_within(speakers: &mut [Speaker], time: Duration) -> String {
    let begun = Instant::now();
    while begun.elapsed() < time {
        speakers.iter_mut().for_each(Speaker::listen);
        thread::sleep(Duration::from_millis(50));
    }
    let sum = |kind| speakers.iter().map(|speaker| speaker.heard(kind)).sum::<usize>();
    let closed = speakers.iter().filter(|speaker| speaker.closed).count();
    format!(
        "{} connections: {} answered, {} streams reset, {} told to go, {closed} closed",
        speakers.len(),
        sum(HEADERS),
        sum(RESET),
        sum(GO_AWAY)
    )
}

pub(super) fn heads(target: &Target) -> Result<String> {
    let mut speakers = open(target, CONNECTIONS, 1, &[])?;
    let (mut long, mut many) = (post(), post());
    field(false, "x", &"y".repeat(15 * 1024), &mut long);
    for number in 0..400 {
        field(false, &format!("x{number:03}"), "", &mut many);
    }
    for (number, speaker) in speakers.iter_mut().enumerate() {
        let block = if number % 2 == 0 { &many } else { &long };
        for stream in streams(STREAMS) {
            speaker.send(&frame(HEADERS, END_HEADERS, stream, block));
        }
    }
    let told = heard_within(&mut speakers, target.terms.body / 2);
    if speakers.iter().all(|speaker| speaker.heard(RESET) == 0) {
        return Err(format!("nothing was refused: {told}").into());
    }
    Ok(told)
}

pub(super) fn continuation(target: &Target) -> Result<String> {
    let mut speakers = open(target, CONNECTIONS, 1, &[])?;
    let mut part = Vec::new();
    for number in 0..100 {
        field(false, &format!("x{number:03}"), "", &mut part);
    }
    let begin = frame(HEADERS, 0, 1, &[post(), part.clone()].concat());
    let more = frame(CONTINUATION, 0, 1, &part);
    for (number, speaker) in speakers.iter_mut().enumerate() {
        // Half of them stop before the limit, and wait.
        speaker.send(&[begin.as_slice(), &more.repeat(if number % 2 == 0 { 3 } else { 100 })].concat());
    }
    let told = heard_within(&mut speakers, target.terms.body / 2);
    let flooding = speakers.iter().skip(1).step_by(2);
    if flooding.clone().any(|speaker| speaker.heard(GO_AWAY) == 0 && !speaker.closed) {
        return Err(format!("heads without an end are borne: {told}").into());
    }
    Ok(told)
}

pub(super) fn resets(target: &Target) -> Result<String> {
    const STREAMS_PER_SECOND: u32 = 2000;
    let block = post();
    let begun = Instant::now();
    let (mut count, mut gone) = (0, 0);
    while begun.elapsed() < target.seconds {
        let mut speakers = open(target, 1, 1, &[])?;
        let Some(speaker) = speakers.first_mut() else { return Err("no HTTP/2 was served".into()) };
        let mut stream = 1;
        while !speaker.closed && begun.elapsed() < target.seconds {
            for _ in 0..20 {
                speaker.send(&frame(HEADERS, END_HEADERS, stream, &block));
                speaker.send(&frame(RESET, 0, stream, &8_u32.to_be_bytes()));
                (stream, count) = (stream + 2, count + 1);
            }
            speaker.listen();
            thread::sleep(
                (Duration::from_secs(1) / STREAMS_PER_SECOND * count).saturating_sub(begun.elapsed()),
            );
        }
        gone += usize::from(speaker.heard(GO_AWAY) > 0);
    }
    Ok(format!("{count} streams begun and reset, {gone} connections told to go"))
}

pub(super) fn settings(target: &Target) -> Result<String> {
    let mut speakers = open(target, CONNECTIONS, 1, &[])?;
    let asked = [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, b"12345678")].concat().repeat(200);
    let begun = Instant::now();
    // Each is answered, and nobody reads it.
    let mut most = 0;
    while target.held()? > 0 || most == 0 {
        most = most.max(target.held()?);
        if begun.elapsed() > target.terms.write * 2 + SLACK {
            return Err(format!("{} are still held after {:?}", target.held()?, begun.elapsed()).into());
        }
        for speaker in &mut speakers {
            speaker.send(if speaker.is_blocked() { &[] } else { &asked });
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(format!("{most} connections let go after {:.1?}", begun.elapsed()))
}

pub(super) fn bodies(target: &Target) -> Result<String> {
    const BODY_BYTES: usize = 1024 * 1024;
    let mut speakers = open(target, CONNECTIONS, 1, &[])?;
    let block = post();
    let mut left = Vec::new();
    for (number, speaker) in speakers.iter_mut().enumerate() {
        for stream in streams(16) {
            speaker.send(&frame(HEADERS, END_HEADERS, stream, &block));
            left.push((number, stream, BODY_BYTES - 1));
        }
    }
    let begun = Instant::now();
    while begun.elapsed() < target.terms.body / 2 {
        for (number, stream, left) in &mut left {
            if let Some(speaker) = speakers.get_mut(*number) {
                *left -= speaker.send_body(*stream, *left);
            }
        }
        speakers.iter_mut().for_each(Speaker::listen);
        thread::sleep(Duration::from_millis(20));
    }
    let sent: usize = left.iter().map(|(_, _, left)| BODY_BYTES - 1 - left).sum();
    let told = heard_within(&mut speakers, PAUSE);
    if speakers.iter().all(|speaker| speaker.heard(HEADERS) == 0) {
        return Err(format!("there was room for all of {} MiB: {told}", sent >> 20).into());
    }
    Ok(format!("{} MiB were taken; {told}", sent >> 20))
}

pub(super) fn windows(target: &Target) -> Result<String> {
    let mut speakers = open(target, CONNECTIONS, 1, &CLOSED_WINDOWS)?;
    for speaker in &mut speakers {
        for (stream, path) in streams(16).zip(["/docs", "/api/openapi.json"].into_iter().cycle()) {
            let block = request(GET, "localhost", path);
            speaker.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block));
        }
    }
    let_go(target, &mut speakers)
}

/// With a valid key, from many addresses.
pub(super) fn deaf(target: &Target) -> Result<String> {
    let form = hashed("email=customer1%40example.com", REGULARS, KEY);
    let block = request(POST, &format!("{REGULARS}.localhost"), "/api/GetBills");
    let mut speakers = Vec::new();
    // All at once they would be 6,656 calls that a customer may make, which any server takes some time for.
    // What is tried here is what they hold.
    let begun = Instant::now();
    for number in 0..13 * FROM_ONE_ADDRESS {
        let due = DEAF_EVERY * u32::try_from(number)?;
        thread::sleep(due.saturating_sub(begun.elapsed()));
        let from = u8::try_from(1 + number / FROM_ONE_ADDRESS)?;
        let mut opened = open(target, 1, from, &CLOSED_WINDOWS)?;
        for speaker in &mut opened {
            for stream in streams(16) {
                speaker.send(&frame(HEADERS, END_HEADERS, stream, &block));
                speaker.send(&frame(DATA, END_STREAM, stream, form.as_bytes()));
            }
        }
        speakers.extend(opened);
    }
    let_go(target, &mut speakers)
}

fn let_go(target: &Target, speakers: &mut [Speaker]) -> Result<String> {
    let begun = Instant::now();
    let told = heard_within(speakers, PAUSE);
    let time_max = target.terms.write + SLACK;
    let Some(after) = target.wait_until_held(0, begun, time_max)? else {
        return Err(format!("{} are still held after {time_max:?}: {told}", target.held()?).into());
    };
    Ok(format!("let go after {after:.1?}; {told}"))
}

/// Short fields for the connection's table, each in a buffer of its own.
pub(super) fn tables(target: &Target) -> Result<String> {
    const NO_KIND: u8 = 0xfe;
    let mut speakers = open(target, CONNECTIONS, 1, &[])?;
    let filling = frame(NO_KIND, 0, 0, &vec![0; 16 * 1024]);
    for stream in streams(130) {
        let mut block = post();
        field(true, "x", "", &mut block);
        let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        for speaker in &mut speakers {
            speaker.send(&[filling.as_slice(), &request].concat());
        }
        // More at a time would be refused.
        let answered = 1 + usize::try_from(stream / 2)?;
        let begun = Instant::now();
        while speakers.iter().any(|speaker| speaker.heard(HEADERS) < answered) {
            if begun.elapsed() > SLACK {
                return Err(
                    format!("a request was not answered: {}", heard_within(&mut speakers, PAUSE)).into()
                );
            }
            speakers.iter_mut().for_each(Speaker::listen);
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(heard_within(&mut speakers, PAUSE))
}
