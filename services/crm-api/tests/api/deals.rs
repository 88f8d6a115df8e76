//! Deals: how they move, end and begin again, and what that leaves behind.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App, errors};

/// A pipeline and its stages.
pub(crate) struct Board {
    pub(crate) pipeline: String,
    pub(crate) stages: Vec<String>,
}

impl Board {
    /// Makes a pipeline with a stage for each name: `Won` and `Lost` are of that kind.
    pub(crate) async fn of(app: &App, rules: Value, names: &[&str]) -> Self {
        let pipeline = app.create("pipelines", json!({ "name": "Sales", "rules": rules })).await;
        let mut stages = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let kind = match *name {
                "Won" => "won",
                "Lost" => "lost",
                _ => "open",
            };
            let attributes =
                json!({ "name": name, "kind": kind, "position": index, "probability": 10 * (index + 1) });
            let of = [("pipeline", "pipelines", pipeline.as_str())];
            stages.push(app.create_with("stages", attributes, &of).await);
        }
        Self { pipeline, stages }
    }

    /// Makes a deal in a stage.
    pub(crate) async fn deal(&self, app: &App, stage: usize, attributes: Value) -> String {
        let answer = self.ask(app, stage, attributes).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.id()
    }

    pub(crate) async fn ask(&self, app: &App, stage: usize, mut attributes: Value) -> Answer {
        if attributes.get("name").is_none() {
            attributes["name"] = json!("Renewal");
        }
        app.post_with("deals", attributes, &[("stage", "stages", &self.stages[stage])]).await
    }

    pub(crate) async fn move_to(&self, app: &App, deal: &str, stage: usize) -> Answer {
        app.post(&format!("/api/v1/deals/{deal}/move"), json!({ "stage_id": self.stages[stage] })).await
    }
}

async fn shown(app: &App, deal: &str) -> Value {
    app.get(&format!("/api/v1/deals/{deal}")).await.json["data"].clone()
}

