//! Who receives the events, and what has to be true of it in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use pulse_testing::sink::{Answer, Received};
use pulse_testing::{Sink, eventually_within};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::load::{KIND, NAMES};
use crate::api::Api;
use crate::stack::Stack;

/// How long the last delivery may take after the fault is over: until leases of the dead have run out, and then a retry.
const PATIENCE: Duration = Duration::from_secs(90);
/// What a receiver that is slow takes for an answer.
const SLOW: Duration = Duration::from_millis(50);
/// One event of so many is refused when it first comes.
const REFUSED: u8 = 16;

/// A receiver with its subscription.
struct Receiver {
    name: &'static str,
    sink: Sink,
    /// The name that it asks for; every name, if it has no filter.
    asks_for: Option<&'static str>,
}

/// Receivers of every kind.
pub(crate) struct Audience(Vec<Receiver>);

/// An event of the journal.
struct Committed {
    id: Uuid,
    record: Uuid,
    name: String,
}

impl Audience {
    /// Receivers that want all events: one plain, one that refuses some at first, one that is slow; and one with a filter.
    pub(crate) async fn subscribe(api: &Api) -> Self {
        let well = |_: &Received| Answer::at_once(200);
        let mut refused = HashSet::new();
        let moody = move |received: &Received| {
            let event = event_of(received);
            let refuse = event.as_bytes()[15].is_multiple_of(REFUSED) && refused.insert(event);
            Answer::at_once(if refuse { 503 } else { 200 })
        };
        let slow = |_: &Received| Answer { after: SLOW, ..Answer::at_once(200) };
        let receivers = vec![
            Receiver { name: "plain", sink: Sink::start_as(well), asks_for: None },
            Receiver { name: "moody", sink: Sink::start_as(moody), asks_for: None },
            Receiver { name: "slow", sink: Sink::start_as(slow), asks_for: None },
            Receiver { name: "filtered", sink: Sink::start_as(well), asks_for: Some(NAMES[0]) },
        ];
        for receiver in &receivers {
            let filter = receiver.asks_for.map(|name| json!({"first_name_eq": name}));
            let subscription = json!({"url": receiver.sink.url(), "event_types": [KIND], "filter": filter});
            api.create("webhook_subscriptions", subscription).await;
        }
        Self(receivers)
    }

    /// Waits until all is delivered, and fails the test unless it is what was committed, and what was acknowledged is part
    /// of it.
    pub(crate) async fn audit(&self, stack: &Stack, acknowledged: BTreeSet<Uuid>) {
        let client = stack.database.client().await;
        let journal = journal(&client).await;
        let records: BTreeSet<Uuid> = journal.iter().map(|event| event.record).collect();
        assert!(acknowledged.is_subset(&records), "what was acknowledged is committed");
        assert!(acknowledged.len() > 100, "there was next to no load: {}", acknowledged.len());
        let wanted: Vec<BTreeSet<Uuid>> = self.0.iter().map(|receiver| receiver.wants(&journal)).collect();
        all_are_delivered(&client, wanted.iter().map(BTreeSet::len).sum()).await;

        let (mut accepted, mut distinct) = (0, 0);
        for (receiver, wanted) in self.0.iter().zip(&wanted) {
            let received = receiver.sink.received();
            let taken = received.iter().filter(|received| received.status == 200);
            let events: BTreeSet<Uuid> = taken.clone().map(event_of).collect();
            assert!(events == *wanted, "{}: {} of {}", receiver.name, events.len(), wanted.len());
            assert_same_bytes(&received);
            eprintln!("{}: {} events in {} requests", receiver.name, events.len(), received.len());
            accepted += taken.count();
            distinct += events.len();
        }
        let twice = accepted - distinct;
        eprintln!("{distinct} deliveries, {twice} of them twice");
        assert!(twice * 100 < distinct, "{twice} of {distinct} deliveries were made twice");
        self.assert_log_is_complete(&client).await;
    }

