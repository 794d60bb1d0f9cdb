//! Rates of `generate`, `export` and `import`, each a process of its own from start to end, and the size of the store.

use crate::{
    Result,
    process::Took,
    scene::Scene,
    shop, stores,
    table::{Row, Target, figure, median, whole},
};

const MIB: f64 = 1024.0 * 1024.0;
const HUGE: u64 = 10_000_000;

pub(crate) fn measure(scene: &Scene, huge: bool, rows: &mut Vec<Row>) -> Result<()> {
    of_size(scene, scene.orders, scene.customers, 80_000.0, scene.rounds, rows)?;
    if huge {
        of_size(scene, HUGE, HUGE / 4, 40_000.0, 1, rows)?;
    }
    Ok(())
}

fn of_size(
    scene: &Scene,
    orders: u64,
    customers: u64,
    import_at_least: f64,
    rounds: u32,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let (made, read) = (scene.path("bulk-made"), scene.path("bulk-read"));
    let file = scene.path("bulk.jsonl");
    let shown = file.display().to_string();
    let mut took: [Vec<Took>; 3] = Default::default();
    for _ in 0..rounds {
        for store in [&made, &read] {
            stores::remove(store)?;
            scene.add_account(store, shop::LOGIN)?;
        }
        if file.exists() {
            std::fs::remove_file(&file)?;
        }
        let [generate, export, import] = &mut took;
        generate.push(scene.generate(&made, orders, customers)?);
        export.push(scene.run(&made, &["export", "--account", shop::LOGIN, &shown])?);
        import.push(scene.run(&read, &["import", "--account", shop::LOGIN, &shown])?);
    }
    let [generate, export, import] = took;
    let row = |name: &str, took: &[Took], least| {
        let rate = median(took.iter().map(|took| figure(orders) / took.seconds));
        Row::new(format!("{name}, {} orders", whole(orders)), rate, "orders/s")
            .target(Target::ValueAtLeast(least))
    };
    rows.push(row("generate", &generate, 120_000.0));
    rows.push(row("export of JSON Lines", &export, 200_000.0));
    rows.push(row("import of JSON Lines into an empty account", &import, import_at_least));
    let memory = |took: &[Took]| median(took.iter().map(|took| figure(took.private_bytes_max) / MIB));
    rows.push(Row::new(
        format!("most private memory of that import, {} orders", whole(orders)),
        memory(&import),
        "MiB",
    ));
    let bytes = figure(stores::bytes(&made)?);
    rows.push(Row::new(format!("size of the store, {} orders", whole(orders)), bytes / MIB, "MiB").note(
        format!(
            "{:.0} bytes an order; made by import: {:.0} MiB",
            bytes / figure(orders),
            figure(stores::bytes(&read)?) / MIB
        ),
    ));
    for store in [&made, &read] {
        stores::remove(store)?;
    }
    Ok(std::fs::remove_file(&file)?)
}
