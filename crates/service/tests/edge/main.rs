//! What every request of every service passes, over raw connections.

mod limits;

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_service::health::Readiness;
use pulse_service::http::Origin;
use pulse_service::settings::{Bounds, Http};
use pulse_service::{Service, body};
use pulse_testing::Running;
use pulse_testing::wire::Wire;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const DRIP: Duration = Duration::from_millis(50);

/// A service that tells what it was sent, and keeps it running.
fn start(bounds: Bounds, trusted: &str) -> (SocketAddr, Running) {
    let settings = Http {
        listen: "127.0.0.1:0".parse().expect("an address"),
        trusted_proxies: trusted.parse().expect("networks"),
        workers: Some(1),
        shutdown_seconds: 1,
        strict_transport_seconds: 0,
        bounds,
    };
    let mut service = Service::new("edge");
    let address = service.http(&settings, Readiness::default(), routes).expect("a port is free");
    (address, Running::start(service))
}

fn routes(config: &mut web::ServiceConfig) {
    let tell = async |payload: Payload| match body::read(payload, 1_000).await {
        Ok(body) => HttpResponse::Ok().body(format!("{} bytes", body.len())),
        Err(body::Error::TooLarge(limit)) => HttpResponse::PayloadTooLarge().body(limit.to_string()),
        Err(body::Error::TooSlow(_)) => HttpResponse::RequestTimeout().finish(),
        Err(body::Error::Broken) => HttpResponse::BadRequest().finish(),
    };
    config
        .route("/", web::get().to(async || HttpResponse::Ok().body("here")))
        .route("/client", web::get().to(async |origin: Origin| origin.client.to_string()))
        .route("/unread", web::post().to(async |_: HttpRequest| HttpResponse::Forbidden().finish()))
        .route("/", web::post().to(tell));
}

fn quick() -> Bounds {
    Bounds { head_seconds: 1, body_seconds: 1, idle_seconds: 1, ..Bounds::default() }
}

#[tokio::test]
async fn a_request_line_and_headers_have_bounds() {
    let bounds = Bounds { uri_bytes: 100, header_bytes: 1_000, headers: 10, ..Bounds::default() };
    let (address, running) = start(bounds, "");
    let with = |path: &str, headers: &str| format!("GET /{path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let header = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    for (what, request, status) in [
        ("a path", with(&"x".repeat(99), ""), 404),
        ("a long path", with(&"x".repeat(100), ""), 414),
        ("a long query", with(&format!("?{}", "x".repeat(99)), ""), 414),
        ("a header", with("", &header(900)), 200),
        ("a long header", with("", &header(1_000)), 431),
        ("headers", with("", &"X: x\r\n".repeat(9)), 200),
        ("many headers", with("", &"X: x\r\n".repeat(10)), 431),
        // These the server itself refuses, before anything is known of the request.
        ("too many headers to read", with("", &"X: x\r\n".repeat(96)), 431),
        ("too long headers to read", with("", &header(200_000)), 431),
    ] {
        assert_eq!(Wire::ask(address, request).await.status, status, "{what}");
    }
    assert_eq!(
        Wire::ask(address, with(&"x".repeat(100), "")).await.body,
        "A path with its query may have 100 bytes.\n"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_body_has_bounds_whoever_reads_it() {
    let (address, running) = start(Bounds { body_bytes: 500, ..Bounds::default() }, "");
    let plain = |length: usize| {
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
    };
    let chunked = |length: usize| {
        let body = "x".repeat(length);
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        )
    };
    for (request, status, body) in [
        (plain(500), 200, "500 bytes"),
        (plain(501), 413, "500"),
        (chunked(500), 200, "500 bytes"),
        (chunked(501), 413, "500"),
        (chunked(100_000), 413, "500"),
    ] {
        let reply = Wire::ask(address, request).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, body));
    }
    let mut broken = Wire::open(address).await;
    broken.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(broken.reply().await.expect("an answer").status, 400);
    running.stop().await;
}