    /// Every attempt is on record, and every request that arrived is one of them.
    async fn assert_log_is_complete(&self, client: &Client) {
        let gaps = "SELECT count(*) FROM webhook_deliveries AS d
             WHERE d.lease_until IS NOT NULL OR d.attempts <> (
                 SELECT count(DISTINCT a.number) FROM webhook_attempts AS a
                  WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id AND a.number <= d.attempts)";
        let gaps: i64 = client.query_one(gaps, &[]).await.expect("a count").get(0);
        assert_eq!(gaps, 0, "deliveries whose attempts are not all on record");
        let log = client.query("SELECT delivery_id, number, outcome FROM webhook_attempts", &[]).await;
        let log: HashMap<(Uuid, i32), String> =
            log.expect("the log").iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        let mut arrived = HashMap::new();
        for received in self.0.iter().flat_map(|receiver| receiver.sink.received()) {
            let header = |name| received.header(name).expect("every delivery says what it is");
            let delivery: Uuid = header("pulse-delivery-id").parse().expect("an id");
            let number: i32 = header("pulse-attempt").parse().expect("a number");
            let known = arrived.insert((delivery, number), received.status);
            assert_eq!(known, None, "attempt {number} of {delivery} came twice");
        }
        for (attempt, status) in &arrived {
            let outcome = log.get(attempt).map(String::as_str);
            let fits = outcome.is_some_and(|outcome| outcome != "succeeded" || *status == 200);
            assert!(fits, "{attempt:?} was answered {status}, and is {outcome:?} on record");
        }
        let made = log.iter().filter(|(_, outcome)| *outcome == "succeeded").map(|(attempt, _)| attempt);
        let invented: Vec<_> = made.filter(|attempt| !arrived.contains_key(attempt)).collect();
        assert!(invented.is_empty(), "nobody has seen {invented:?}");
        let unknown = log.values().filter(|outcome| *outcome == "unknown").count();
        eprintln!("{} attempts, {unknown} of them lost", log.len());
    }
}

impl Receiver {
    fn wants(&self, journal: &[Committed]) -> BTreeSet<Uuid> {
        let wanted = journal.iter().filter(|event| self.asks_for.is_none_or(|name| name == event.name));
        wanted.map(|event| event.id).collect()
    }
}

async fn journal(client: &Client) -> Vec<Committed> {
    let sql = "SELECT id, record_id, data ->> 'first_name' FROM events WHERE event_type = $1";
    let rows = client.query(sql, &[&KIND]).await.expect("the journal");
    rows.iter().map(|row| Committed { id: row.get(0), record: row.get(1), name: row.get(2) }).collect()
}

async fn all_are_delivered(client: &Client, expected: usize) {
    // What is open has an index each; everything is counted only when nothing is open.
    let settled = "SELECT
        NOT EXISTS (SELECT FROM events WHERE published_at IS NULL)
        AND NOT EXISTS (SELECT FROM webhook_deliveries WHERE state = 'scheduled' AND lease_until IS NULL)
        AND NOT EXISTS (SELECT FROM webhook_deliveries WHERE lease_until IS NOT NULL)
        AND (SELECT count(*) FROM webhook_deliveries WHERE state = 'succeeded') = $1";
    let expected = i64::try_from(expected).expect("few");
    let what = format!("{expected} deliveries to succeed");
    eventually_within(PATIENCE, &what, async || {
        let settled: bool = client.query_one(settled, &[&expected]).await.expect("an answer").get(0);
        settled.then_some(())
    })
    .await;
    let sql = "SELECT count(*) FROM webhook_deliveries";
    let all: i64 = client.query_one(sql, &[]).await.expect("a count").get(0);
    assert_eq!(all, expected, "no delivery is made up");
}

/// Every request of an event has the same bytes.
fn assert_same_bytes(received: &[Received]) {
    let mut bodies: BTreeMap<Uuid, &[u8]> = BTreeMap::new();
    for request in received {
        let event = event_of(request);
        let body = bodies.entry(event).or_insert(&request.body);
        assert!(*body == request.body, "the bytes of {event} differ");
        assert_eq!(request.json()["event_id"], event.to_string());
    }
}

fn event_of(received: &Received) -> Uuid {
    received.header("webhook-id").and_then(|id| id.parse().ok()).expect("every delivery names its event")
}
