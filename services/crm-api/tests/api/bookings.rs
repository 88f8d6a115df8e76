//! Bookings: how they begin, move and end, and that a host is in one place at a time.

use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

/// A booking of the signed-in user as host, from one hour of 31 January 2026 to another.
pub(crate) async fn book(app: &App, hours: (u8, u8), status: &str) -> Answer {
    let host = app.get("/api/v1/users").await.ids().remove(0);
    let at = |hour: u8| format!("2026-01-31T{hour:02}:00:00Z");
    let document = json!({ "data": { "type": "bookings",
        "attributes": {
            "title": "Demo", "starts_at": at(hours.0), "ends_at": at(hours.1), "timezone": "Europe/Madrid",
            "status": status, "guests": ["bob@x.test"],
        },
        "relationships": { "host": { "data": { "type": "users", "id": host } } },
    } });
    app.post("/api/v1/bookings", document).await
}

pub(crate) async fn act(app: &App, id: &str, verb: &str, body: Value) -> Answer {
    app.post(&format!("/api/v1/bookings/{id}/{verb}"), body).await
}

async fn told(app: &App) -> Vec<String> {
    let events = app.get("/api/v1/events?sort=sequence&q[resource_type_eq]=bookings&page[size]=100").await;
    let events = events.json["data"].as_array().expect("events").clone();
    events
        .iter()
        .map(|event| event["attributes"]["event_type"].as_str().expect("a type").to_owned())
        .collect()
}

#[tokio::test]
async fn a_booking_of_a_page_that_wants_it_begins_pending_and_is_confirmed() {
    let app = App::spawn().await;
    let page = app.create("booking_pages", json!({ "slug": "demo", "requires_confirmation": true })).await;
    let document = json!({ "data": { "type": "bookings",
        "attributes": { "starts_at": "2026-01-31T10:00:00Z", "ends_at": "2026-01-31T11:00:00Z", "timezone": "UTC" },
        "relationships": { "booking_page": { "data": { "type": "booking_pages", "id": page } } },
    } });
    let booking = app.post("/api/v1/bookings", document).await;
    assert_eq!(booking.json["data"]["attributes"]["status"], "pending", "{}", booking.json);
    let confirmed = act(&app, &booking.id(), "confirm", Value::Null).await;
    assert_eq!(
        (confirmed.status, &confirmed.json["data"]["attributes"]["status"]),
        (200, &json!("confirmed"))
    );
    let completed = act(&app, &booking.id(), "complete", Value::Null).await;
    assert_eq!(completed.json["data"]["attributes"]["status"], "completed");
    let refused = act(&app, &booking.id(), "cancel", json!({})).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(
        told(&app).await,
        ["booking.created", "booking.updated", "booking.confirmed", "booking.updated", "booking.completed"]
    );
}

