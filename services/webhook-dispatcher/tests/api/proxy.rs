//! Everything leaves through a proxy: it is asked for vetted addresses, and its outages are nobody's fault but ours.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use pulse_service::egress::ProxySettings;
use pulse_testing::{Sink, eventually};

use crate::app::App;

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Connect,
    Socks5,
}

/// What a proxy does with who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Works,
    /// Says that we may not.
    Refuses,
    /// Dies in the middle.
    Dies,
    /// Says that nobody is there.
    FindsNobody,
}

/// A proxy that wants user and password, and remembers what it was asked for.
#[derive(Clone)]
struct Proxy {
    protocol: Protocol,
    port: u16,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(protocol: Protocol, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let proxy = Self { protocol, port, manner: Arc::new(Mutex::new(manner)), asked: Arc::default() };
        let serving = proxy.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (proxy, stream) = (serving.clone(), stream.expect("a connection"));
                std::thread::spawn(move || match proxy.protocol {
                    Protocol::Connect => proxy.serve_connect(stream),
                    Protocol::Socks5 => proxy.serve_socks5(stream),
                });
            }
        });
        proxy
    }

    fn settings(&self) -> ProxySettings {
        let scheme = match self.protocol {
            Protocol::Connect => "http",
            Protocol::Socks5 => "socks5",
        };
        let url = Some(format!("{scheme}://127.0.0.1:{}", self.port));
        ProxySettings { url, user: Some("pulse".into()), password: Some("secret".into()) }
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("no test panics while it holds this") = manner;
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics while it holds this").clone()
    }

    fn note(&self, address: &str) -> Manner {
        self.asked.lock().expect("no test panics while it holds this").push(address.to_owned());
        *self.manner.lock().expect("no test panics while it holds this")
    }

    fn serve_connect(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let address = head.split(' ').nth(1).unwrap_or_default();
        // The base64 of `pulse:secret`.
        let known = head.contains("Proxy-Authorization: Basic cHVsc2U6c2VjcmV0\r\n");
        match self.note(address) {
            Manner::Works if known => {
                let receiver = TcpStream::connect(address)?;
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                relay(stream, receiver)
            }
            Manner::FindsNobody => stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
            Manner::Dies => Ok(()),
            Manner::Works | Manner::Refuses => stream.write_all(b"HTTP/1.1 407 Who are you?\r\n\r\n"),
        }
    }

    fn serve_socks5(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting)?;
        assert_eq!(greeting, [5, 1, 2], "user and password");
        stream.write_all(&[5, 2])?;
        let mut credentials = [0; 2 + 5 + 1 + 6];
        stream.read_exact(&mut credentials)?;
        let known = &credentials == b"\x01\x05pulse\x06secret";
        stream.write_all(&[1, u8::from(!known)])?;
        let mut request = [0; 10];
        stream.read_exact(&mut request)?;
        assert_eq!(request[..4], [5, 1, 0, 1], "a connection to an IPv4 address");
        let host: [u8; 4] = request[4..8].try_into().expect("four bytes");
        let address = SocketAddr::from((host, u16::from_be_bytes([request[8], request[9]])));
        let mut answer = |code| stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        match self.note(&address.to_string()) {
            Manner::Works => {
                let receiver = TcpStream::connect(address)?;
                answer(0)?;
                relay(stream, receiver)
            }
            Manner::Refuses => answer(2),
            Manner::Dies => Ok(()),
            Manner::FindsNobody => answer(5),
        }
    }
}

