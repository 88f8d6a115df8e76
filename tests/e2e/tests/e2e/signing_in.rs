//! A thousand sign-ins at once: each is answered, with a session or with when to come back, and whoever else asks for
//! something gets it meanwhile. How long lists take is printed, beside how long they take when nobody signs in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::api::{Api, PASSWORD};
use crate::stack::{CRM_API, Stack};

const SIGN_INS: usize = 1_000;

/// What slows guessing down would answer most of them at once, and there would be little to see.
const FREE: &[(&str, &str)] = &[
    ("PULSE_SIGN_IN__FREE_ATTEMPTS", "100000"),
    ("PULSE_SIGN_IN__FREE_ATTEMPTS_PER_NETWORK", "100000"),
    ("PULSE_SIGN_IN__FREE_ATTEMPTS_PER_ACCOUNT", "100000"),
];

#[tokio::test(flavor = "multi_thread")]
async fn at_once_are_all_answered_and_so_is_everybody_else() {
    let mut stack = Stack::start().await;
    stack.tell(FREE).await;
    let api = Api::sign_up(&stack).await.at(stack.address(CRM_API));
    for number in 0..25 {
        api.create("contacts", json!({ "last_name": format!("Lovelace {number}") })).await;
    }
    let email = api.list("users").await[0]["attributes"]["email"].as_str().expect("an address").to_owned();
    let idle = lists(&api, || false).await;

    let form = json!({ "email": email, "password": PASSWORD });
    let answered = AtomicUsize::new(0);
    let sign_ins = join_all((0..SIGN_INS).map(async |_| {
        let answer = api.post("/api/v1/auth/sign_in", &form).await;
        answered.fetch_add(1, Ordering::Relaxed);
        match answer.status {
            201 => assert!(answer.header("authorization").is_some()),
            429 | 503 => {
                let seconds = answer.header("retry-after").expect("when to come back").parse::<u64>();
                assert!(seconds.is_ok_and(|seconds| seconds >= 1), "{}", answer.body);
            }
            other => panic!("{other}: {}", answer.body),
        }
        answer.status == 201
    }));
    let busy = lists(&api, || answered.load(Ordering::Relaxed) < SIGN_INS);
    let (signed_in, busy) = join(sign_ins, busy).await;
    let signed_in = signed_in.into_iter().filter(|signed_in| *signed_in).count();
    assert!(signed_in > 0);
    let (idle, busy) = (p99(idle), p99(busy));
    println!("{signed_in} of {SIGN_INS} signed in; p99 of a list: {idle:?} idle, {busy:?} meanwhile");
}

/// How long lists take, one after the other: some, and more as long as something goes on.
async fn lists(api: &Api, goes_on: impl Fn() -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < 200 || goes_on() {
        let began = Instant::now();
        let answer = api.get("/api/v1/contacts?page[size]=25").await.expect(200);
        times.push(began.elapsed());
        assert_eq!(answer.json()["data"].as_array().expect("a list").len(), 25);
    }
    times
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
