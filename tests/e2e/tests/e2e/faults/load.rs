//! Events without a pause: contacts that are created through the API and, for volume, rows of the journal as crm-api
//! writes them.

use std::collections::BTreeSet;
use std::time::Duration;

use pulse_testing::Database;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::Api;
use crate::stack::Stack;

/// What every event of the load tells.
pub(crate) const KIND: &str = "contact.created";
/// The names that contacts have in turn: a filter lets every other through.
pub(crate) const NAMES: [&str; 2] = ["Grace", "Ada"];

/// Time from one contact to the next, and from one batch of the journal to the next.
const PAUSE: Duration = Duration::from_millis(70);
/// Events in a batch.
const BATCH: usize = 10;
/// A database that takes longer has not committed, for all that anybody knows.
const PATIENCE: Duration = Duration::from_secs(5);

const APPEND: &str = "
    INSERT INTO events
        (workspace_id, id, event_type, resource_type, record_id, occurred_at, data, correlation_id, shard)
    SELECT $1, e.id, $3, 'contacts', e.id, now(),
           json_build_object('id', e.id, 'first_name', ($4::text[])[1 + e.place % 2]), e.id, e.place % 8
      FROM unnest($2::uuid[]) WITH ORDINALITY AS e (id, place)";

/// Writers at work. They end when it is dropped.
pub(crate) struct Load {
    stop: CancellationToken,
    writers: JoinSet<BTreeSet<Uuid>>,
}

impl Load {
    /// Begins to write events of the user's workspace.
    pub(crate) async fn start(stack: &Stack, api: &Api) -> Self {
        let (stop, mut writers) = (CancellationToken::new(), JoinSet::new());
        writers.spawn(create_contacts(api.clone(), stop.clone()));
        writers.spawn(append(stack.database.clone(), stop.clone()));
        Self { stop, writers }
    }

    /// Stops, and returns the records whose events somebody was told are safe.
    pub(crate) async fn stop(self) -> BTreeSet<Uuid> {
        self.stop.cancel();
        self.writers.join_all().await.into_iter().flatten().collect()
    }
}

async fn create_contacts(api: Api, stop: CancellationToken) -> BTreeSet<Uuid> {
    let mut created = BTreeSet::new();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for name in NAMES.into_iter().cycle() {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let document = json!({"data": {"type": "contacts", "attributes": {"first_name": name}}});
        let answer = api.post("/api/v1/contacts", &document).await;
        match answer.status {
            201 => drop(created.insert(id(&answer.json()["data"]["id"]))),
            // Told to come again, and free not to.
            status => assert_eq!(status, 503, "{}", answer.body),
        }
    }
    created
}

async fn append(database: Database, stop: CancellationToken) -> BTreeSet<Uuid> {
    let mut appended = BTreeSet::new();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = None;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if open.is_none() {
            open = timeout(PATIENCE, database.reach()).await.unwrap_or_default();
        }
        let Some(client) = &open else { continue };
        let events: Vec<Uuid> = (0..BATCH).map(|_| Uuid::now_v7()).collect();
        let written = async {
            let workspace: Uuid = client.query_one("SELECT id FROM workspaces", &[]).await?.get(0);
            client.execute(APPEND, &[&workspace, &events, &KIND, &&NAMES[..]]).await?;
            client.batch_execute("NOTIFY pulse_events").await
        };
        match timeout(PATIENCE, written).await {
            Ok(Ok(())) => appended.extend(events),
            _ => open = None,
        }
    }
    appended
}

fn id(value: &serde_json::Value) -> Uuid {
    value.as_str().and_then(|id| id.parse().ok()).expect("an id")
}
