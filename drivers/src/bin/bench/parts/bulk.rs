//! Rates of `generate`, `export` and `import`, each measured as a whole process, and the size of the store.

use billhook_drivers::{Result, folders};
use billhook_test_kit::Done;

use crate::{
    requests,
    scene::Scene,
    stores,
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
    let mut took: [Vec<Done>; 3] = Default::default();
    let mut memory = Vec::new();
    for _ in 0..rounds {
        for store in [&made, &read] {
            folders::remove(store)?;
            scene.add_account(store, requests::LOGIN)?;
        }
        if file.exists() {
            std::fs::remove_file(&file)?;
        }
        let [generate, export, import] = &mut took;
        generate.push(scene.generate(&made, orders, customers)?);
        export.push(scene.export(&made, &shown)?);
        let (imported, most) = scene.run_watched(&read, &["import", "--account", requests::LOGIN, &shown])?;
        import.push(imported);
        memory.push(figure(most) / MIB);
    }
    let [generate, export, import] = took;
    let row = |name: &str, took: &[Done], least| {
        let rate = median(took.iter().map(|took| figure(orders) / took.took.as_secs_f64()));
        Row::new(format!("{name}, {} orders", whole(orders)), rate, "orders/s")
            .target(Target::ValueAtLeast(least))
    };
    rows.push(row("generate", &generate, 120_000.0));
    rows.push(row("export of JSON Lines", &export, 200_000.0));
    rows.push(row("import of JSON Lines into an empty account", &import, import_at_least));
    rows.push(Row::new(
        format!("most private memory of that import, {} orders", whole(orders)),
        median(memory),
        "MiB",
    ));
    let bytes = figure(stores::bytes(&made, "")?);
    rows.push(Row::new(format!("size of the store, {} orders", whole(orders)), bytes / MIB, "MiB").note(
        format!(
            "{:.0} bytes an order; made by import: {:.0} MiB",
            bytes / figure(orders),
            figure(stores::bytes(&read, "")?) / MIB
        ),
    ));
    for store in [&made, &read] {
        folders::remove(store)?;
    }
    Ok(std::fs::remove_file(&file)?)
}
