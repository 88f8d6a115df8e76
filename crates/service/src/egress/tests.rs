//! The guarded client over the wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pulse_testing::{Dns, eventually};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::*;

/// What a receiver does with a request.
#[derive(Clone)]
enum Reply {
    Send(Vec<u8>),
    /// And closes the connection.
    SendAndClose(Vec<u8>),
    Close,
    /// Sends this, and nothing more.
    Hang(Vec<u8>),
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A receiver that counts.
struct Receiver {
    port: u16,
    connections: Arc<AtomicUsize>,
    /// Connections that it has closed.
    closed: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Replies to the requests of all connections in this order, and to the rest as to the last.
    fn start(replies: &[Reply]) -> Self {
        Self::over(replies, |stream| stream)
    }

    fn over<S: Read + Write + 'static>(
        replies: &[Reply],
        wrap: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let receiver =
            Self { port, connections: Arc::default(), closed: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&receiver.connections), Arc::clone(&receiver.requests));
        let closed = Arc::clone(&receiver.closed);
        let (replies, wrap) = (Arc::new(replies.to_vec()), Arc::new(wrap));
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (replies, wrap, requests) =
                    (Arc::clone(&replies), Arc::clone(&wrap), Arc::clone(&requests));
                let closed = Arc::clone(&closed);
                std::thread::spawn(move || {
                    serve(wrap(stream.expect("a connection")), &replies, &requests);
                    closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        receiver
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics while it holds this").clone()
    }
}

fn serve(stream: impl Read + Write, replies: &[Reply], requests: &Mutex<Vec<String>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let number = {
            let mut requests = requests.lock().expect("no test panics while it holds this");
            requests.push(head);
            requests.len()
        };
        let (bytes, then) = match &replies[(number - 1).min(replies.len() - 1)] {
            Reply::Send(bytes) => (&bytes[..], None),
            Reply::SendAndClose(bytes) => (&bytes[..], Some(false)),
            Reply::Close => (&[][..], Some(false)),
            Reply::Hang(bytes) => (&bytes[..], Some(true)),
        };
        stream.get_mut().write_all(bytes).ok()?;
        stream.get_mut().flush().ok()?;
        match then {
            None => {}
            Some(false) => return None,
            // Until the client has given up.
            Some(true) => drop(stream.read_to_end(&mut Vec::new())),
        }
    }
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let allow = "127.0.0.0/8".parse().expect("a network");
    let nameservers = Nameservers(vec!["127.0.0.1:9".parse().expect("an address")]);
    let mut settings = Settings { allow, nameservers, ..Settings::default() };
    change(&mut settings);
    settings
}

fn client(change: impl FnOnce(&mut Settings)) -> Client {
    Client::new(&settings(change)).expect("a client")
}

async fn post(client: &Client, url: &str) -> Exchange {
    let target = client.admit(url).await.unwrap_or_else(|refused| panic!("{url}: {refused:?}"));
    client.post(&target, HeaderMap::new(), Bytes::from_static(b"{}")).await
}

fn failure(exchange: Exchange) -> Failure {
    exchange.result.expect_err("no answer")
}

fn phases(exchange: &Exchange) -> Vec<&'static str> {
    exchange.course.durations().map(|(phase, _)| phase.name()).collect()
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let (receiver, client) = (Receiver::start(&[Reply::Send(OK.into())]), client(|_| {}));
    let first = post(&client, &receiver.url()).await;
    let second = post(&client, &receiver.url()).await;

    assert_eq!(phases(&first), ["connect", "wait", "body"]);
    assert_eq!(phases(&second), ["wait", "body"]);
    for exchange in [first, second] {
        assert_eq!(exchange.course.remote_address, Some([127, 0, 0, 1].into()));
        assert_eq!(exchange.course.tls_version, None);
        let answer = exchange.result.expect("an answer");
        assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 2));
    let head = &receiver.requests()[0];
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("host: 127.0.0.1:{}\r\n", receiver.port))
            && head.contains("user-agent: Pulse/")
    );
}

