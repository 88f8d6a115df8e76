//! Subscriptions that want the events of a record in order, one at a time.

use std::collections::HashMap;

use pulse_domain::{Event, EventId, RecordId};
use pulse_testing::{Sink, eventually};
use uuid::Uuid;
use webhook_dispatcher::Role;

use crate::app::{App, Delivered, Silent, Subscription, answer, sweep};

const PER_RECORD: &str = "ordering = 'per_record'";

async fn ordered(app: &App, url: &str) -> Subscription {
    let subscription = app.subscribe(url, &["contact.updated"]).await;
    app.set_subscription(subscription.id, PER_RECORD).await;
    subscription
}

/// An event of a record at a place in the journal.
fn event(app: &App, record: RecordId, sequence: i64) -> Event {
    Event { record_id: record, sequence, ..app.event("contact.updated") }
}

/// Publishes events of a record, one after the other, each when the one before it has its delivery.
async fn publish(app: &App, record: RecordId, sequences: &[i64]) -> Vec<EventId> {
    let mut ids = Vec::new();
    for sequence in sequences {
        let event = event(app, record, *sequence);
        app.publish(&event).await;
        made(app, event.id).await;
        ids.push(event.id);
    }
    ids
}

/// Waits until an event has its delivery, and returns that.
async fn made(app: &App, event: EventId) -> Delivered {
    eventually("a delivery", || async { app.deliveries(event).await.pop() }).await
}

/// Waits until an event waits for its turn.
async fn waits(app: &App, event: EventId) {
    let delivery = made(app, event).await;
    assert_eq!((delivery.state.as_str(), delivery.has_turn), ("scheduled", Some(false)), "{delivery:?}");
}