fn relay(client: TcpStream, receiver: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, receiver.try_clone()?);
    std::thread::spawn(move || {
        // Either side may end first.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (receiver, client);
    io::copy(&mut from, &mut to).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_go_through_the_proxy() {
    for protocol in [Protocol::Connect, Protocol::Socks5] {
        let (mut app, sink, proxy) =
            (App::prepare().await, Sink::start(), Proxy::start(protocol, Manner::Works));
        app.settings.egress.proxy = proxy.settings();
        app.subscribe(&sink.url(), &["*"]).await;
        let dispatcher = app.start();
        let event = app.event("contact.created");
        app.publish(&event).await;

        let delivery = app.delivery_in(event.id, "succeeded").await;

        assert_eq!(sink.received().len(), 1, "{protocol:?}");
        let address = sink.url().replace("http://", "").replace('/', "");
        assert_eq!(proxy.asked(), [address], "{protocol:?}");
        let attempt = app.attempts(delivery.id).await.remove(0);
        assert_eq!(
            attempt.remote_address.as_deref(),
            Some("127.0.0.1"),
            "the receiver's, not that of the proxy"
        );
        app.stop(dispatcher, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_proxy_does_not_work_no_attempt_is_counted_and_nothing_held_against_the_receiver() {
    for (protocol, manner) in [
        (Protocol::Connect, Manner::Refuses),
        (Protocol::Connect, Manner::Dies),
        (Protocol::Socks5, Manner::Refuses),
        (Protocol::Socks5, Manner::Dies),
    ] {
        let (mut app, sink, proxy) = (App::prepare().await, Sink::start(), Proxy::start(protocol, manner));
        app.settings.egress.proxy = proxy.settings();
        app.subscribe(&sink.url(), &["*"]).await;
        let dispatcher = app.start();
        let event = app.event("contact.created");
        app.publish(&event).await;

        // Put off once, it is tried again.
        eventually("the proxy is asked twice", || async { (proxy.asked().len() >= 2).then_some(()) }).await;
        let delivery = app.deliveries(event.id).await.remove(0);
        assert_eq!((delivery.state.as_str(), delivery.retries), ("scheduled", 0), "{protocol:?} {manner:?}");
        assert!(app.attempts(delivery.id).await.is_empty());
        proxy.behave(Manner::Works);

        let delivery = app.delivery_in(event.id, "succeeded").await;
        assert_eq!(sink.received()[0].header("pulse-attempt"), Some("1"), "{protocol:?} {manner:?}");
        assert_eq!(app.attempts(delivery.id).await.len(), 1);
        let noted = app.database.query("SELECT FROM webhook_endpoints", &[]).await.expect("receivers");
        assert!(noted.is_empty(), "nothing bad is known of the receiver");
        app.stop(dispatcher, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_the_proxy_does_not_find_has_failed() {
    for (protocol, error) in
        [(Protocol::Connect, "no connection could be made"), (Protocol::Socks5, "the connection was refused")]
    {
        let (mut app, sink) = (App::prepare().await, Sink::start());
        let proxy = Proxy::start(protocol, Manner::FindsNobody);
        app.settings.egress.proxy = proxy.settings();
        app.subscribe(&sink.url(), &["*"]).await;
        let dispatcher = app.start();
        let event = app.event("contact.created");
        app.publish(&event).await;

        let delivery = app.retry_scheduled(event.id, 1).await;
        let attempt = app.attempts(delivery.id).await.remove(0);
        assert_eq!(attempt.error_layer.as_deref(), Some("connect"), "{protocol:?}");
        assert_eq!(attempt.error.as_deref(), Some(error), "{protocol:?}");
        app.stop(dispatcher, &[]).await;
        assert!(sink.received().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_is_not_asked_for_what_is_forbidden() {
    let (mut app, proxy) = (App::prepare().await, Proxy::start(Protocol::Connect, Manner::Works));
    app.settings.egress.allow = Default::default();
    app.settings.egress.proxy = proxy.settings();
    app.subscribe("https://169.254.169.254/latest/meta-data", &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.retry_scheduled(event.id, 1).await;

    assert_eq!(app.attempts(delivery.id).await[0].error_layer.as_deref(), Some("blocked_target"));
    app.stop(dispatcher, &[]).await;
    assert!(proxy.asked().is_empty());
}