#[tokio::test]
async fn a_body_that_drips_is_cut_off() {
    let (address, running) = start(quick(), "");
    let mut slow = Wire::open(address).await;
    slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n").await;
    assert_eq!(slow.drip(b'x', DRIP).await.expect("an answer").status, 408);
    assert!(slow.drip(b'x', DRIP).await.is_none(), "the connection is closed");
    // Nobody waits for a body that nobody wants.
    let mut unread = Wire::open(address).await;
    unread.send("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n").await;
    assert_eq!(unread.reply().await.expect("an answer").status, 403);
    assert!(unread.drip(b'x', DRIP).await.is_none(), "the connection is closed");
    running.stop().await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off_also_on_a_connection_that_is_kept() {
    let (address, running) = start(quick(), "");
    let mut first = Wire::open(address).await;
    first.send("GET / HTTP/1.1\r\nHost: ").await;
    let said = first.drip(b'x', DRIP).await;
    assert!(said.is_none_or(|reply| reply.status == 408));
    let mut kept = Wire::open(address).await;
    kept.send(GET).await;
    assert_eq!(kept.reply().await.expect("an answer").status, 200);
    kept.send("GET / HTTP/1.1\r\nHost: ").await;
    assert!(kept.drip(b'x', DRIP).await.is_none(), "the connection is closed");
    running.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_is_used_is_not() {
    let (address, running) = start(quick(), "");
    let (mut idle, mut used) = (Wire::open(address).await, Wire::open(address).await);
    idle.send(GET).await;
    assert_eq!(idle.reply().await.expect("an answer").status, 200);
    let in_use = async {
        loop {
            used.send(GET).await;
            used.reply().await.expect("an answer");
            tokio::time::sleep(DRIP).await;
        }
    };
    tokio::select! {
        closed = idle.reply() => assert!(closed.is_none()),
        () = in_use => {}
    }
    used.send(GET).await;
    assert_eq!(used.reply().await.expect("an answer").status, 200);
    running.stop().await;
}

#[tokio::test]
async fn no_more_connections_are_served_than_allowed() {
    let (address, running) = start(Bounds { connections: 1, ..Bounds::default() }, "");
    let mut first = Wire::open(address).await;
    first.send(GET).await;
    assert_eq!(first.reply().await.expect("an answer").status, 200);
    let mut second = Wire::open(address).await;
    second.send(GET).await;
    let busy = async {
        for _ in 0..100 {
            first.send(GET).await;
            assert_eq!(first.reply().await.expect("an answer").status, 200);
        }
    };
    tokio::select! {
        () = busy => {}
        _ = second.reply() => panic!("two connections are served"),
    }
    drop(first);
    assert_eq!(second.reply().await.expect("an answer").status, 200);
    running.stop().await;
}

#[tokio::test]
async fn every_answer_says_what_browsers_may_do_with_it_and_not_who_serves() {
    let (address, running) = start(Bounds { uri_bytes: 100, ..Bounds::default() }, "");
    for path in ["/", "/livez", "/readyz", "/nowhere", &format!("/{}", "x".repeat(200))] {
        let reply = Wire::ask(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        for (name, value) in [
            ("x-content-type-options", Some("nosniff")),
            ("referrer-policy", Some("no-referrer")),
            ("content-security-policy", Some("default-src 'none'; frame-ancestors 'none'")),
            ("cross-origin-resource-policy", Some("same-origin")),
            ("cache-control", Some("no-store")),
            ("server", None),
            ("x-powered-by", None),
        ] {
            assert_eq!(reply.header(name), value, "{path} {name}");
        }
        assert!(reply.header("x-request-id").is_some(), "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn only_a_trusted_proxy_names_the_client() {
    let ask = async |address: SocketAddr, forwarded: &str| {
        let request = format!("GET /client HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {forwarded}\r\n\r\n");
        Wire::ask(address, request).await.body
    };
    let (open, one) = start(Bounds::default(), "");
    assert_eq!(ask(open, "192.0.2.1").await, "127.0.0.1");
    let (behind, two) = start(Bounds::default(), "127.0.0.0/8, 10.0.0.0/8");
    assert_eq!(ask(behind, "192.0.2.1").await, "192.0.2.1");
    assert_eq!(ask(behind, "192.0.2.9, 192.0.2.1, 10.1.1.1").await, "192.0.2.1");
    one.stop().await;
    two.stop().await;
}
