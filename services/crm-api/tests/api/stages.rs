//! Stages: what stands as long as deals are in them, and how they are done away with.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};
use crate::deals::Board;

#[tokio::test]
async fn a_stage_with_deals_is_deleted_only_with_a_place_for_them() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({ "no_back": true }), &["New", "Talk", "Offer"]).await;
    let one = board.deal(&app, 1, json!({})).await;
    let other = board.deal(&app, 1, json!({})).await;
    let path = format!("/api/v1/stages/{}", board.stages[1]);
    let refused = app.delete(&path).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(refused.json["errors"][0]["meta"]["deals"], 2);
    for (target, status, code) in [
        (board.stages[1].clone(), 400, "invalid_parameter"),
        ("nowhere".to_owned(), 400, "invalid_parameter"),
        (Uuid::now_v7().to_string(), 404, "related_not_found"),
    ] {
        let refused = app.delete(&format!("{path}?move_to_stage_id={target}")).await;
        assert_eq!((refused.status, refused.errors()), (status, errors([(code, "move_to_stage_id")])));
    }

    // Back to an earlier stage, which no deal goes otherwise.
    let deleted = app.delete(&format!("{path}?move_to_stage_id={}", board.stages[0])).await;
    assert_eq!((deleted.status, &deleted.json["meta"]["deleted"]), (200, &json!(true)));
    assert_eq!(app.get(&path).await.status, 404);
    for deal in [one, other] {
        let shown = app.get(&format!("/api/v1/deals/{deal}")).await;
        assert_eq!(shown.json["data"]["relationships"]["stage"]["data"]["id"], json!(board.stages[0]));
        assert_eq!(app.events_of(&deal).await, ["deal.created", "deal.updated", "deal.stage_changed"]);
    }
    assert_eq!(app.delete(&format!("/api/v1/stages/{}", board.stages[2])).await.status, 200);
}

#[tokio::test]
async fn deals_that_cannot_go_where_they_shall_keep_their_stage() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    app.change("stages", &board.stages[0], json!({ "wip_limit": 1 })).await;
    for _ in 0..2 {
        board.deal(&app, 1, json!({})).await;
    }
    let path = format!("/api/v1/stages/{}", board.stages[1]);
    let refused = app.delete(&format!("{path}?move_to_stage_id={}", board.stages[0])).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "move_to_stage_id")])));
    assert_eq!(app.get(&format!("{path}/deals")).await.ids().len(), 2);
    assert_eq!(app.get(&path).await.json["data"]["attributes"]["archived"], false);
}

#[tokio::test]
async fn kind_and_pipeline_of_a_stage_stand_as_long_as_it_has_deals() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let refused = app.change("stages", &board.stages[0], json!({ "kind": "won" })).await;
    assert_eq!(
        (refused.status, refused.errors()),
        (409, errors([("state_conflict", "/data/attributes/kind")]))
    );
    assert_eq!(
        app.change("stages", &board.stages[0], json!({ "kind": "open", "name": "First" })).await.status,
        200
    );
    assert_eq!(app.change("stages", &board.stages[1], json!({ "kind": "won" })).await.status, 200);
    app.delete(&format!("/api/v1/deals/{deal}")).await;
    assert_eq!(app.change("stages", &board.stages[0], json!({ "kind": "on_hold" })).await.status, 200);
}

#[tokio::test]
async fn a_deal_rots_when_its_stage_says_so() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    app.change("stages", &board.stages[1], json!({ "rot_after_days": 7 })).await;
    let deal = board.deal(&app, 1, json!({})).await;
    let path = format!("/api/v1/deals/{deal}");
    let times = async || {
        let attributes = app.get(&path).await.json["data"]["attributes"].clone();
        let at = |name: &str| attributes[name].as_str()?.parse::<chrono::DateTime<chrono::Utc>>().ok();
        (at("stage_entered_at").expect("it entered"), at("rotten_at"))
    };
    let (entered, rotten) = times().await;
    assert_eq!(rotten, Some(entered + chrono::TimeDelta::days(7)));
    app.change("stages", &board.stages[1], json!({ "rot_after_days": 30 })).await;
    assert_eq!(times().await, (entered, Some(entered + chrono::TimeDelta::days(30))));
    app.change("stages", &board.stages[1], json!({ "rot_after_days": null })).await;
    assert_eq!(times().await, (entered, None));
}

#[tokio::test]
async fn everything_wrong_with_a_stage_is_said() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New"]).await;
    let stage = &board.stages[0];
    let wrong = json!({ "kind": "odd", "required_fields": ["amount", "company", "number", "nothing", 7] });
    let refused = app.change("stages", stage, wrong).await;
    let expected = [
        ("invalid", "/data/attributes/kind"),
        ("invalid", "/data/attributes/required_fields/2"),
        ("invalid", "/data/attributes/required_fields/3"),
        ("invalid", "/data/attributes/required_fields/4"),
    ];
    assert_eq!((refused.status, refused.errors()), (422, errors(expected)));
    for wrong in [json!({ "probability": 101 }), json!({ "wip_limit": 0 }), json!({ "rot_after_days": 0 })] {
        assert_eq!(app.change("stages", stage, wrong).await.status, 422);
    }
    let pipelines = json!({ "name": "x", "is_default": true });
    app.create("pipelines", pipelines.clone()).await;
    let second = app.post_with("pipelines", pipelines, &[]).await;
    assert_eq!(
        (second.status, second.errors()),
        (409, errors([("not_unique", "/data/attributes/is_default")]))
    );
    assert_eq!(
        Value::Null,
        app.get(&format!("/api/v1/stages/{stage}")).await.json["data"]["attributes"]["wip_limit"]
    );
}
