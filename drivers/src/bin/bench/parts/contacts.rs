//! Contacts in the account that has the orders: imported, looked up, counted, added, and what they leave to
//! GetBills.

use std::{
    cell::Cell,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use billhook_drivers::{
    Result,
    billhook::{KEY, signed},
    folders,
};
use billhook_test_kit::{
    Running, Store,
    http::{Client, form},
};

use super::{all, durable::Disk, orders::create, postgres::Base};
use crate::{
    fresh,
    requests::{self, Kind, LOGIN, Requests},
    scene::Scene,
    stores,
    table::{Pairs, Row, Target, figure, median, whole},
    wrk::{Goal, Sample},
};

const GROUPS: u64 = 100;
/// The groups of a contact.
const JOINED: u64 = 5;
/// 1 January 2026, unix seconds.
const CREATED: i64 = 1_767_225_600;
const CONNECTIONS: u32 = 64;
/// How often each count is asked for.
const COUNTED: usize = 50;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let file = scene.path("contacts.jsonl");
    // As many contacts as orders. The customers are the first of them.
    write(&file, scene.orders)?;
    let full = full(scene, &file)?;
    all([
        imported(scene, &file, rows),
        read(scene, &full, rows),
        added(scene, &full, rows),
        in_postgres(scene, &file, rows),
    ])
}

/// The usual store with the contacts.
fn full(scene: &Scene, file: &Path) -> Result<PathBuf> {
    scene.stores.made(&format!("contacts-{}-{}", scene.orders, scene.customers), |folder| {
        folders::copy(&scene.store()?, folder)?;
        import(scene, folder, file).map(drop)
    })
}