#[tokio::test]
async fn a_host_has_one_confirmed_booking_at_a_time() {
    let app = App::spawn().await;
    let first = book(&app, (10, 12), "confirmed").await.id();
    let second = book(&app, (11, 13), "confirmed").await;
    assert_eq!((second.status, second.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(second.json["errors"][0]["meta"]["id"], first);
    // One after the other, and one that is not confirmed yet.
    assert_eq!(book(&app, (12, 13), "confirmed").await.status, 201);
    let pending = book(&app, (10, 11), "pending").await.id();
    assert_eq!(act(&app, &pending, "confirm", Value::Null).await.status, 409);
    let cancelled = act(&app, &first, "cancel", json!({ "reason": "ill", "by": "invitee" })).await;
    let attributes = &cancelled.json["data"]["attributes"];
    assert_eq!(
        (&attributes["cancel_reason"], &attributes["cancelled_by"]),
        (&json!("ill"), &json!("invitee"))
    );
    assert_eq!(act(&app, &pending, "confirm", Value::Null).await.status, 200);
}

#[tokio::test]
async fn of_two_bookings_that_come_at_once_one_is_made() {
    let app = App::spawn().await;
    let (first, second) = tokio::join!(book(&app, (10, 12), "confirmed"), book(&app, (11, 13), "confirmed"));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn a_booking_that_cannot_be_restored_stays_in_the_trash() {
    let app = App::spawn().await;
    let first = book(&app, (10, 12), "confirmed").await.id();
    let path = format!("/api/v1/bookings/{first}");
    assert_eq!(app.delete(&path).await.status, 200);
    assert_eq!(book(&app, (10, 12), "confirmed").await.status, 201);
    assert_eq!(app.post(&format!("{path}/restore"), Value::Null).await.status, 409);
    assert_eq!(app.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_moved_booking_is_followed_by_one_with_the_same_uid_and_a_higher_sequence() {
    let app = App::spawn().await;
    let former = book(&app, (10, 12), "confirmed").await;
    // The new time overlaps with the one that is given up.
    let body = json!({ "starts_at": "2026-01-31T11:00:00Z", "ends_at": "2026-01-31T13:00:00Z" });
    let follows = act(&app, &former.id(), "reschedule", body).await;
    assert_eq!(follows.status, 201, "{}", follows.json);
    let (was, is) = (&former.json["data"]["attributes"], &follows.json["data"]["attributes"]);
    assert_eq!(is["ical_uid"], was["ical_uid"]);
    assert_eq!((&is["sequence"], &is["status"]), (&json!(1), &json!("confirmed")));
    for kept in ["title", "timezone", "guests"] {
        assert_eq!(is[kept], was[kept], "{kept}");
    }
    let links = &follows.json["data"]["relationships"];
    assert_eq!(links["rescheduled_from"]["data"]["id"], former.id());
    assert_eq!(links["host"]["data"], former.json["data"]["relationships"]["host"]["data"]);
    let moved = app.get(&format!("/api/v1/bookings/{}", former.id())).await;
    assert_eq!(moved.json["data"]["attributes"]["status"], "rescheduled");
    assert_eq!(moved.json["data"]["relationships"]["rescheduled_to"]["data"]["id"], follows.id());
    assert!(told(&app).await.contains(&"booking.rescheduled".to_owned()));

    let again = act(
        &app,
        &former.id(),
        "reschedule",
        json!({
            "starts_at": "2026-02-01T11:00:00Z", "ends_at": "2026-02-01T13:00:00Z",
        }),
    )
    .await;
    assert_eq!(again.status, 409);
    let wrong = act(&app, &follows.id(), "reschedule", json!({
        "starts_at": "2026-02-01T11:00:00Z", "ends_at": "2026-02-01T10:00:00Z", "timezone": "Mars", "room": 1,
    }))
    .await;
    assert_eq!(wrong.status, 422, "{}", wrong.json);
    let mut found = wrong.errors();
    found.sort();
    assert_eq!(
        found,
        errors([("invalid", "/ends_at"), ("invalid", "/timezone"), ("unknown_attribute", "/room")])
    );
}

#[tokio::test]
async fn a_booking_that_makes_no_sense_is_refused_with_all_that_is_wrong() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "bookings", "attributes": {
        "starts_at": "2026-01-31T10:00:00Z", "ends_at": "2026-01-31T10:00:00Z", "timezone": "Europe/Atlantis",
        "attendees": [{ "name": "Ada" }, { "age": 7 }], "reminder_at": ["soon"], "location": { "kind": "moon" },
    } } });
    let answer = app.post("/api/v1/bookings", document).await;
    assert_eq!(answer.status, 422);
    let at = |place: &'static str| ("invalid", place);
    assert_eq!(
        answer.errors(),
        errors([
            at("/data/attributes/ends_at"),
            at("/data/attributes/timezone"),
            at("/data/attributes/attendees/1"),
            at("/data/attributes/reminder_at/0"),
            at("/data/attributes/location"),
        ])
    );
    let booking = book(&app, (10, 12), "confirmed").await.id();
    let change = json!({ "data": { "type": "bookings", "id": booking, "attributes": {
        "starts_at": "2026-01-31T09:00:00Z", "status": "pending",
    } } });
    let answer = app.patch(&format!("/api/v1/bookings/{booking}"), change).await;
    let expected = errors([("state_conflict", ""), ("state_conflict", "/data/attributes/starts_at")]);
    assert_eq!((answer.status, answer.errors()), (409, expected));
}
