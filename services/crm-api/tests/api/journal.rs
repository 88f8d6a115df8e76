//! The journal and the relay that publishes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulse_bus::topology::WEBHOOK_EVENTS;
use pulse_bus::{Consumer, Incoming};
use pulse_domain::Event;
use pulse_service::Service;
use pulse_testing::{Running, eventually};
use serde_json::{Value, json};

use crate::app::App;

/// Collects what arrives on the bus.
fn collect(app: &App) -> (Arc<Mutex<Vec<Event>>>, Running) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let consumer = Consumer {
        settings: app.settings.bus.clone(),
        name: "test".into(),
        queue: WEBHOOK_EVENTS,
        batch: 50,
        linger: Duration::ZERO,
    };
    let mut service = Service::new("test");
    let (stop, sink) = (service.stop(), Arc::clone(&events));
    service.task("collect", async move {
        consumer
            .run(stop, |batch: Vec<Incoming>| {
                let sink = Arc::clone(&sink);
                async move {
                    let mut sink = sink.lock().expect("not poisoned");
                    batch
                        .into_iter()
                        .map(|message| {
                            sink.push(Event::decode(&message.body).expect("an event"));
                            Ok(())
                        })
                        .collect()
                }
            })
            .await;
        Ok(())
    });
    (events, Running::start(service))
}

async fn arrived(events: &Mutex<Vec<Event>>, count: usize) -> Vec<Event> {
    eventually(&format!("{count} events on the bus"), || async {
        let events = events.lock().expect("not poisoned").clone();
        (events.len() >= count).then_some(events)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_one_event_with_the_full_record() {
    let app = App::spawn().await;
    let (events, consumer) = collect(&app);
    let id = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let path = format!("/api/v1/contacts/{id}");
    for _ in 0..2 {
        // The second time nothing differs.
        let change =
            json!({ "data": { "type": "contacts", "id": id, "attributes": { "first_name": "Augusta" } } });
        assert_eq!(app.patch(&path, change).await.status, 200);
    }
    app.delete(&path).await;
    let events = arrived(&events, 3).await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["contact.created", "contact.updated", "contact.deleted"]);
    let data: Value = serde_json::from_str(events[1].data.get()).expect("JSON");
    assert_eq!((&data["id"], &data["first_name"]), (&json!(id), &json!("Augusta")));
    assert!(data.as_object().is_some_and(|data| data.contains_key("company_id")));
    let changes: Value =
        serde_json::from_str(events[1].changes.as_ref().expect("changes").get()).expect("JSON");
    assert_eq!(changes, json!({ "first_name": ["Ada", "Augusta"], "full_name": ["Ada", "Augusta"] }));
    let last: Value = serde_json::from_str(events[2].data.get()).expect("JSON");
    assert_eq!(last["first_name"], "Augusta", "a deletion shows the record as it was");

    let shown = app.get("/api/v1/events?q[resource_type_eq]=contacts&sort=sequence").await;
    let ids: Vec<String> = events.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(shown.ids(), ids, "the feed is the same rows");
    consumer.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_before_a_relay_ran_is_published_in_order_per_record() {
    let app = App::spawn_without_relay().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(app.create("contacts", json!({ "first_name": format!("{number}") })).await);
    }
    for round in 0..3 {
        for id in &ids {
            let change = json!({ "data": { "type": "contacts", "id": id, "attributes": { "last_name": format!("{round}") } } });
            assert_eq!(app.patch(&format!("/api/v1/contacts/{id}"), change).await.status, 200);
        }
    }
    let (events, consumer) = collect(&app);
    // Several relays share the work.
    let relays: Vec<Running> = (0..3)
        .map(|_| {
            let mut service = Service::new("relay");
            crm_api::publish(&mut service, &crm_api::App::new(&app.settings).expect("settings"));
            Running::start(service)
        })
        .collect();
    let events = arrived(&events, 80).await;
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in &events {
        let before = last.insert(event.record_id.to_string(), event.sequence);
        assert!(before.is_none_or(|before| before < event.sequence), "out of order");
    }
    assert_eq!((events.len(), last.len()), (80, 20));
    let client = app.database.client().await;
    eventually("everything is marked as published", || async {
        let row = client.query_one("SELECT count(*) FROM events WHERE published_at IS NULL", &[]).await;
        (row.expect("a count").get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    for relay in relays {
        relay.stop().await;
    }
    consumer.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_publishes_what_is_left() {
    let app = App::spawn().await;
    for _ in 0..10 {
        app.create("contacts", json!({})).await;
    }
    let database = app.database.clone();
    app.stop().await;
    let row = database
        .client()
        .await
        .query_one("SELECT count(*) FROM events WHERE published_at IS NULL", &[])
        .await;
    assert_eq!(row.expect("a count").get::<_, i64>(0), 0);
}
