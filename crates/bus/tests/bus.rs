//! Publishing and consuming against a real broker.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::anyhow;
use pulse_bus::dead_letters::{self, Depth};
use pulse_bus::topology::{COMMANDS, REPLAY, WEBHOOK_REPLAYS};
use pulse_bus::{Consumer, Failure, Incoming, Outgoing, Publisher, Settings};
use pulse_service::Service;
use pulse_testing::{Running, broker, eventually};
use uuid::Uuid;

fn message(body: &str) -> Outgoing {
    Outgoing { exchange: COMMANDS, routing_key: REPLAY.into(), id: Uuid::now_v7(), body: body.into() }
}

/// What a handler has seen, and the answers it gives first; it says that everything else is done.
#[derive(Clone, Default)]
struct Handler {
    seen: Arc<Mutex<Vec<String>>>,
    failures: Arc<Mutex<Vec<Failure>>>,
}

impl Handler {
    fn failing(failures: Vec<Failure>) -> Self {
        Self { failures: Arc::new(Mutex::new(failures)), ..Self::default() }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(&format!("{count} messages handled"), || {
            ready(Some(self.seen()).filter(|seen| seen.len() >= count))
        })
        .await
    }

    fn start(&self, settings: &Settings) -> Running {
        let consumer = Consumer {
            settings: settings.clone(),
            name: "test".into(),
            queue: WEBHOOK_REPLAYS,
            batch: 10,
            linger: Duration::ZERO,
        };
        let mut service = Service::new("test");
        let (stop, handler) = (service.stop(), self.clone());
        service.task("consume", async move {
            consumer
                .run(stop, |batch| ready(batch.iter().map(|message| handler.handle(message)).collect()))
                .await;
            Ok(())
        });
        Running::start(service)
    }

    fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        self.seen.lock().expect("not poisoned").push(String::from_utf8_lossy(&message.body).into_owned());
        let mut failures = self.failures.lock().expect("not poisoned");
        if failures.is_empty() { Ok(()) } else { Err(failures.remove(0)) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_before_a_consumer_started_is_handled_once_and_in_order() {
    let settings = broker::settings();
    let publisher = Publisher::new(&settings, "test");
    let messages: Vec<Outgoing> = (0..50).map(|number| message(&number.to_string())).collect();
    let (confirmed, failure) = publisher.publish_all(&messages).await;
    assert_eq!((confirmed, failure.is_none()), (50, true));
    let handler = Handler::default();
    let running = handler.start(&settings);
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(handler.wait_for(50).await, expected);
    running.stop().await;
    broker::assert_nothing_left(&settings, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_larger_than_a_frame_arrives_whole() {
    let settings = broker::settings();
    let large = "0123456789".repeat(50_000);
    let (confirmed, _) = Publisher::new(&settings, "test").publish_all(&[message(&large)]).await;
    assert_eq!(confirmed, 1);
    let handler = Handler::default();
    let running = handler.start(&settings);
    assert_eq!(handler.wait_for(1).await, [large]);
    running.stop().await;
    broker::assert_nothing_left(&settings, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_queue_takes_is_an_error() {
    let publisher = Publisher::new(&broker::settings(), "test");
    let lost = Outgoing { routing_key: "nobody.listens".into(), ..message("x") };
    let error = publisher.publish(&lost).await.expect_err("no queue").to_string();
    assert!(error.contains("no queue takes nobody.listens"), "{error}");
    publisher.publish(&message("x")).await.expect("the channel still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_be_retried_is_handed_over_again() {
    let settings = broker::settings();
    Publisher::new(&settings, "test").publish(&message("x")).await.expect("confirmed");
    let handler = Handler::failing(vec![Failure::Retry(anyhow!("away")), Failure::Retry(anyhow!("away"))]);
    let running = handler.start(&settings);
    assert_eq!(handler.wait_for(3).await, ["x", "x", "x"]);
    running.stop().await;
    broker::assert_nothing_left(&settings, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_at_fault_goes_to_the_dead_letters_and_finds_the_way_back() {
    let settings = broker::settings();
    let publisher = Publisher::new(&settings, "test");
    for body in ["bad", "good"] {
        publisher.publish(&message(body)).await.expect("confirmed");
    }
    let handler = Handler::failing(vec![Failure::Discard(anyhow!("at fault"))]);
    let running = handler.start(&settings);
    assert_eq!(handler.wait_for(2).await, ["bad", "good"]);
    running.stop().await;
    let depth = dead_letters::depth(&settings, WEBHOOK_REPLAYS).await.expect("the broker answers");
    assert_eq!(depth, Depth { ready: 0, dead: 1 });
    for _ in 0..2 {
        let letters = dead_letters::look(&settings, WEBHOOK_REPLAYS, 10).await.expect("the broker answers");
        let reasons: Vec<_> = letters.into_iter().map(|letter| letter.reason).collect();
        assert_eq!(reasons, ["at fault"]);
    }

    assert_eq!(dead_letters::requeue(&settings, WEBHOOK_REPLAYS).await.expect("the broker answers"), 1);
    let running = handler.start(&settings);
    assert_eq!(handler.wait_for(3).await, ["bad", "good", "bad"]);
    running.stop().await;
    broker::assert_nothing_left(&settings, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_retried_when_the_consumer_stops_is_given_back() {
    let settings = broker::settings();
    Publisher::new(&settings, "test").publish(&message("x")).await.expect("confirmed");
    let handler = Handler::failing((0..1_000).map(|_| Failure::Retry(anyhow!("away"))).collect());
    let running = handler.start(&settings);
    handler.wait_for(1).await;
    running.stop().await;
    let next = Handler::default();
    let running = next.start(&settings);
    assert_eq!(next.wait_for(1).await, ["x"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_an_error_at_once_and_not_a_wait() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let url = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
    let settings = Settings { url: url.into(), ..broker::settings() };
    assert!(Publisher::new(&settings, "test").publish(&message("x")).await.is_err());
}
