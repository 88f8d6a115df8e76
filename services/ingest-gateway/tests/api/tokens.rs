//! What is remembered of tokens, and for how long.

use pulse_domain::token::Purpose;
use pulse_testing::eventually;
use serde_json::json;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_disabled_opens_nothing_any_more() {
    let app = App::spawn().await;
    let data = json!({ "session_id": "s" });
    assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
    let database = app.database.client().await;
    database
        .batch_execute(
            "UPDATE ingest_tokens SET enabled = false WHERE kind = 'public'; NOTIFY pulse_ingest_tokens",
        )
        .await
        .expect("disabled");
    // The default time to live is a minute: only the notification can be what is seen here.
    let answer = eventually("the token to be refused", || async {
        Some(app.ingest(&app.public, "pageview", &data).await).filter(|answer| answer.status != 202)
    })
    .await;
    assert_eq!((answer.status, answer.body.as_str()), (401, r#"{"error":"Invalid API token"}"#));
    assert_eq!(app.ingest(&app.secret, "pageview", &data).await.status, 202);
    app.halt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_made_after_it_was_refused_is_found() {
    let app = App::spawn().await;
    let data = json!({ "session_id": "s" });
    let early = Purpose::IngestPublic.generate();
    assert_eq!(app.ingest(&early, "pageview", &data).await.status, 401);
    let database = app.database.client().await;
    let digest = pulse_domain::token::digest(&early);
    let enable = "UPDATE ingest_tokens SET token_digest = $1 WHERE kind = 'public'";
    database.execute(enable, &[&digest.as_slice()]).await.expect("changed");
    database.batch_execute("NOTIFY pulse_ingest_tokens").await.expect("notified");
    eventually("the token to be accepted", || async {
        Some(app.ingest(&early, "pageview", &data).await).filter(|answer| answer.status == 202)
    })
    .await;
    app.halt().await;
}
