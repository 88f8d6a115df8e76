//! What the Ransack gem finds, example by example.
//!
//! The rows of `tests/ransack/fixture.json` are created over HTTP, then each query of `tests/ransack/examples.json` is sent
//! and compared with what the gem returned on PostgreSQL. `tests/ransack/mapping.json` says what our resources call the
//! attributes and associations of the examples.

mod example;
mod fixture;

use crm_api::settings::Unknown;

use crate::app::App;
use example::{Example, Expected};
use fixture::Fixture;

/// Examples that a service which refuses what it cannot read answers with 400, while the gem makes something of it:
/// unreadable dates, times, truths and ids, numbers with a tail, lists where one value is asked for.
const REFUSED: &[&str] = &[
    "contacts-boolean-012",
    "contacts-boolean-015",
    "contacts-boolean-018",
    "contacts-boolean-037",
    "contacts-date-028",
    "contacts-datetime-026",
    "contacts-datetime-035",
    "contacts-group-032",
    "contacts-id-002",
    "contacts-in-017",
    "contacts-in-028",
    "contacts-integer-014",
    "companies-decimal-006",
];

/// Examples that cannot be replayed here.
const LEFT_OUT: &[&str] = &[
    "contacts-sort-023: it compares integer ids",
    "contacts-sort-046: it needs created_at to be stored as sent",
];

#[tokio::test]
async fn the_examples_find_what_they_find_with_the_gem() {
    let app = App::spawn_with(|settings| settings.filters.unknown = Unknown::Ignore).await;
    replay(&app, |_| false).await;
}

#[tokio::test]
async fn the_examples_find_what_they_find_with_the_gem_or_are_refused() {
    let app = App::spawn().await;
    replay(&app, |example| example.names_something_unknown() || REFUSED.contains(&example.id.as_str())).await;
}

async fn replay(app: &App, is_refused: impl Fn(&Example) -> bool) {
    let fixture = Fixture::load(app).await;
    let mut failures = Vec::new();
    let mut left_out = Vec::new();
    for example in Example::all() {
        if let Some(why) = example.not_for_us() {
            left_out.push(format!("{}: {why}", example.id));
            continue;
        }
        let expected = if is_refused(&example) { vec![Expected::Refusal] } else { example.expected() };
        let query = example.query(&fixture);
        let found = fixture.list(app, &example.resource, &query).await;
        if let Err(why) = example.compare(&expected, &found, &fixture) {
            failures.push(format!("{} {query}: {why}", example.id));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(left_out, LEFT_OUT);
}
