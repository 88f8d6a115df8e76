//! Deliveries that are made again.

use pulse_bus::dead_letters::{self, Depth};
use pulse_bus::topology::WEBHOOK_REPLAYS;
use pulse_domain::command::Replay;
use pulse_domain::{WorkspaceId, signature};
use pulse_testing::{Sink, eventually};
use uuid::Uuid;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_the_same_bytes_under_an_id_of_its_own() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let original = app.delivery_in(event.id, "succeeded").await;

    let command = Replay { workspace_id: app.workspace, delivery_id: original.id, replay_id: Uuid::now_v7() };
    app.ask_for_replay(&command).await;
    app.ask_for_replay(&command).await;

    let requests = sink.wait_for(2).await;
    eventually("the replay succeeds", || async {
        app.deliveries(event.id)
            .await
            .into_iter()
            .find(|delivery| delivery.replay_of_id == Some(original.id) && delivery.state == "succeeded")
    })
    .await;
    assert_eq!(requests[1].body, requests[0].body);
    assert!(signature::verify(
        subscription.secret.as_bytes(),
        &requests[1].body,
        requests[1].header("x-pulse-signature").expect("a signature")
    ));
    assert_eq!(requests[1].header("pulse-event-id"), requests[0].header("pulse-event-id"));
    assert_eq!(requests[1].header("pulse-delivery-id"), Some(command.replay_id.to_string().as_str()));
    assert_eq!(requests[1].header("pulse-attempt"), Some("1"));
    app.stop(dispatcher, &[]).await;
    assert_eq!(app.deliveries(event.id).await.len(), 2, "a command that comes twice has one effect");
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_what_the_workspace_does_not_have_goes_to_the_dead_letters() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let original = app.delivery_in(event.id, "succeeded").await;

    let other = WorkspaceId::generate();
    app.add_workspace(other).await;
    app.ask_for_replay(&Replay { workspace_id: other, delivery_id: original.id, replay_id: Uuid::now_v7() })
        .await;

    eventually("a dead letter", || async {
        let depth = dead_letters::depth(&app.settings.bus, WEBHOOK_REPLAYS).await.expect("the broker");
        (depth == Depth { ready: 0, dead: 1 }).then_some(())
    })
    .await;
    app.stop(dispatcher, &[WEBHOOK_REPLAYS]).await;
    assert_eq!(app.deliveries(event.id).await.len(), 1);
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_altered_are_never_sent() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let original = app.delivery_in(event.id, "succeeded").await;
    let alter = "UPDATE webhook_payloads SET body = body || ' '";
    app.database.batch_execute(alter).await.expect("the bytes are altered");

    let command = Replay { workspace_id: app.workspace, delivery_id: original.id, replay_id: Uuid::now_v7() };
    app.ask_for_replay(&command).await;
    eventually("the replay is given up", || async {
        app.deliveries(event.id)
            .await
            .into_iter()
            .find(|delivery| delivery.id == command.replay_id && delivery.state == "cancelled")
    })
    .await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 1);
}
