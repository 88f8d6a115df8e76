//! The migrations against a real database.

use pulse_store::{introspect, migrations};
use pulse_testing::Database;

#[tokio::test(flavor = "multi_thread")]
async fn schema_rs_says_what_the_database_has() {
    let client = Database::create().await.client().await;
    let committed = include_str!("../src/schema.rs");
    assert_eq!(introspect::schema_file(&client).await.expect("readable"), committed, "run `make schema`");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_can_be_taken_back_and_applied_again() {
    let url = Database::empty().await.url;
    let all = migrations::names().len();
    assert_eq!(migrations::run(&url, &url).await.expect("up").len(), all);
    assert!(migrations::run(&url, &url).await.expect("again").is_empty());
    migrations::revert_all(&url, &url).await.expect("down");
    assert_eq!(migrations::run(&url, &url).await.expect("up again").len(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_take_turns() {
    let url = Database::empty().await.url;
    let ran = std::thread::scope(|threads| {
        let runs: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                    runtime.block_on(migrations::run(&url, &url))
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().expect("no panic").expect("migrates").len()).sum::<usize>()
    });
    assert_eq!(ran, migrations::names().len());
}