/// The rule that each error names.
fn rules(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array().unwrap_or_else(|| panic!("errors: {}", answer.json));
    errors.iter().map(|error| error["meta"]["rule"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_deal_takes_its_pipeline_probability_and_number_from_where_it_begins() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    let deal = board.deal(&app, 1, json!({ "amount": "1000.50" })).await;
    let first = shown(&app, &deal).await;
    let attributes = &first["attributes"];
    assert_eq!(first["relationships"]["pipeline"]["data"]["id"], json!(board.pipeline));
    assert_eq!((&attributes["number"], &attributes["status"]), (&json!(1), &json!("open")));
    assert_eq!((&attributes["probability"], &attributes["probability_override"]), (&json!(20), &Value::Null));
    assert_eq!(
        (&attributes["amount"], &attributes["weighted_amount"]),
        (&json!("1000.50"), &json!("200.10"))
    );

    let by_hand = board.deal(&app, 1, json!({ "probability": 75 })).await;
    let attributes = &shown(&app, &by_hand).await["attributes"];
    assert_eq!((&attributes["number"], &attributes["probability"]), (&json!(2), &json!(75)));
    let unknown = board.deal(&app, 1, json!({ "probability": null })).await;
    assert_eq!(shown(&app, &unknown).await["attributes"]["probability"], Value::Null);

    // What was set by hand stays when the deal moves; what came from the stage follows it.
    for (deal, probability) in [(&deal, 10), (&by_hand, 75), (&unknown, 10)] {
        assert_eq!(board.move_to(&app, deal, 0).await.status, 200);
        assert_eq!(shown(&app, deal).await["attributes"]["probability"], probability);
    }
    let other = app.as_another_workspace().await;
    assert_eq!(other.get(&format!("/api/v1/deals/{deal}")).await.status, 404);
}

#[tokio::test]
async fn a_stage_of_another_pipeline_or_kind_is_refused() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New"]).await;
    let other = Board::of(&app, json!({}), &["New"]).await;
    let related =
        [("stage", "stages", board.stages[0].as_str()), ("pipeline", "pipelines", other.pipeline.as_str())];
    let refused = app.post_with("deals", json!({ "name": "x" }), &related).await;
    assert_eq!(
        (refused.status, refused.errors()),
        (422, errors([("invalid", "/data/relationships/pipeline")]))
    );

    let tickets = app.create("pipelines", json!({ "name": "Support", "kind": "ticket" })).await;
    let stage =
        app.create_with("stages", json!({ "name": "New" }), &[("pipeline", "pipelines", &tickets)]).await;
    let refused = app.post_with("deals", json!({ "name": "x" }), &[("stage", "stages", &stage)]).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/data/relationships/stage")])));

    // A deal that changes its pipeline goes by a stage of the other one.
    let deal = board.deal(&app, 0, json!({})).await;
    assert_eq!(other.move_to(&app, &deal, 0).await.status, 200);
    assert_eq!(shown(&app, &deal).await["relationships"]["pipeline"]["data"]["id"], json!(other.pipeline));
}

#[tokio::test]
async fn a_move_leaves_a_transition_and_an_event() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    let deal = board.deal(&app, 0, json!({ "amount": "10.00", "currency": "EUR" })).await;
    let client = app.database.client().await;
    client
        .execute("UPDATE deals SET stage_entered_at = stage_entered_at - interval '1 hour'", &[])
        .await
        .expect("an hour ago");
    let moved = board.move_to(&app, &deal, 1).await;
    assert_eq!((moved.status, moved.id()), (200, deal.clone()));
    assert_eq!(moved.json["data"]["relationships"]["stage"]["data"]["id"], json!(board.stages[1]));
    // Where it is already: nothing moves.
    assert_eq!(board.move_to(&app, &deal, 1).await.status, 200);

    let transitions = app.get(&format!("/api/v1/deals/{deal}/transitions")).await;
    assert_eq!(transitions.ids().len(), 1);
    let transition = &transitions.json["data"][0];
    let attributes = &transition["attributes"];
    assert_eq!((&attributes["from_kind"], &attributes["to_kind"]), (&json!("open"), &json!("open")));
    assert_eq!((&attributes["amount"], &attributes["currency"]), (&json!("10.00"), &json!("EUR")));
    assert_eq!(attributes["probability"], 20);
    let seconds = attributes["seconds_in_from"].as_i64().expect("seconds");
    assert!((3_600..3_660).contains(&seconds), "{seconds}");
    assert_eq!(transition["relationships"]["from_stage"]["data"]["id"], json!(board.stages[0]));
    assert_eq!(transition["relationships"]["to_stage"]["data"]["id"], json!(board.stages[1]));
    let refused = app.post("/api/v1/deal_stage_transitions", json!({})).await;
    assert_eq!(refused.status, 405);

    assert_eq!(app.events_of(&deal).await, ["deal.created", "deal.updated", "deal.stage_changed"]);
    let changed = app.get("/api/v1/events?q[event_type_eq]=deal.stage_changed").await;
    let changes = &changed.json["data"][0]["attributes"]["changes"];
    assert_eq!(changes["stage_id"], json!([board.stages[0], board.stages[1]]));
    assert_eq!(changes["probability"], json!([10, 20]));
}

#[tokio::test]
async fn a_deal_is_won_lost_and_reopened_in_any_stage() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New"]).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let path = format!("/api/v1/deals/{deal}");
    let won = app.post(&format!("{path}/win"), Value::Null).await;
    assert_eq!((won.status, &won.json["data"]["attributes"]["status"]), (200, &json!("won")));
    assert!(won.json["data"]["attributes"]["closed_at"].is_string());
    let again = app.post(&format!("{path}/win"), Value::Null).await;
    assert_eq!((again.status, again.errors()), (409, errors([("state_conflict", "")])));

    let lost = app.post(&format!("{path}/lose"), json!({ "reason": "price", "note": "Too dear." })).await;
    let attributes = &lost.json["data"]["attributes"];
    assert_eq!((&attributes["status"], &attributes["lost_reason"]), (&json!("lost"), &json!("price")));
    assert_eq!(attributes["lost_note"], "Too dear.");

    let open = app.post(&format!("{path}/reopen"), json!({})).await;
    let attributes = &open.json["data"]["attributes"];
    assert_eq!((&attributes["status"], &attributes["closed_at"]), (&json!("open"), &Value::Null));
    assert_eq!(attributes["lost_reason"], Value::Null);
    assert_eq!(app.post(&format!("{path}/reopen"), json!({})).await.status, 409);

    // By an ordinary change it is the same.
    assert_eq!(app.change("deals", &deal, json!({ "status": "lost" })).await.status, 200);
    let expected = [
        "deal.created",
        "deal.updated",
        "deal.won",
        "deal.updated",
        "deal.lost",
        "deal.updated",
        "deal.updated",
        "deal.lost",
    ];
    assert_eq!(app.events_of(&deal).await, expected);
}