/// Writes the groups and this many contacts. Their e-mails are not in the order of their numbers.
fn write(file: &Path, contacts: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for group in 0..GROUPS {
        writeln!(
            out,
            r#"{{"group":{{"rass_name":"{}","rass_title":"Группа {group}"}}}}"#,
            group_name(group)
        )?;
    }
    for number in 0..contacts {
        let customer = 1 + number * 7919 % contacts;
        let tags = if number.is_multiple_of(10) { r#","tags":["vip"]"# } else { "" };
        let places = (0..JOINED).map(|place| {
            let group = group_name(number + place * (GROUPS / JOINED));
            format!(r#"{{"group":"{group}","status":"STATUS_SUBSCRIBE","at":{CREATED},"method":"AddLeadToGroup"}}"#)
        });
        writeln!(
            out,
            r#"{{"contact":{{"id":{},"email":"{}","created":{CREATED},"first_name":"Анна","phone":"+79{customer:09}"{tags},"subscriptions":[{}]}}}}"#,
            number + 1,
            stores::email(customer),
            places.collect::<Vec<_>>().join(",")
        )?;
    }
    Ok(out.flush()?)
}

fn group_name(number: u64) -> String {
    format!("group-{}", number % GROUPS)
}

/// Imports a file into the account. Returns the seconds, and the peak of the private memory in bytes.
fn import(scene: &Scene, store: impl Into<Store>, file: &Path) -> Result<(f64, u64)> {
    let shown = file.display().to_string();
    let (done, most) = scene.run_watched(store, &["import", "--account", LOGIN, &shown])?;
    Ok((done.took.as_secs_f64(), most))
}

fn shape(contacts: u64) -> String {
    format!("{} contacts with {JOINED} subscriptions each", whole(contacts))
}

fn imported(scene: &Scene, file: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let folder = scene.path("contacts-imported");
    scene.add_account(&folder, LOGIN)?;
    let (seconds, most) = import(scene, &folder, file)?;
    let name = format!("import of JSON Lines into an empty account, {}", shape(scene.orders));
    let row = Row::new(name, figure(scene.orders) / seconds, "contacts/s");
    rows.push(row.target(Target::ValueAtLeast(40_000.0)).note(format!(
        "once; {} MiB of private memory; the store has {} MiB",
        most >> 20,
        stores::bytes(&folder, "")? >> 20
    )));
    folders::remove(&folder)
}

/// Look-ups and counts, and GetBills of the same account without contacts.
fn read(scene: &Scene, full: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let (server, without) = (scene.serve(full)?, scene.serve(&scene.store()?)?);
    let ask =
        |(login, email): &(String, String)| signed("GetLeadGroupStatuses", login, &form([("email", email)]));
    let statuses = requests::generated(scene.orders).iter().map(ask).collect();
    let statuses = scene.load_of(Requests::asked_once(statuses, 0, server.address()?)?)?;
    let bills = scene.usual_load(Kind::Right, &server)?;
    let floor = scene.floor(&[statuses.requests.answer_bytes])?;
    let [mut looked_up, mut beside] = [(); 2].map(|()| Pairs::new());
    for _ in 0..scene.rounds {
        statuses.requests.check(server.address()?)?;
        let run = |running, load| scene.closed_loop(Goal::of(running)?, load, CONNECTIONS);
        looked_up.round(|| run(&server, &statuses), || run(&floor, &statuses))?;
        beside.round(|| run(&server, &bills), || run(&without, &bills))?;
    }
    let rate = |pairs: &Pairs<Sample, Sample>, name: String, least, note: String| {
        let rate = |sample: &Sample| sample.per_second;
        let cpu = |sample: &Sample| sample.cpu_us;
        let (ours, theirs) = (pairs.ours(cpu), pairs.theirs(cpu));
        let row = pairs.row(name, "requests/s", rate, rate).target(Target::RatioAtLeast(least));
        row.note(format!("{note}; {ours:.1} µs of processor time on one, beside it {theirs:.1}"))
    };
    let name = format!("GetLeadGroupStatuses, {CONNECTIONS} connections: rate");
    let note = format!("beside the floor; answers of {} bytes", statuses.requests.answer_bytes);
    rows.push(rate(&looked_up, name, 0.35, note));
    let name = format!("GetBills in an account with contacts, {CONNECTIONS} connections: rate");
    rows.push(rate(&beside, name, 0.95, format!("beside the same without {}", shape(scene.orders))));
    count(&server, "", &[("group-0", 5.0), ("all", 100.0), ("unique", 100.0)], rows)?;
    without.stop()?;
    server.stop()
}

/// Asks one after another for the number of contacts in a group, or for those of a reserved word.
fn count(server: &Running, prefix: &str, groups: &[(&str, f64)], rows: &mut Vec<Row>) -> Result<()> {
    let mut client = Client::connect(server.address()?)?;
    for (group, most) in groups {
        let request = signed("GetCountSubscribe", LOGIN, &form([("group_name", group)]));
        let (mut times, mut counted) = (Vec::new(), 0);
        for _ in 0..COUNTED {
            let asked = Instant::now();
            let answer = client.ask(&request)?;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
            counted = answer.json().get("result").and_then(serde_json::Value::as_u64).unwrap_or(0);
            if answer.verified(KEY)? != 0 || counted == 0 {
                return Err(format!("GetCountSubscribe of {group}: {}", answer.body).into());
            }
        }
        let row = Row::new(format!("{prefix}GetCountSubscribe of {group}"), median(times), "ms");
        rows.push(row.target(Target::ValueAtMost(*most)).note(format!("{} contacts", whole(counted))));
    }
    Ok(())
}

/// New contacts, each durable before its answer.
fn added(scene: &Scene, full: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let disk = Disk::new(&scene.path("overwritten"))?;
    let [few, many] = ["contacts-few", "contacts-many"].map(|name| scene.path(name));
    let groups = scene.path("groups.jsonl");
    write(&groups, 0)?;
    scene.add_account(&few, LOGIN)?;
    import(scene, &few, &groups)?;
    folders::copy(full, &many)?;
    let next = Cell::new(0);
    let cases = [
        ("into an empty account".to_owned(), &few, None),
        (format!("beside {} contacts", whole(scene.orders)), &many, Some(Target::RatioAtLeast(0.7))),
    ];
    for (name, folder, target) in cases {
        let server = scene.serve(folder)?;
        let goal = (server.pid(), server.address()?);
        let add = || {
            next.set(next.get() + 1);
            Some(join(next.get()))
        };
        let mut pairs = Pairs::new();
        for _ in 0..scene.rounds {
            pairs.round(
                || fresh::run(goal, create::MANY, scene.time, add),
                || disk.syncs_a_second(scene.time),
            )?;
        }
        let name = format!("AddLeadToGroup {name}, {CONNECTIONS} connections");
        let row = pairs.row(name, "requests/s", |asked| asked.per_second, |syncs| *syncs);
        let note = format!("beside the disk's fdatasync rate; {}", create::times(&pairs));
        rows.push(row.target(target).note(note));
        server.stop()?;
    }
    [&few, &many].into_iter().try_for_each(|folder| folders::remove(folder))
}

/// The request of somebody new who joins a group.
fn join(number: u64) -> Vec<u8> {
    let form = form([
        ("rid[0]", group_name(number)),
        ("lead_email", format!("new{number}@example.com")),
        ("lead_name", "Анна".to_owned()),
        ("lead_phone", format!("+78{number:09}")),
        ("utm[utm_source]", "vk".to_owned()),
    ]);
    signed("AddLeadToGroup", LOGIN, &form)
}

fn in_postgres(scene: &Scene, file: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let (base, rates) = Base::of_file(scene, file, scene.orders, 1)?;
    let name = format!("PostgreSQL: import of JSON Lines into an empty account, {}", shape(scene.orders));
    rows.push(Row::new(name, median(rates), "contacts/s").note("once"));
    let server = scene.serve(base.store())?;
    count(&server, "PostgreSQL: ", &[("group-0", 20.0)], rows)?;
    server.stop()
}
