//! Checks what a client says. Pure: the time of arrival is handed in.

use chrono::{DateTime, TimeDelta, Utc};

use super::envelope::Data;
use super::refusal::Refusal;
use super::revenue;
use crate::accepted::{Facts, Identity, Kind, Page};

/// A clock may be ahead by this much; what is dated later happened when it arrived.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Characters that are kept of an address, of a title, and of every other description.
const URL_CHARS: usize = 2_048;
const TITLE_CHARS: usize = 512;
const WORD_CHARS: usize = 255;

/// What a client said, and what it said about who it is.
#[derive(Debug)]
pub(crate) struct Checked {
    /// To be stored as it is.
    pub(crate) facts: Facts,
    /// None: to be derived.
    pub(crate) visitor_fingerprint: Option<String>,
    /// What the event is recognised by when it comes again.
    pub(crate) identity: Identity,
}

/// Checks the member `data`. The first thing that is wrong is the answer.
pub(crate) fn check(data: &Data<'_>, received_at: DateTime<Utc>) -> Result<Checked, Refusal> {
    let visitor_fingerprint = data.visitor_fingerprint()?;
    let mut facts = Facts {
        kind: data.kind(),
        occurred_at: received_at,
        session_id: None,
        customer_id: None,
        name: None,
        page: Page::default(),
        data: None,
        revenue: None,
    };
    let mut identity = data.identifier("event_id")?.map_or(Identity::Minted, Identity::Key);
    match data.kind() {
        Kind::Pageview => {
            facts.session_id = Some(data.required("session_id")?);
            facts.page = page(data)?;
        }
        Kind::Event => {
            facts.session_id = Some(data.required("session_id")?);
            facts.name = Some(data.required("event_name")?);
            facts.data = data.object("event_data")?;
            facts.page = page(data)?;
        }
        Kind::Identify => {
            facts.session_id = data.identifier("session_id")?;
            facts.customer_id = Some(data.required("customer_id")?);
        }
        Kind::Revenue => {
            facts.session_id = Some(data.required("session_id")?);
            facts.customer_id = Some(data.required("customer_id")?);
            let (revenue, event_type) = revenue::check(data)?;
            identity = Identity::Transaction { id: revenue.transaction_id.clone(), event_type };
            facts.name = Some(event_type.to_owned());
            facts.revenue = Some(revenue);
        }
    }
    facts.occurred_at = occurred_at(data, received_at)?;
    Ok(Checked { facts, visitor_fingerprint, identity })
}

fn page(data: &Data<'_>) -> Result<Page, Refusal> {
    Ok(Page {
        url: data.description("url", URL_CHARS)?,
        path: data.description("path", URL_CHARS)?,
        title: data.description("title", TITLE_CHARS)?,
        referrer: data.description("referrer", URL_CHARS)?,
        referrer_source: data.description("referrer_source", WORD_CHARS)?,
        locale: data.description("locale", WORD_CHARS)?,
        utm_source: data.description("utm_source", WORD_CHARS)?,
        utm_medium: data.description("utm_medium", WORD_CHARS)?,
        utm_campaign: data.description("utm_campaign", WORD_CHARS)?,
        utm_term: data.description("utm_term", WORD_CHARS)?,
        utm_content: data.description("utm_content", WORD_CHARS)?,
    })
}