#[tokio::test]
async fn a_connection_that_the_receiver_has_closed_is_not_used_again() {
    let receiver = Receiver::start(&[Reply::SendAndClose(OK.into())]);
    let client = client(|_| {});
    for closed in 1..4 {
        assert!(post(&client, &receiver.url()).await.result.is_ok());
        let is_closed = async || (receiver.closed.load(Ordering::SeqCst) == closed).then_some(());
        eventually("the connection is closed", is_closed).await;
        // The runtime looks at its sockets before it goes on.
        tokio::task::yield_now().await;
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (3, 3));
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_repeated() {
    let receiver = Receiver::start(&[Reply::Send(OK.into()), Reply::Close, Reply::Send(OK.into())]);
    let client = client(|_| {});
    assert!(post(&client, &receiver.url()).await.result.is_ok());

    let broken = failure(post(&client, &receiver.url()).await);

    assert_eq!(broken.layer, Layer::Body, "{broken:?}");
    assert_eq!(broken.message, "the connection was closed before the answer was complete");
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 2));
}

#[tokio::test]
async fn what_is_too_long_or_never_ends_is_cut_off_and_its_connection_with_it() {
    let long =
        [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec(), vec![b'x'; 200_000]].concat();
    let receiver =
        Receiver::start(&[Reply::Hang(long), Reply::Hang(OK[..OK.len() - 1].into()), Reply::Hang(vec![])]);
    let client = client(|settings| settings.timeout_ms = 500);

    let answer = post(&client, &receiver.url()).await.result.expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (200, 16 * 1024));
    let half = failure(post(&client, &receiver.url()).await);
    assert_eq!(
        (half.layer, half.message.as_str()),
        (Layer::Timeout(Phase::Body), "the answer was not complete within 500 ms")
    );
    let exchange = post(&client, &receiver.url()).await;
    assert_eq!(phases(&exchange), ["connect", "wait"]);
    let silent = failure(exchange);
    assert_eq!(
        (silent.layer, silent.message.as_str()),
        (Layer::Timeout(Phase::Wait), "there was no answer within 500 ms")
    );
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn redirects_are_answers() {
    let inside = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    inside.set_nonblocking(true).expect("a socket");
    let port = inside.local_addr().expect("it is bound").port();
    for location in [format!("http://127.0.0.1:{port}/"), "http://169.254.169.254/latest/meta-data".into()] {
        let moved = format!("HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let receiver = Receiver::start(&[Reply::Send(moved.into())]);
        let answer = post(&client(|_| {}), &receiver.url()).await.result.expect("an answer");
        assert_eq!((answer.status, receiver.requests().len()), (307, 1));
    }
    assert!(inside.accept().is_err(), "nobody has come");
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses_the_connection() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let exchange = post(&client(|_| {}), &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!((phases(&exchange), exchange.course.remote_address), (vec!["connect"], None));
    let refused = failure(exchange);
    assert_eq!((refused.layer, refused.message.as_str()), (Layer::Connect, "the connection was refused"));
    assert!(refused.detail.is_some());
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_told_as_such() {
    let receiver = Receiver::start(&[Reply::SendAndClose(b"220 mail.example.com ESMTP\r\n".into())]);
    let strange = failure(post(&client(|_| {}), &receiver.url()).await);
    assert_eq!((strange.layer, strange.message.as_str()), (Layer::Body, "the answer is not HTTP/1.1"));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_with_all_its_addresses() {
    let (dns, receiver) = (Dns::start(), Receiver::start(&[Reply::Send(OK.into())]));
    let client = client(|settings| {
        settings.allow = Default::default();
        settings.nameservers = Nameservers(vec![dns.address()]);
    });
    let url = format!("https://hooks.example.com:{}/", receiver.port);
    let target = client.admit(&url).await.expect("a name without an address passes");
    for inside in
        [&["127.0.0.1"][..], &["1.1.1.1", "127.0.0.1"], &["2606:4700::1111", "::1"], &["64:ff9b::7f00:1"]]
    {
        dns.set("hooks.example.com", inside);
        let refused = client.admit(&url).await.expect_err("it leads inside");
        assert_eq!(refused, [Refused::LeadsInside("hooks.example.com".into())]);

        let exchange = client.post(&target, HeaderMap::new(), Bytes::new()).await;

        assert_eq!((phases(&exchange), exchange.course.remote_address), (vec!["dns"], None));
        let blocked = failure(exchange);
        assert_eq!(blocked.layer, Layer::BlockedTarget);
        assert!(!blocked.message.contains("127"), "what is known inside alone is not told: {blocked:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_that_was_public_when_it_was_registered_is_vetted_again() {
    let (dns, receiver) = (Dns::start(), Receiver::start(&[Reply::Send(OK.into())]));
    let client = client(|settings| {
        settings.allow = Default::default();
        settings.nameservers = Nameservers(vec![dns.address()]);
    });
    dns.set("rebind.example.com", &["1.1.1.1"]);
    let target =
        client.admit(&format!("https://rebind.example.com:{}/", receiver.port)).await.expect("public");
    dns.set("rebind.example.com", &["127.0.0.1"]);

    let blocked = failure(client.post(&target, HeaderMap::new(), Bytes::new()).await);

    assert_eq!((blocked.layer, receiver.connections()), (Layer::BlockedTarget, 0));
    assert_eq!(dns.queries().len(), 4, "one look-up each, and none between vetting and connecting");
}

#[tokio::test]
async fn a_name_nobody_knows_and_one_nobody_answers_for_are_told_apart() {
    let dns = Dns::start();
    dns.set("silent.example.com", &[]);
    let client = client(|settings| {
        settings.nameservers = Nameservers(vec![dns.address()]);
        settings.timeout_ms = 300;
    });
    let target = |name: &str| {
        let rules = Rules::default();
        rules.vet(&format!("https://{name}/")).expect("a target")
    };
    let unknown = failure(client.post(&target("unknown.example.com"), HeaderMap::new(), Bytes::new()).await);
    assert_eq!((unknown.layer, unknown.message.as_str()), (Layer::Dns, "the name has no address"));
    let silent = failure(client.post(&target("silent.example.com"), HeaderMap::new(), Bytes::new()).await);
    assert_eq!(silent.layer, Layer::Timeout(Phase::Dns));
    assert!(dns.queries().iter().all(|name| name.ends_with(".example.com")), "no search domain is tried");
}

/// A receiver with a certificate for a name, and a client that trusts it.
fn encrypted(name: &str, dns: &Dns) -> (Receiver, Client) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate with its key");
    let server = Arc::new(server);
    let receiver = Receiver::over(&[Reply::Send(OK.into())], move |stream| {
        let session = rustls::ServerConnection::new(Arc::clone(&server)).expect("a session");
        rustls::StreamOwned::new(session, stream)
    });
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let trusting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let settings = settings(|settings| settings.nameservers = Nameservers(vec![dns.address()]));
    (receiver, Client::trusting(Arc::new(trusting), &settings).expect("a client"))
}

#[tokio::test]
async fn a_name_is_looked_up_connected_to_and_agreed_on_encryption_with() {
    let dns = Dns::start();
    let (receiver, client) = encrypted("hooks.example.com", &dns);
    // Nobody listens at the first.
    dns.set("hooks.example.com", &["127.0.0.99", "127.0.0.1"]);
    let url = format!("https://Hooks.Example.com.:{}/", receiver.port);

    let first = post(&client, &url).await;
    let second = post(&client, &url).await;

    assert_eq!(first.result.as_ref().map(|answer| answer.status).map_err(ToString::to_string), Ok(200));
    assert_eq!(phases(&first), ["dns", "connect", "tls", "wait", "body"]);
    assert_eq!(phases(&second), ["wait", "body"]);
    for exchange in [first, second] {
        assert_eq!(exchange.course.tls_version, Some("1.3"));
        assert_eq!(exchange.course.remote_address, Some([127, 0, 0, 1].into()));
    }
    assert!(receiver.requests()[0].contains(&format!("host: hooks.example.com:{}\r\n", receiver.port)));
}

#[tokio::test]
async fn a_certificate_for_another_name_and_one_of_nobody_are_refused() {
    let dns = Dns::start();
    let (receiver, client) = encrypted("hooks.example.com", &dns);
    dns.set("other.example.com", &["127.0.0.1"]);
    let url = format!("https://other.example.com:{}/", receiver.port);
    let wrong = failure(post(&client, &url).await);
    assert_eq!(wrong.layer, Layer::Tls);
    assert!(wrong.message.starts_with("the certificate is not valid"), "{wrong:?}");

    dns.set("hooks.example.com", &["127.0.0.1"]);
    let settings = settings(|settings| settings.nameservers = Nameservers(vec![dns.address()]));
    let distrusting = Client::new(&settings).expect("a client");
    let unknown = failure(post(&distrusting, &url.replace("other", "hooks")).await);
    assert_eq!(unknown.layer, Layer::Tls);
    assert_eq!(receiver.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn who_does_not_speak_tls_fails_in_that_phase() {
    let receiver = Receiver::start(&[Reply::Close]);
    let client = client(|settings| settings.timeout_ms = 500);
    let exchange = post(&client, &receiver.url().replace("http:", "https:")).await;
    assert_eq!(phases(&exchange), ["connect", "tls"]);
    let layer = failure(exchange).layer;
    assert!(matches!(layer, Layer::Tls | Layer::Timeout(Phase::Tls)), "{layer:?}");
}
