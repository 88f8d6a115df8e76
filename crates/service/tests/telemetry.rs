//! Traces reach whoever collects them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use pulse_service::settings::Telemetry;
use pulse_service::telemetry;

#[test]
fn spans_are_sent_to_the_collector_at_the_latest_when_the_process_ends() {
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = collector.local_addr().expect("it is bound");
    let collected = std::thread::spawn(move || {
        let (stream, _) = collector.accept().expect("a connection");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).expect("a request") > 0, "{head}");
        }
        let length = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").map(|length| length.parse().expect("a number"))
        });
        let mut body = vec![0; length.expect("a body")];
        stream.read_exact(&mut body).expect("the body");
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("it listens");
        (head, String::from_utf8_lossy(&body).into_owned())
    });
    let settings = Telemetry {
        log: "info".into(),
        format: Default::default(),
        otlp_endpoint: Some(format!("http://{address}/v1/traces")),
    };

    let flush = telemetry::start("telemetry-test", &settings).expect("it starts");
    tracing::info_span!("work").in_scope(|| tracing::info!("done"));
    drop(flush);

    let (head, body) = collected.join().expect("it has received something");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(body.contains("telemetry-test") && body.contains("work"), "{body}");
}