/// The places in the journal of what has arrived, in the order of arrival.
fn arrived(sink: &Sink) -> Vec<i64> {
    let sequence = |header: Option<&str>| header.and_then(|text| text.parse().ok()).expect("a sequence");
    sink.received().iter().map(|request| sequence(request.header("pulse-sequence"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_record_wait_for_one_that_fails_and_go_in_order() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    sink.answer(&[500, 500]);
    let dispatcher = app.start();

    let events = publish(&app, RecordId::generate(), &[7, 8, 10]).await;
    for retry in 1..=2 {
        let failed = app.retry_scheduled(events[0], retry).await;
        for event in &events[1..] {
            waits(&app, *event).await;
            assert_eq!(made(&app, *event).await.next_attempt_at, None);
        }
        app.make_due(failed.id).await;
    }

    for event in &events {
        app.delivery_in(*event, "succeeded").await;
    }
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [7, 7, 7, 8, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fails_holds_up_nothing_but_itself() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let other = app.subscribe(&sink.url(), &["contact.deleted"]).await;
    sink.answer(&[500]);
    let dispatcher = app.start();
    let [failing, well] = [(); 2].map(|()| RecordId::generate());
    let failed = publish(&app, failing, &[1]).await;
    app.retry_scheduled(failed[0], 1).await;

    let behind = publish(&app, failing, &[2]).await;
    for event in publish(&app, well, &[3, 4]).await {
        app.delivery_in(event, "succeeded").await;
    }
    let elsewhere = Event { kind: "contact.deleted".into(), ..event(&app, failing, 5) };
    app.publish(&elsewhere).await;

    assert_eq!(app.delivery_in(elsewhere.id, "succeeded").await.subscription_id, other.id);
    waits(&app, behind[0]).await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [1, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_of_a_record_is_under_way_at_a_time() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    sink.hold();
    let dispatchers = [app.start(), app.start()];
    let records = [(); 3].map(|()| RecordId::generate());
    let mut second = Vec::new();
    for (place, record) in (1..).zip(records) {
        second.push(publish(&app, record, &[place, 10 + place]).await[1]);
    }

    sink.wait_for(3).await;
    let mut first = arrived(&sink);
    first.sort_unstable();
    assert_eq!(first, [1, 2, 3]);
    for event in &second {
        waits(&app, *event).await;
    }
    sink.release();
    for event in second {
        app.delivery_in(event, "succeeded").await;
    }
    for dispatcher in dispatchers {
        app.stop(dispatcher, &[]).await;
    }
    assert_eq!(sink.received().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_delivery_is_given_up_the_next_one_goes() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = ordered(&app, &sink.url()).await;
    app.set_subscription(subscription.id, "max_retries = 1").await;
    sink.answer(&[500, 500]);
    let dispatcher = app.start();
    let events = publish(&app, RecordId::generate(), &[1, 2]).await;
    let failed = app.retry_scheduled(events[0], 1).await;
    app.make_due(failed.id).await;

    app.delivery_in(events[0], "exhausted").await;
    app.delivery_in(events[1], "succeeded").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [1, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_waited_for_its_turn_for_a_day_holds_up_the_next_one_no_longer() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let fan_out = app.start_as(Some(Role::FanOut)).0;
    let events = publish(&app, RecordId::generate(), &[1]).await;
    app.stop(fan_out, &[]).await;
    let old = "UPDATE webhook_deliveries SET created_at = now() - interval '25 hours'";
    app.database.execute(old, &[]).await.expect("an update");
    sink.answer(&[500]);

    let dispatcher = app.start_as(Some(Role::Deliver)).0;

    let last = app.retry_scheduled(events[0], 12).await;
    let attempt = app.attempts(last.id).await.remove(0);
    let pause = last.next_attempt_at.expect("due") - attempt.started_at;
    assert!(pause.num_seconds() <= 6, "{pause}");
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_waits_is_cancelled_with_its_subscription() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = ordered(&app, &sink.url()).await;
    sink.answer(&[500]);
    let dispatcher = app.start();
    let events = publish(&app, RecordId::generate(), &[1, 2, 3]).await;
    let failed = app.retry_scheduled(events[0], 1).await;

    app.set_subscription(subscription.id, "enabled = false").await;
    app.make_due(failed.id).await;

    for event in events {
        app.delivery_in(event, "cancelled").await;
    }
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_with_a_delivery_changes_no_order() {
    const DIED: &str = "UPDATE webhook_deliveries
        SET lease_epoch = 1, attempts = 1, first_attempt_at = now() - interval '40 seconds',
            leased_at = now() - interval '40 seconds', lease_until = now() - interval '10 seconds'
        WHERE event_id = $1";
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let fan_out = app.start_as(Some(Role::FanOut)).0;
    let events = publish(&app, RecordId::generate(), &[1, 2, 3]).await;
    app.stop(fan_out, &[]).await;
    app.database.execute(DIED, &[&events[0].0]).await.expect("an expired lease");

    let dispatchers = [app.start_as(Some(Role::Deliver)).0, app.start_as(Some(Role::Deliver)).0];

    app.delivery_in(events[2], "succeeded").await;
    for dispatcher in dispatchers {
        app.stop(dispatcher, &[]).await;
    }
    assert_eq!(arrived(&sink), [1, 2, 3]);
    assert_eq!(sink.received()[0].header("pulse-attempt"), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_nobody_lived_to_give_is_given() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let fan_out = app.start_as(Some(Role::FanOut)).0;
    let records = [(); 3].map(|()| RecordId::generate());
    let mut last = Vec::new();
    for (place, record) in (1..).zip(records) {
        last.push(publish(&app, record, &[place, 10 + place]).await[1]);
    }
    app.stop(fan_out, &[]).await;
    // As a worker leaves it that dies when it has recorded a result, or has made a delivery, and has done nothing else.
    let ended = "UPDATE webhook_deliveries SET state = 'succeeded', next_attempt_at = NULL WHERE has_turn";
    assert_eq!(app.database.execute(ended, &[]).await.expect("an update"), 3);

    let dispatcher = app.start_as(Some(Role::Deliver)).0;

    for event in last {
        app.delivery_in(event, "succeeded").await;
    }
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_time_gets_it_for_all_that_waits() {
    let (app, silent) = (App::prepare().await, Silent::listen().await);
    ordered(&app, &silent.url()).await;
    let dispatcher = app.start();
    let events = publish(&app, RecordId::generate(), &[1, 2]).await;
    let busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
    answer(silent.request().await, busy).await;

    let asked = app.retry_scheduled(events[0], 1).await;
    let pause = asked.next_attempt_at.expect("due") - asked.first_attempt_at.expect("attempted");
    assert!(pause.num_seconds() >= 3_600, "{pause}");
    waits(&app, events[1]).await;
    app.make_due(asked.id).await;
    for event in events {
        answer(silent.request().await, b"HTTP/1.1 204 No Content\r\n\r\n").await;
        app.delivery_in(event, "succeeded").await;
    }
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_order_holds_for_what_comes_after_it() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = ordered(&app, &sink.url()).await;
    let record = RecordId::generate();
    sink.answer(&[500]);
    let dispatcher = app.start();
    let before = publish(&app, record, &[1, 2]).await;
    let failed = app.retry_scheduled(before[0], 1).await;

    app.set_subscription(subscription.id, "ordering = 'none'").await;
    app.subscriptions_are_known().await;
    let without = publish(&app, record, &[3]).await;
    app.delivery_in(without[0], "succeeded").await;
    waits(&app, before[1]).await;

    app.set_subscription(subscription.id, PER_RECORD).await;
    app.subscriptions_are_known().await;
    let after = publish(&app, record, &[4]).await;
    waits(&app, after[0]).await;
    app.make_due(failed.id).await;
    app.delivery_in(after[0], "succeeded").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [1, 3, 1, 2, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_late_goes_before_a_later_one_that_has_not_arrived() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let record = RecordId::generate();
    sink.answer(&[500]);
    let dispatcher = app.start();
    let later = publish(&app, record, &[5]).await;
    let failed = app.retry_scheduled(later[0], 1).await;

    let late = publish(&app, record, &[4]).await;
    app.delivery_in(late[0], "succeeded").await;
    let back = eventually("the later one has its turn again", || async {
        Some(made(&app, later[0]).await).filter(|delivery| delivery.has_turn == Some(true))
    })
    .await;
    assert_eq!((back.next_attempt_at, back.retries), (failed.next_attempt_at, 1), "it keeps its time");
    app.make_due(failed.id).await;
    app.delivery_in(later[0], "succeeded").await;

    // And where the later one has arrived, it is sent all the same.
    let too_late = publish(&app, record, &[3]).await;
    app.delivery_in(too_late[0], "succeeded").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(arrived(&sink), [5, 4, 5, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_record_that_are_made_together_go_in_order() {
    let (mut app, sink) = (App::prepare().await, Sink::start());
    app.settings.sweep = sweep(0);
    ordered(&app, &sink.url()).await;
    let records = [(); 2].map(|()| RecordId::generate());
    let mut lost: HashMap<RecordId, Vec<Uuid>> = HashMap::new();
    for number in 0..10 {
        let event = event(&app, records[number % 2], 0);
        app.lose(&event).await;
        lost.entry(event.record_id).or_default().push(event.id.0);
    }

    let dispatchers = [app.start(), app.start()];

    let mut arrived: HashMap<RecordId, Vec<Uuid>> = HashMap::new();
    for request in sink.wait_for(10).await {
        let id: Uuid = request.header("pulse-event-id").and_then(|id| id.parse().ok()).expect("an id");
        let (record, _) =
            lost.iter().find(|(_, events)| events.contains(&id)).expect("an event that was lost");
        arrived.entry(*record).or_default().push(id);
    }
    assert_eq!(arrived, lost);
    for dispatcher in dispatchers {
        app.stop(dispatcher, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_without_a_place_in_the_journal_wait_for_nothing() {
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let record = RecordId::generate();
    sink.answer(&[500]);
    let dispatcher = app.start();
    let failed = publish(&app, record, &[1]).await;
    app.retry_scheduled(failed[0], 1).await;

    let placeless = publish(&app, record, &[0]).await;

    app.delivery_in(placeless[0], "succeeded").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received()[1].header("pulse-sequence"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_keep_the_order_of_many_records() {
    const EVENTS: i64 = 120;
    const RECORDS: usize = 6;
    let (app, sink) = (App::prepare().await, Sink::start());
    ordered(&app, &sink.url()).await;
    let records = [(); RECORDS].map(|()| RecordId::generate());
    // One process turns events into deliveries, in the order in which they were published.
    let fan_out = app.start_as(Some(Role::FanOut)).0;
    let delivering = [(); 3].map(|()| app.start_as(Some(Role::Deliver)).0);

    for (sequence, record) in (1..=EVENTS).zip(records.iter().cycle()) {
        app.publish(&event(&app, *record, sequence)).await;
    }

    sink.wait_for(usize::try_from(EVENTS).expect("few")).await;
    app.stop(fan_out, &[]).await;
    for dispatcher in delivering {
        app.stop(dispatcher, &[]).await;
    }
    let arrived = arrived(&sink);
    assert_eq!(arrived.len(), usize::try_from(EVENTS).expect("few"), "each arrives once");
    for record in 1..=RECORDS {
        let of_record =
            |sequence: &&i64| usize::try_from(**sequence).expect("positive") % RECORDS == record % RECORDS;
        assert!(arrived.iter().filter(of_record).is_sorted(), "{arrived:?}");
    }
}
