//! A receiver of webhooks that remembers everything and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::watch;

use crate::eventually;

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// When its body was complete.
    pub at: Instant,
    /// The status of its answer, whether or not the sender was there to hear it.
    pub status: u16,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it takes.
    pub after: Duration,
}

impl Received {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

type Manner = Box<dyn FnMut(&Received) -> Answer + Send>;

struct State {
    received: Vec<Received>,
    /// Statuses of the next answers; then its manner says.
    answers: Vec<u16>,
    manner: Manner,
    /// Whether requests wait for their answers.
    held: watch::Sender<bool>,
}

impl State {
    /// Remembers a request, and says how it is answered, and when.
    fn take_in(&mut self, mut received: Received) -> (Answer, watch::Receiver<bool>) {
        let answer = if self.answers.is_empty() {
            (self.manner)(&received)
        } else {
            Answer::at_once(self.answers.remove(0))
        };
        received.status = answer.status;
        self.received.push(received);
        (answer, self.held.subscribe())
    }
}

impl Answer {
    /// Without delay.
    #[must_use]
    pub const fn at_once(status: u16) -> Self {
        Self { status, after: Duration::ZERO }
    }
}

/// A receiver on a free port of the loopback interface.
#[derive(Clone)]
pub struct Sink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({})", self.address)
    }
}

impl Sink {
    /// Starts a receiver that answers 200, unless it is told otherwise.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(|_| Answer::at_once(200))
    }

    /// Starts a receiver with a manner of its own; what it is told to answer goes before that.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start_as(manner: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let state = Arc::new(Mutex::new(State {
            received: Vec::new(),
            answers: Vec::new(),
            manner: Box::new(manner),
            held: watch::Sender::new(false),
        }));
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(web::PayloadConfig::new(16 * 1024 * 1024))
                .default_service(web::to(receive))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a port is free");
        let address = server.addrs()[0];
        #[expect(clippy::disallowed_methods, reason = "ends with the test's process")]
        tokio::spawn(server.run());
        Self { address, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Statuses to answer the next requests with.
    pub fn answer(&self, statuses: &[u16]) {
        self.lock().answers.extend_from_slice(statuses);
    }

    /// Lets requests that arrive from here on wait for their answers, as a receiver does that hangs.
    pub fn hold(&self) {
        self.lock().held.send_replace(true);
    }

    /// Answers those that wait, and the ones to come at once.
    pub fn release(&self) {
        self.lock().held.send_replace(false);
    }

    /// Everything that has arrived.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Waits until at least `count` requests have arrived, and returns all.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests at the sink"), || async {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }
}

async fn receive(request: HttpRequest, body: Bytes, state: web::Data<Mutex<State>>) -> HttpResponse {
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let path = request.uri().to_string();
    let received = Received { path, headers, body: body.to_vec(), at: Instant::now(), status: 0 };
    let (answer, mut held) = state.lock().expect("no test panics while it holds this").take_in(received);
    // The sender lives as long as the state does.
    let _ = held.wait_for(|held| !held).await;
    if !answer.after.is_zero() {
        tokio::time::sleep(answer.after).await;
    }
    HttpResponse::build(actix_web::http::StatusCode::from_u16(answer.status).expect("a status")).finish()
}