#[tokio::test]
async fn a_stage_that_ends_deals_says_how() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Won", "Lost"]).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let path = format!("/api/v1/deals/{deal}");
    let won = board.move_to(&app, &deal, 1).await;
    assert_eq!((won.status, &won.json["data"]["attributes"]["status"]), (200, &json!("won")));
    for attempt in [
        app.change("deals", &deal, json!({ "status": "open" })).await,
        app.post(&format!("{path}/reopen"), json!({})).await,
    ] {
        assert_eq!((attempt.status, attempt.errors()[0].0.as_str()), (409, "state_conflict"));
    }
    let lost = board.move_to(&app, &deal, 2).await;
    assert_eq!(lost.json["data"]["attributes"]["status"], "lost");
    let open = app.post(&format!("{path}/reopen"), json!({ "stage_id": board.stages[0] })).await;
    let attributes = &open.json["data"]["attributes"];
    assert_eq!(
        (open.status, &attributes["status"], &attributes["closed_at"]),
        (200, &json!("open"), &Value::Null)
    );
    board.move_to(&app, &deal, 1).await;
    assert_eq!(board.move_to(&app, &deal, 0).await.json["data"]["attributes"]["status"], "open");

    let contradiction = board.ask(&app, 1, json!({ "status": "open" })).await;
    assert_eq!(
        (contradiction.status, contradiction.errors()),
        (422, errors([("invalid", "/data/attributes/status")]))
    );
    let born = board.deal(&app, 1, json!({})).await;
    assert_eq!(shown(&app, &born).await["attributes"]["status"], "won");
    assert_eq!(app.events_of(&born).await, ["deal.created"]);
}

#[tokio::test]
async fn a_pipeline_without_skipping_or_going_back_keeps_its_order() {
    let app = App::spawn().await;
    let names = ["New", "Talk", "Offer", "Won", "Lost"];
    let board = Board::of(&app, json!({ "no_skip": true, "no_back": true }), &names).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let skipping = board.move_to(&app, &deal, 2).await;
    assert_eq!((skipping.status, skipping.errors()), (409, errors([("state_conflict", "/stage_id")])));
    assert_eq!(rules(&skipping), ["no_skip"]);
    assert_eq!(board.move_to(&app, &deal, 1).await.status, 200);
    let back = json!({ "data": { "type": "stages", "id": board.stages[0] } });
    let back = app.patch(&format!("/api/v1/deals/{deal}/relationships/stage"), back).await;
    assert_eq!((back.status, rules(&back)), (409, vec!["no_back"]));

    // It can be lost at any time, and taken up again.
    assert_eq!(board.move_to(&app, &deal, 4).await.status, 200);
    assert_eq!(board.move_to(&app, &deal, 0).await.status, 200);
    // A stage that is archived is no step.
    app.change("stages", &board.stages[1], json!({ "archived": true })).await;
    assert_eq!(rules(&board.move_to(&app, &deal, 1).await), ["archived"]);
    assert_eq!(board.move_to(&app, &deal, 2).await.status, 200);
    assert_eq!(app.get(&format!("/api/v1/deals/{deal}/transitions")).await.ids().len(), 4);
}

#[tokio::test]
async fn a_pipeline_says_where_deals_begin() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    let elsewhere = Board::of(&app, json!({}), &["New"]).await;
    let strange = json!({ "rules": { "create_stage_ids": [board.stages[0], elsewhere.stages[0]] } });
    let refused = app.change("pipelines", &board.pipeline, strange).await;
    let at = "/data/attributes/rules/create_stage_ids/1";
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", at)])));
    let begin = json!({ "rules": { "create_stage_ids": [board.stages[0]] } });
    assert_eq!(app.change("pipelines", &board.pipeline, begin).await.status, 200);

    let refused = board.ask(&app, 1, json!({})).await;
    assert_eq!((refused.status, rules(&refused)), (409, vec!["create_stage_ids"]));
    let from_elsewhere = elsewhere.deal(&app, 0, json!({})).await;
    assert_eq!(rules(&board.move_to(&app, &from_elsewhere, 1).await), ["create_stage_ids"]);
    let deal = board.deal(&app, 0, json!({})).await;
    assert_eq!(board.move_to(&app, &deal, 1).await.status, 200);
    let wrong = app.change("pipelines", &board.pipeline, json!({ "rules": { "no_jump": true } })).await;
    assert_eq!((wrong.status, wrong.errors()), (422, errors([("invalid", "/data/attributes/rules")])));
}

