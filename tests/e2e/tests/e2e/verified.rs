//! Receivers in three languages verify what arrives with the libraries of their own, before, during and after every kind
//! of rotation, at the first attempt.

use std::net::TcpStream;

use futures_util::future::join_all;
use pulse_testing::eventually;
use pulse_testing::sink::Sink;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::script::Background;
use crate::stack::{Stack, free_ports};

/// A path of a receiver, and the subscription that leads to it.
struct Hook {
    language: &'static str,
    url: String,
    subscription: String,
    /// The secrets that it has had, oldest first.
    secrets: Vec<String>,
}

/// A way to verify, and what with: the secret at a place among those of a subscription.
#[derive(Clone, Copy, Debug)]
enum With {
    Library(usize),
    Bare(usize),
    KeySet,
    /// A secret that was never one of the subscription.
    Strangers,
}

struct Show {
    api: Api,
    hooks: Vec<Hook>,
    /// The address of the public keys.
    key_set: String,
    _receivers: Vec<Background>,
}

impl Show {
    /// Receivers of both payload versions in each language.
    async fn begin(stack: &Stack) -> Self {
        let api = Api::sign_up(stack).await;
        let (mut hooks, mut receivers) = (Vec::new(), Vec::new());
        let mut ports = free_ports();
        for (language, program) in [
            ("Node", "clients/receiver.mjs"),
            ("Python", "clients/receiver.py"),
            ("Rust", "verifying_receiver"),
        ] {
            let port = ports.next().expect("a port is free");
            receivers.push(Background::start(program, &[("PORT", &port.to_string())]));
            eventually(&format!("the receiver in {language} listens"), async || {
                TcpStream::connect(("127.0.0.1", port)).ok()
            })
            .await;
            for version in [1, 2] {
                let url = format!("http://127.0.0.1:{port}/{version}");
                let attributes = json!({
                    "url": url, "event_types": ["contact.created"], "payload_version": version,
                    "ed25519": true, "max_retries": 0,
                });
                let made = api.create("webhook_subscriptions", attributes).await;
                let secrets = vec![secret(&made.document)];
                hooks.push(Hook { language, url, subscription: made.id, secrets });
            }
        }
        let address = api.get("/api/v1/webhook_signing_keys/key_set").await.expect(200).json();
        let key_set = address["meta"]["url"].as_str().expect("a URL").to_owned();
        Self { api, hooks, key_set, _receivers: receivers }
    }

    /// Lets every receiver verify one delivery, which is the first attempt and the last.
    async fn round(&self, with: With, accepted: bool) {
        join_all(self.hooks.iter().map(|hook| hook.expect(with, &self.key_set))).await;
        self.deliver(with, accepted).await;
    }

    /// The same, verified as in the round before.
    async fn deliver(&self, with: With, accepted: bool) {
        let before = join_all(self.hooks.iter().map(Hook::counted)).await;
        let words = "Gödel – “naïve” 语言 😀 ".repeat(1_000);
        let contact = json!({ "first_name": "Kurt", "last_name": "Gödel", "description": words });
        let contact = self.api.create("contacts", contact).await;
        let state = if accepted { "succeeded" } else { "exhausted" };
        let deliveries = format!("webhook_deliveries?q[record_id_eq]={}&q[state_eq]={state}", contact.id);
        let deliveries = self.api.list_of(self.hooks.len(), &deliveries).await;
        for delivery in deliveries {
            let attempts =
                delivery["relationships"]["attempts"]["links"]["related"].as_str().expect("a link");
            let attempts = self.api.get(attempts).await.expect(200).json();
            assert_eq!(attempts["data"].as_array().map(Vec::len), Some(1), "{with:?}: {attempts}");
        }
        for (hook, [yes, no]) in self.hooks.iter().zip(before) {
            let expected = if accepted { [yes + 1, no] } else { [yes, no + 1] };
            assert_eq!(hook.counted().await, expected, "{} {with:?}", hook.language);
        }
    }

