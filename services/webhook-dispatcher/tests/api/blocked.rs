//! Nothing reaches a private place: subscriptions are written past the registration, and whoever listens there hears
//! nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};

use pulse_testing::{Dns, Sink, inside};

use crate::app::{App, Attempt};

/// Listens at private addresses, and hears of every connection.
struct Inside {
    port: u16,
    listeners: Vec<TcpListener>,
}

impl Inside {
    /// At one port of several loopback addresses, those of the IPv6 where the system has it.
    fn listen() -> Self {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = first.local_addr().expect("it is bound").port();
        let others = ["127.9.9.9", "127.0.0.2", "[::1]"].map(|host| format!("{host}:{port}"));
        let mut listeners = vec![first];
        listeners.extend(others.iter().filter_map(|address| TcpListener::bind(address).ok()));
        // Those that a URL without a port leads to, where tests may listen there.
        let well_known = ["127.0.0.1:443", "127.0.0.1:80", "[::1]:443"];
        listeners.extend(well_known.iter().filter_map(|address| TcpListener::bind(address).ok()));
        for listener in &listeners {
            listener.set_nonblocking(true).expect("a socket");
        }
        Self { port, listeners }
    }

    /// Who has connected.
    fn heard(&self) -> Vec<SocketAddr> {
        let heard = self.listeners.iter().filter_map(|listener| match listener.accept() {
            Ok((_, peer)) => Some(peer),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                None
            }
        });
        heard.collect()
    }
}

/// What the log says of an attempt that was not made.
fn assert_blocked(attempt: &Attempt, url: &str) {
    assert_eq!((attempt.url.as_str(), attempt.outcome.as_str()), (url, "failed"));
    assert_eq!(attempt.error_layer.as_deref(), Some("blocked_target"), "{url}");
    assert!(attempt.error.is_some(), "{url}");
    assert!(attempt.response_status.is_none() && attempt.response_headers.is_none(), "{url}");
    assert!(attempt.response_body.is_none() && attempt.remote_address.is_none(), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_url_that_leads_inside_is_called_however_it_is_written() {
    let (mut app, inside, dns) = (App::prepare().await, Inside::listen(), Dns::start());
    app.settings.egress.allow = Default::default();
    app.settings.egress.nameservers = dns.address().to_string().parse().expect("a name server");
    dns.set("inside.example.com", &["127.0.0.1"]);
    dns.set("mixed.example.com", &["1.1.1.1", "127.0.0.1", "2606:4700::1111"]);
    dns.set("mixed6.example.com", &["2606:4700::1111", "::1"]);
    dns.set("mapped.example.com", &["::ffff:127.0.0.1"]);
    dns.set("metadata.example.com", &["169.254.169.254"]);
    let names = ["inside", "mixed", "mixed6", "mapped", "metadata"];
    let names = names.map(|name| format!("https://{name}.example.com:PORT/"));
    let others =
        ["http://127.0.0.1:PORT/", "http://[::1]:PORT/", "https://u:p@127.0.0.1:PORT/", "https://1.1.1.1/"];
    let mut urls = Vec::new();
    for url in inside::URLS.iter().copied().chain(names.iter().map(String::as_str)).chain(others) {
        let url = url.replace("PORT", &inside.port.to_string());
        app.subscribe(&url, &["*"]).await;
        urls.push(url);
    }
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let sql = "SELECT a.* FROM webhook_attempts AS a JOIN webhook_deliveries AS d ON d.id = a.delivery_id
                WHERE d.event_id = $1 AND d.state = 'scheduled' AND d.retries = 1 ORDER BY a.url";
    let rows = pulse_testing::eventually("an attempt for every URL", || async {
        let rows = app.database.query(sql, &[&event.id.0]).await.expect("attempts");
        (rows.len() == urls.len()).then_some(rows)
    })
    .await;
    urls.sort_unstable();
    let attempts: Vec<Attempt> = rows.iter().map(Attempt::from).collect();
    for url in &urls {
        let attempt = attempts.iter().find(|attempt| attempt.url == *url);
        assert_blocked(attempt.unwrap_or_else(|| panic!("an attempt for {url}")), url);
    }
    app.stop(dispatcher, &[]).await;
    assert_eq!(inside.heard(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_later_is_looked_up_again_for_every_connection() {
    let (mut app, inside, dns) = (App::prepare().await, Inside::listen(), Dns::start());
    app.settings.egress.nameservers = dns.address().to_string().parse().expect("a name server");
    // Nobody is there: the first attempt fails, and leaves no connection behind.
    app.settings.egress.allow = "127.0.0.77".parse().expect("a network");
    dns.set("hooks.example.com", &["127.0.0.77"]);
    let url = format!("https://hooks.example.com:{}/", inside.port);
    app.subscribe(&url, &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let delivery = app.retry_scheduled(event.id, 1).await;
    let first = app.attempts(delivery.id).await.remove(0);
    assert_eq!(first.error_layer.as_deref(), Some("connect"), "{first:?}");

    dns.set("hooks.example.com", &["127.0.0.1"]);
    app.make_due(delivery.id).await;

    app.retry_scheduled(event.id, 2).await;
    assert_blocked(&app.attempts(delivery.id).await[1], &url);
    app.stop(dispatcher, &[]).await;
    assert_eq!(inside.heard(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_refused_and_logged() {
    let (mut app, sink) = (App::prepare().await, Sink::start());
    app.settings.egress.allow = Default::default();
    let subscription = app.subscribe(&sink.url().replace("http:", "https:"), &["*"]).await;
    app.set_subscription(subscription.id, "max_retries = 0").await;
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.delivery_in(event.id, "exhausted").await;
    let attempts = app.attempts(delivery.id).await;
    assert_eq!(attempts[0].error_layer.as_deref(), Some("blocked_target"));
    assert_eq!(attempts[0].error.as_deref(), Some("`127.0.0.1` is not a public address"));
    app.stop(dispatcher, &[]).await;
    assert!(sink.received().is_empty());
}