#[tokio::test]
async fn a_stage_requires_fields_and_has_room_for_so_many() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Offer"]).await;
    let demands = json!({ "required_fields": ["amount", "company", "next_step"], "wip_limit": 1 });
    assert_eq!(app.change("stages", &board.stages[1], demands).await.status, 200);
    let deal = board.deal(&app, 0, json!({ "next_step": "" })).await;
    let refused = board.move_to(&app, &deal, 1).await;
    assert_eq!(refused.status, 422);
    let fields: Vec<&Value> = refused.json["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| &error["meta"]["field"])
        .collect();
    assert_eq!(fields, ["amount", "company", "next_step"]);
    assert_eq!(rules(&refused), ["required_fields"; 3]);

    // What the same change gives counts.
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let document = |id: &str| {
        json!({ "data": { "type": "deals", "id": id, "attributes": { "amount": "1", "next_step": "Call" },
            "relationships": {
                "stage": { "data": { "type": "stages", "id": board.stages[1] } },
                "company": { "data": { "type": "companies", "id": company } },
            } } })
    };
    let moved = app.patch(&format!("/api/v1/deals/{deal}"), document(&deal)).await;
    assert_eq!(moved.status, 200, "{}", moved.json);
    let second = board.deal(&app, 0, json!({})).await;
    let full = app.patch(&format!("/api/v1/deals/{second}"), document(&second)).await;
    assert_eq!((full.status, rules(&full)), (409, vec!["wip_limit"]));
    app.post(&format!("/api/v1/deals/{deal}/win"), Value::Null).await;
    assert_eq!(app.patch(&format!("/api/v1/deals/{second}"), document(&second)).await.status, 200);
}

#[tokio::test]
async fn actions_point_into_their_own_bodies() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New"]).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let path = format!("/api/v1/deals/{deal}");
    for (action, body, status, expected) in [
        ("move", json!({ "stage_id": Uuid::now_v7() }), 404, ("related_not_found", "/stage_id")),
        ("move", json!({}), 400, ("malformed_document", "")),
        ("lose", json!({ "reason": "x".repeat(256) }), 422, ("too_long", "/reason")),
        ("lose", json!({ "cause": "x" }), 400, ("malformed_document", "")),
    ] {
        let answer = app.post(&format!("{path}/{action}"), body).await;
        assert_eq!((answer.status, answer.errors()), (status, errors([expected])), "{action}");
    }
    let nobody = format!("/api/v1/deals/{}/win", Uuid::now_v7());
    assert_eq!(app.post(&nobody, Value::Null).await.status, 404);
    let wrong_method = app.get(&format!("{path}/win")).await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn people_take_part_in_a_deal_each_in_a_role() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New"]).await;
    let deal = board.deal(&app, 0, json!({})).await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let grace = app.create("contacts", json!({ "first_name": "Grace" })).await;
    let ends = [("deal", "deals", deal.as_str()), ("contact", "contacts", ada.as_str())];
    let part = app.create_with("deal_contacts", json!({ "role": "champion" }), &ends).await;
    let twice = app.post_with("deal_contacts", json!({}), &ends).await;
    assert_eq!(
        (twice.status, twice.errors()),
        (409, errors([("not_unique", "/data/relationships/contact")]))
    );
    let link = json!({ "data": [{ "type": "contacts", "id": grace }] });
    assert_eq!(app.post(&format!("/api/v1/deals/{deal}/relationships/contacts"), link).await.status, 200);
    assert_eq!(
        app.get(&format!("/api/v1/deals/{deal}/contacts?sort=first_name")).await.ids(),
        [ada.clone(), grace.clone()]
    );
    let champions = "q[deal_contacts_role_eq]=champion";
    assert_eq!(app.get(&format!("/api/v1/contacts?{champions}")).await.ids(), [ada]);
    assert_eq!(app.get(&format!("/api/v1/deals?{champions}")).await.ids(), std::slice::from_ref(&deal));
    app.delete(&format!("/api/v1/deal_contacts/{part}")).await;
    assert_eq!(app.get(&format!("/api/v1/deals/{deal}/contacts")).await.ids(), [grace]);
}