    /// Rotates the secret of every subscription, and waits until dispatchers know.
    async fn rotate(&mut self, how: Value) {
        for hook in &mut self.hooks {
            let path = format!("/api/v1/webhook_subscriptions/{}/rotate_secret", hook.subscription);
            hook.secrets.push(secret(&self.api.post(&path, &how).await.expect(200).json()));
        }
        self.settle().await;
    }

    async fn promote(&self) {
        for hook in &self.hooks {
            let path = format!("/api/v1/webhook_subscriptions/{}/promote_secret", hook.subscription);
            self.api.post(&path, &json!({})).await.expect(200);
        }
        self.settle().await;
    }

    async fn keys(&self, action: &str, how: &Value) {
        self.api.post(&format!("/api/v1/webhook_signing_keys/{action}"), how).await.expect(200);
        self.settle().await;
    }

    /// Waits until dispatchers have heard of all that changed: they hear of this subscription after it.
    async fn settle(&self) {
        let sink = Sink::start();
        self.api.subscribe(&sink.url(), &["tag.created"]).await;
        eventually("a subscription that was made later is delivered to", async || {
            self.api.create("tags", json!({ "name": Uuid::now_v7() })).await;
            (!sink.received().is_empty()).then_some(())
        })
        .await;
    }
}

impl Hook {
    /// Tells the receiver how it verifies from then on.
    async fn expect(&self, with: With, key_set: &str) {
        let strangers = "whsec_YSBzZWNyZXQgb2Ygc29tZWJvZHkgZWxzZSBhbHRvZ2V0aGVy";
        let (form, with) = match with {
            With::Library(place) => ("library", self.secrets[place].as_str()),
            With::Bare(place) => ("bare", self.secrets[place].as_str()),
            With::KeySet => ("public", key_set),
            With::Strangers => ("library", strangers),
        };
        let told = json!({ "form": form, "with": with }).to_string();
        let client = pulse_testing::http::client();
        let answer = client.request(Method::PUT, &self.url).body(told).send().await.expect("it listens");
        assert_eq!(answer.status(), 200, "{}", self.language);
    }

    /// How many requests it has accepted and refused since it was told.
    async fn counted(&self) -> [u64; 2] {
        let answer = pulse_testing::http::client().get(&self.url).send().await.expect("it listens");
        let counts: Value = answer.json().await.expect("JSON");
        ["accepted", "refused"].map(|name| counts[name].as_u64().expect("a number"))
    }
}

fn secret(document: &Value) -> String {
    document["meta"]["secret"].as_str().expect("the secret is shown once").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_in_three_languages_verify_every_signature_throughout_rotations() {
    let stack = Stack::start().await;
    let mut show = Show::begin(&stack).await;
    show.round(With::Library(0), true).await;
    show.round(With::Bare(0), true).await;
    show.round(With::Strangers, false).await;

    // Both secrets are good, and the headers with room for one signature keep to the old one.
    show.rotate(json!({})).await;
    show.round(With::Library(0), true).await;
    show.round(With::Library(1), true).await;
    show.round(With::Bare(0), true).await;
    show.round(With::Bare(1), false).await;

    show.promote().await;
    show.round(With::Library(1), true).await;
    show.round(With::Library(0), false).await;
    show.round(With::Bare(1), true).await;

    show.rotate(json!({ "compromised": true })).await;
    show.round(With::Library(2), true).await;
    show.round(With::Library(1), false).await;
    show.round(With::Bare(2), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_in_three_languages_verify_with_public_keys_throughout_rotations() {
    let stack = Stack::start().await;
    let show = Show::begin(&stack).await;
    show.round(With::KeySet, true).await;
    // Receivers that keep the set of before go on verifying, by the previous key.
    show.keys("rotate", &json!({})).await;
    show.deliver(With::KeySet, true).await;
    show.round(With::KeySet, true).await;
    show.keys("promote", &json!({})).await;
    show.deliver(With::KeySet, true).await;
    // None of the keys they keep fits: they ask again.
    show.keys("rotate", &json!({ "compromised": true })).await;
    show.deliver(With::KeySet, true).await;
}
