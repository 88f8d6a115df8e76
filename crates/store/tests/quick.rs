//! Connections that many use at a time.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use pulse_store::pool::is_away;
use pulse_store::{Quick, schema::workspaces};
use pulse_testing::{Database, eventually};

async fn count(quick: &Quick) -> QueryResult<i64> {
    let connection = quick.get().await.expect("the database is there");
    workspaces::table.count().get_result(&mut &**connection).await
}

#[tokio::test]
async fn many_readers_share_a_few_connections() {
    let database = Database::create().await;
    let quick = Quick::new(&database.settings(), 2);
    for answer in join_all((0..100).map(|_| count(&quick))).await {
        assert_eq!(answer, Ok(0));
    }
    let open = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let client = database.client().await;
    assert_eq!(client.query_one(open, &[]).await.expect("a count").get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let database = Database::create().await;
    let quick = Arc::new(Quick::new(&database.settings(), 1));
    assert_eq!(count(&quick).await, Ok(0));
    let lose = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.client().await.batch_execute(lose).await.expect("connections end");
    eventually("a reader is served again", async || match count(&quick).await {
        Ok(_) => Some(()),
        Err(error) => {
            assert!(is_away(&error), "{error:?}");
            None
        }
    })
    .await;
}
