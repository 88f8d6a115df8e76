//! The rules of revenue.

use serde_json::{Value, json};

use crate::app::App;

fn sale() -> Value {
    json!({
        "visitor_fingerprint": "v", "session_id": "s", "customer_id": "c", "amount": 49.99, "transaction_id": "t",
    })
}

fn with(changes: &Value) -> Value {
    let mut data = sale();
    for (field, value) in changes.as_object().expect("an object") {
        data[field] = value.clone();
    }
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_revenue_is_said_to_the_byte() {
    let app = App::spawn().await;
    let amount = "amount must be a positive number.";
    let event_type =
        "event_type must be one of: purchase, subscription, renewal, upgrade, downgrade, churn, refund.";
    for (changes, message) in [
        (json!({ "visitor_fingerprint": "" }), "visitor_fingerprint is required."),
        (json!({ "visitor_fingerprint": 1 }), "visitor_fingerprint is required."),
        (json!({ "visitor_fingerprint": null }), "visitor_fingerprint is required."),
        (json!({ "session_id": null }), "session_id is required."),
        (json!({ "customer_id": "" }), "customer_id is required."),
        (json!({ "transaction_id": null }), "transaction_id is required."),
        (json!({ "amount": null }), amount),
        (json!({ "amount": "49.99" }), amount),
        (json!({ "amount": 0 }), amount),
        (json!({ "amount": 0.00001 }), amount),
        (json!({ "amount": -49.99 }), amount),
        (json!({ "amount": -49.99, "event_type": "churn" }), amount),
        (json!({ "amount": 0, "event_type": "refund" }), amount),
        (json!({ "amount": 1e300 }), "amount must be less than 100000000000."),
        (json!({ "event_type": "gift" }), event_type),
        (json!({ "event_type": 1 }), event_type),
        (json!({ "mrr_impact": "5" }), "mrr_impact must be a number."),
        (json!({ "currency": "euro" }), "currency must be a three-letter ISO 4217 code."),
        (json!({ "is_recurring": "yes" }), "is_recurring must be a boolean."),
        (json!({ "metadata": [] }), "metadata must be an object."),
        (json!({ "transaction_id": 5 }), "transaction_id must be a string."),
    ] {
        let answer = app.ingest(&app.secret, "revenue", &with(&changes)).await;
        let expected = json!({ "message": message }).to_string();
        assert_eq!((answer.status, answer.body), (400, expected), "{changes}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_stored_exactly_and_with_their_sign() {
    let app = App::spawn().await;
    let rows = [
        (json!({}), "purchase 49.9900 USD - false"),
        (json!({ "event_type": "refund", "amount": 49.99 }), "refund -49.9900 USD - false"),
        (
            json!({ "event_type": "refund", "amount": -19.5, "transaction_id": "t2" }),
            "refund -19.5000 USD - false",
        ),
        (json!({ "event_type": "churn", "amount": 0, "mrr_impact": -29 }), "churn 0.0000 USD -29.0000 false"),
        (
            json!({ "event_type": "downgrade", "amount": 0, "mrr_impact": -10.25 }),
            "downgrade 0.0000 USD -10.2500 false",
        ),
        (
            json!({ "event_type": "subscription", "amount": 99_999_999_999.123_4_f64, "currency": "eur", "is_recurring": true }),
            "subscription 99999999999.1234 EUR - true",
        ),
    ];
    for (changes, _) in &rows {
        assert_eq!(app.ingest(&app.secret, "revenue", &with(changes)).await.status, 202, "{changes}");
    }
    app.stored(i64::try_from(rows.len()).expect("few")).await;
    let stored: Vec<String> = app
        .query(
            "SELECT concat_ws(' ', event_type, amount, currency, coalesce(mrr_impact::text, '-'), is_recurring::text)
               FROM analytics.revenue",
        )
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
    for (_, expected) in &rows {
        assert!(stored.iter().any(|row| row == expected), "{expected} is not in {stored:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_with_revenue_is_kept() {
    let app = App::spawn().await;
    let data = with(&json!({
        "payment_processor": "stripe", "customer_subscription_id": "sub_1", "metadata": { "plan": "pro\u{0}" },
        "session_duration": 12,
    }));
    assert_eq!(app.ingest(&app.secret, "revenue", &data).await.status, 202);
    app.stored(1).await;
    let row = &app
        .query(
            "SELECT concat_ws(' ', r.id = e.id, r.occurred_at = e.occurred_at, e.kind, e.name, e.customer_id, r.customer_id,
                    r.visitor_fingerprint, r.session_id, r.transaction_id, r.payment_processor,
                    r.customer_subscription_id, r.metadata)
               FROM analytics.revenue r, analytics.events e",
        )
        .await[0];
    assert_eq!(row.get::<_, String>(0), r#"t t revenue purchase c c v s t stripe sub_1 {"plan": "pro"}"#);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_webhook_that_is_forwarded_again_counts_once() {
    let app = App::spawn().await;
    for timestamp in [json!(null), json!(1_767_225_600_000_u64), json!(null)] {
        let answer = app.ingest(&app.secret, "revenue", &with(&json!({ "timestamp": timestamp }))).await;
        assert_eq!(answer.status, 202);
    }
    // The refund of the same transaction is something else.
    let refund = with(&json!({ "event_type": "refund" }));
    assert_eq!(app.ingest(&app.secret, "revenue", &refund).await.status, 202);
    app.settled().await;
    let stored: Vec<String> = app
        .query("SELECT event_type FROM analytics.revenue ORDER BY 1")
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(stored, ["purchase", "refund"]);
    assert_eq!(app.count("analytics.events").await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_is_found_by_the_session_where_the_shop_does_not_know_the_visitor() {
    let app = App::spawn().await;
    let data = with(&json!({ "visitor_fingerprint": null, "session_id": "seen" }));
    assert_eq!(app.ingest(&app.secret, "revenue", &data).await.status, 400);
    assert_eq!(app.ingest(&app.public, "pageview", &json!({ "session_id": "seen" })).await.status, 202);
    app.stored(1).await;
    assert_eq!(app.ingest(&app.secret, "revenue", &data).await.status, 202);
    app.stored(2).await;
    let same = "SELECT FROM analytics.events e, analytics.revenue r
                 WHERE e.kind = 'pageview' AND e.visitor_fingerprint = r.visitor_fingerprint";
    assert_eq!(app.query(same).await.len(), 1);
    app.stop().await;
}