fn occurred_at(data: &Data<'_>, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let complaint = "must be an integer of Unix milliseconds.";
    let Some(milliseconds) = data.integer("timestamp", complaint)? else { return Ok(received_at) };
    Ok(i64::try_from(milliseconds)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .filter(|at| *at <= received_at + CLOCK_SKEW)
        .unwrap_or(received_at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::envelope::Envelope;
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_225_600_000).expect("in range")
    }

    fn checked(body: &Value) -> Result<Checked, String> {
        checked_text(body.to_string().as_bytes())
    }

    fn checked_text(body: &[u8]) -> Result<Checked, String> {
        let parse = || {
            let envelope = Envelope::parse(body)?;
            check(&envelope.data(envelope.kind()?)?, now())
        };
        parse().map_err(|refusal: Refusal| refusal.to_string())
    }

    fn pageview(field: &str, value: Value) -> Result<Checked, String> {
        let mut data = json!({ "visitor_fingerprint": null, "session_id": "s" });
        data[field] = value;
        checked(&json!({ "type": "pageview", "data": data }))
    }

    #[test]
    fn the_time_of_an_event_is_its_own_unless_it_lies_ahead() {
        let at = |timestamp: Value| pageview("timestamp", timestamp).map(|checked| checked.facts.occurred_at);
        assert_eq!(at(json!(null)), Ok(now()));
        assert_eq!(at(json!(0)), Ok(DateTime::UNIX_EPOCH));
        assert_eq!(at(json!(1_767_225_900_000_u64)), Ok(now() + CLOCK_SKEW));
        assert_eq!(at(json!(1_767_225_900_001_u64)), Ok(now()));
        assert_eq!(at(json!(u64::MAX)), Ok(now()));
        for wrong in [json!("1767225600000"), json!(-1), json!(1.5), json!({}), json!(true)] {
            let message = "The data.timestamp field must be an integer of Unix milliseconds.";
            assert_eq!(at(wrong), Err(message.into()));
        }
    }

    #[test]
    fn descriptions_are_cut_and_identifiers_are_refused_when_too_long() {
        let long = "é".repeat(3_000);
        let url = pageview("url", json!(long)).expect("accepted").facts.page.url.expect("kept");
        assert_eq!(url.chars().count(), URL_CHARS);
        let session = pageview("session_id", json!("é".repeat(255))).expect("accepted").facts.session_id;
        assert_eq!(session.map(|session| session.chars().count()), Some(255));
        assert_eq!(
            pageview("session_id", json!("é".repeat(256))).map(drop),
            Err("The data.session_id field must not be longer than 255 characters.".into())
        );
    }

    #[test]
    fn what_the_database_cannot_store_never_gets_there() {
        assert_eq!(
            pageview("title", json!("a\0b")).expect("accepted").facts.page.title.as_deref(),
            Some("ab")
        );
        assert_eq!(
            pageview("session_id", json!("\0")).map(drop),
            Err("The data.session_id field is required.".into())
        );
        let event = |data: &str| {
            let body = format!(
                r#"{{"type":"event","data":{{"session_id":"s","event_name":"n","event_data":{data}}}}}"#
            );
            checked_text(body.as_bytes()).map(|checked| checked.facts.data.expect("given").get().to_owned())
        };
        assert_eq!(
            event(r#"{"a\u0000":["\u0000b",{"c":"\\u0000"}]}"#).expect("kept"),
            r#"{"a":["b",{"c":"\\u0000"}]}"#
        );
        let unreadable = "The data.event_data field cannot be read as JSON.";
        assert_eq!(event(r#"{"half":"\ud800"}"#), Err(unreadable.into()));
        assert_eq!(event(r#"{"huge":1e999999}"#), Err(unreadable.into()));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(event(&deep), Err(unreadable.into()));
        assert_eq!(event("[]"), Err("The data.event_data field must be an object.".into()));
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        let body = br#"{"type":"event","type":"pageview","data":{"session_id":"a","session_id":"b"}}"#;
        assert_eq!(checked_text(body).expect("accepted").facts.session_id.as_deref(), Some("b"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    const FIELDS: [&str; 12] = [
        "visitor_fingerprint",
        "session_id",
        "customer_id",
        "event_name",
        "event_data",
        "timestamp",
        "url",
        "amount",
        "transaction_id",
        "event_type",
        "mrr_impact",
        "metadata",
    ];

    proptest! {
        #[test]
        fn whatever_is_sent_is_answered(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = checked_text(&body);
        }

        #[test]
        fn whatever_the_fields_hold_is_answered_and_what_passes_can_be_read_back(
            kind in prop::sample::select(&Kind::ALL[..]),
            values in prop::collection::vec((prop::sample::select(&FIELDS[..]), any_json()), 0..12),
        ) {
            let data: Value = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            if let Ok(checked) = checked(&json!({ "type": kind.name(), "data": data })) {
                let text = serde_json::to_string(&checked.facts).expect("serialises");
                prop_assert!(!text.replace(r"\\", "").contains(r"\u0000"));
                let read: Facts = serde_json::from_str(&text).expect("reads back");
                prop_assert_eq!(serde_json::to_string(&read).expect("serialises"), text);
            }
        }
    }
}
