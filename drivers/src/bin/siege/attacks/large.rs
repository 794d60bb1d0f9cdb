//! Requests that are too large, or cost much for their size.

use std::{
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::Result;

use crate::target::{self, Outcome, Target};

const MIB: usize = 1024 * 1024;
/// How much of a too large body is read before and after the answer (16 MiB each) or held by sockets.
const SENT_MAX: u64 = 64 * 1024 * 1024;

pub(super) fn gib_bodies(target: &Target) -> Result<String> {
    let length = target::head("Content-Length: 1073741824\r\n");
    let chunked = target::head("Transfer-Encoding: chunked\r\n");
    let piece = vec![b'a'; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let told = thread::scope(|scope| {
        let asking: Vec<_> = [(&length, &piece), (&chunked, &chunk)]
            .into_iter()
            .cycle()
            .take(8)
            .map(|(head, piece)| scope.spawn(move || target.ask(head, Some(piece))))
            .collect();
        asking
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect::<Result<Vec<_>>>()
    })?;
    for Outcome { what, closed, sent, .. } in &told {
        if what != "413/3" || !closed || *sent > SENT_MAX {
            return Err(format!("told {what} after {} MiB, closed: {closed}", sent >> 20).into());
        }
    }
    let most = told.iter().map(|told| told.sent >> 20).max().unwrap_or(0);
    let longest = told.iter().map(|told| told.took).max().unwrap_or_default();
    Ok(format!("413/3 and closed after {most} MiB and {longest:.1?} at most"))
}

pub(super) fn parameters(target: &Target) -> Result<String> {
    let part = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    let parts = part.repeat(MIB / part.len() - 1);
    let form =
        format!("{}Content-Length: {}\r\n", "Content-Type: multipart/form-data; boundary=X\r\n", parts.len());
    again_and_again(
        target,
        20,
        &[
            (target::post(&"a&".repeat(MIB / 2)), "200/3"),
            (target::post(&"&".repeat(MIB)), "200/3"),
            (target::post(&"a=1&".repeat(1_000_000)), "413/3"),
            ([target::head(&form), parts.into_bytes()].concat(), "200/3"),
        ],
    )
}

pub(super) fn collisions(target: &Target) -> Result<String> {
    // `Ez` and `FY` have the same hash h*33+c, and so have all combinations of ten of them.
    let name = |number: usize| -> String {
        (0..10).map(|bit| if number >> bit & 1 == 0 { "Ez" } else { "FY" }).collect()
    };
    let flat: Vec<_> = (0..990).map(|number| format!("{}=1&", name(number))).collect();
    let nested: Vec<_> = (0..990).map(|number| format!("a[{}]=1&", name(number))).collect();
    // Integer keys that differ by a table's size share one slot.
    let numbers: Vec<_> = (0_u64..990).map(|number| format!("a[{}]=1&", number << 32)).collect();
    let forms = [flat, nested, numbers].map(|form| (target::post(&wrongly_signed(form.concat())), "200/4"));
    again_and_again(target, 100, &forms)
}

pub(super) fn brackets(target: &Target) -> Result<String> {
    let forms = [
        (format!("a{}=1", "[".repeat(MIB - 10)), "200/1"),
        (format!("a{}=1", "[b]".repeat(MIB / 3 - 10)), "200/3"),
        (format!("a{}=1", "[]".repeat(MIB / 2 - 10)), "200/3"),
        (wrongly_signed(format!("a[b{}=1&", "[b".repeat(MIB / 2 - 100))), "200/4"),
        (wrongly_signed(format!("a{}=1&", "[b]".repeat(64)).repeat(990)), "200/4"),
    ];
    again_and_again(target, 20, &forms.map(|(form, code)| (target::post(&form), code)))
}

pub(super) fn signatures(target: &Target) -> Result<String> {
    let value = "%D1%8F+".repeat(MIB / 990 / 7 - 2);
    let long: Vec<_> = (0..980).map(|number| format!("a{number}={value}&")).collect();
    let long = long.concat();
    let one = format!("a={}&", "%D1%8F+".repeat(MIB / 7 - 10));
    again_and_again(target, 20, &[long, one].map(|form| (target::post(&wrongly_signed(form)), "200/4")))
}

fn wrongly_signed(form: String) -> String {
    form + "hash=0123456789abcdef0123456789abcdef"
}

/// Sends requests in turn at a rate, as long as a flood lasts. Each must get the answer given with it.
fn again_and_again(target: &Target, per_second: u32, requests: &[(Vec<u8>, &str)]) -> Result<String> {
    let begun = Instant::now();
    let pause = Duration::from_secs(1) / per_second;
    let mut longest = Duration::ZERO;
    let mut count = 0;
    for (number, (request, expected)) in (0..).zip(requests.iter().cycle()) {
        if begun.elapsed() > target.seconds {
            break;
        }
        let told = target.ask(request, None)?;
        if told.what != *expected {
            return Err(format!("told {}, not {expected}", told.what).into());
        }
        longest = longest.max(told.took);
        count += 1;
        thread::sleep((pause * number).saturating_sub(begun.elapsed()));
    }
    let mut told: Vec<_> = requests.iter().map(|(_, expected)| *expected).collect();
    told.sort_unstable();
    told.dedup();
    Ok(format!("{count} answered with {}, after {longest:.1?} at most", told.join(", ")))
}

pub(super) fn heads(target: &Target) -> Result<String> {
    let begun = Instant::now();
    let fields = target::head(&"X: y\r\n".repeat(10_000));
    let field = target::head(&format!("X: {}\r\n", "y".repeat(MIB)));
    let long =
        format!("POST /api/{} HTTP/1.1\r\nHost: {}.localhost\r\n\r\n", "y".repeat(100_000), target::SHOP);
    let open = target::head("");
    let open = open.strip_suffix(b"\r\n").unwrap_or(&open);
    let mut count = 0;
    while begun.elapsed() < target.seconds {
        for (head, endless) in [
            (fields.as_slice(), None),
            (&field, None),
            (long.as_bytes(), None),
            (open, Some("X: y\r\n".repeat(1000))),
        ] {
            let Outcome { what, closed, .. } = target.ask(head, endless.as_ref().map(String::as_bytes))?;
            // The connection is closed while the client sends, so the answer may be lost.
            if !["431/-", "414/-", "nothing"].contains(&what.as_str()) || (what == "nothing" && !closed) {
                return Err(format!("told {what}, closed: {closed}").into());
            }
            count += 1;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(format!("{count} refused with a bare 431 or 414, and closed"))
}
