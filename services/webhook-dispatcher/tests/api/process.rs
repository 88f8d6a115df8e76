//! Start, roles and stop.

use pulse_testing::{Sink, http};
use webhook_dispatcher::{DEFAULTS, Role, Settings};

use crate::app::{App, Silent, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_deliveries_under_way_finish() {
    let (app, silent) = (App::prepare().await, Silent::listen().await);
    app.subscribe(&silent.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let under_way = silent.request().await;

    let (_, ()) =
        tokio::join!(app.stop(dispatcher, &[]), answer(under_way, b"HTTP/1.1 204 No Content\r\n\r\n"));

    let delivery = app.deliveries(event.id).await.remove(0);
    assert_eq!(delivery.state, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_work_apart() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let (fan_out, health) = app.start_as(Some(Role::FanOut));
    let event = app.event("contact.created");
    app.publish(&event).await;
    app.delivery_in(event.id, "scheduled").await;
    for path in ["/livez", "/readyz"] {
        let answer = http::client().get(format!("{health}{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
    }
    app.stop(fan_out, &[]).await;
    assert!(sink.received().is_empty());

    let (deliver, _) = app.start_as(Some(Role::Deliver));
    sink.wait_for(1).await;
    app.delivery_in(event.id, "succeeded").await;
    app.stop(deliver, &[]).await;
}

#[test]
fn the_defaults_lack_only_addresses_and_keys() {
    let given = std::env::temp_dir().join(format!("pulse-webhook-dispatcher-{}.toml", std::process::id()));
    let file =
        "[database]\nurl = 'postgres://a@b/c'\n[bus]\nurl = 'amqp://a'\n[security]\nmaster_key = 'k'\n";
    std::fs::write(&given, file).expect("a file");
    let settings: Settings = pulse_service::settings::load(DEFAULTS, Some(&given)).expect("complete");
    std::fs::remove_file(&given).expect("the file is there");
    assert_eq!(settings.http.listen.port(), 8083);
    assert_eq!((settings.delivery.concurrency.get(), settings.delivery.per_workspace.get()), (256, 64));
    assert_eq!(settings.egress.timeout_ms, 10_000);
}
