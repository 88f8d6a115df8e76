//! Own, team and all: which records somebody reaches, by every way there is to them.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::member;
use crate::app::{App, Caller, errors};

/// Ann and Ben are of the team North, Cleo is of South; each contact is named by its owner and its team.
struct World<'a> {
    ann: Caller<'a>,
    ids: BTreeMap<&'static str, String>,
    contacts: BTreeMap<(&'static str, &'static str), String>,
}

const OWNERS: [&str; 4] = ["ann", "ben", "cleo", "nobody"];
const TEAMS: [&str; 3] = ["north", "south", "none"];

async fn world(app: &App) -> World<'_> {
    let (ann_id, ann) = member(app, "rep").await;
    let (ben_id, _) = member(app, "rep").await;
    let (cleo_id, _) = member(app, "rep").await;
    let mut ids = BTreeMap::from([("ann", ann_id), ("ben", ben_id), ("cleo", cleo_id)]);
    for (team, members) in [("north", &["ann", "ben"][..]), ("south", &["cleo"])] {
        let id = app.create("teams", json!({ "name": team })).await;
        let members: Vec<_> =
            members.iter().map(|name| json!({ "type": "users", "id": ids[name] })).collect();
        let path = format!("/api/v1/teams/{id}/relationships/users");
        assert_eq!(app.post(&path, json!({ "data": members })).await.status, 200);
        ids.insert(team, id);
    }
    let mut contacts = BTreeMap::new();
    for (owner, team) in OWNERS.iter().flat_map(|owner| TEAMS.map(|team| (*owner, team))) {
        let owner_id = ids.get(owner).map(|id| ("owner", "users", id.as_str()));
        let team_id = ids.get(team).map(|id| ("team", "teams", id.as_str()));
        let related: Vec<_> = owner_id.into_iter().chain(team_id).collect();
        let name = format!("{owner} {team}");
        contacts
            .insert((owner, team), app.create_with("contacts", json!({ "last_name": name }), &related).await);
    }
    World { ann, ids, contacts }
}

impl World<'_> {
    /// What Ann reads: hers and her colleague's, her team's, and what nobody owns unless it is another team's.
    fn reads(owner: &str, team: &str) -> bool {
        matches!((owner, team), ("ann" | "ben", _) | (_, "north") | ("nobody", "none"))
    }

    /// What Ann writes.
    fn writes(owner: &str, team: &str) -> bool {
        matches!((owner, team), ("ann", _) | ("nobody", "north" | "none"))
    }

    fn ids_of(&self, which: fn(&str, &str) -> bool) -> BTreeSet<String> {
        let chosen = self.contacts.iter().filter(|((owner, team), _)| which(owner, team));
        chosen.map(|(_, id)| id.clone()).collect()
    }
}

/// Every id of a type in a document, in data or included, identifiers of linkage aside.
fn shown(document: &Value, kind: &str) -> BTreeSet<String> {
    let data = document["data"].as_array().cloned().unwrap_or_else(|| vec![document["data"].clone()]);
    let all = data.iter().chain(document["included"].as_array().into_iter().flatten());
    let of_kind = all.filter(|object| object["type"] == kind && object.get("attributes").is_some());
    of_kind.map(|object| object["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_rep_reads_and_writes_what_is_in_reach_and_no_more() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let listed = world.ann.get("/api/v1/contacts?page[size]=100").await;
    assert_eq!(shown(&listed.json, "contacts"), world.ids_of(World::reads));
    for ((owner, team), id) in &world.contacts {
        let path = format!("/api/v1/contacts/{id}");
        let change = json!({ "data": { "type": "contacts", "id": id, "attributes": { "title": "Dr" } } });
        let (read, changed) = (world.ann.get(&path).await, world.ann.patch(&path, change).await);
        let tagged = world.ann.post(&format!("{path}/relationships/tags"), json!({ "data": [] })).await;
        let deleted = world.ann.send(Method::DELETE, &path, None).await;
        let expected = match (World::reads(owner, team), World::writes(owner, team)) {
            (false, _) => [404, 404, 404, 404],
            (true, false) => [200, 403, 403, 403],
            (true, true) => [200, 200, 200, 200],
        };
        let statuses = [read.status, changed.status, tagged.status, deleted.status];
        assert_eq!(statuses, expected, "{owner} {team}: {}", changed.json);
        if expected[1] == 403 {
            assert_eq!(changed.errors(), errors([("forbidden", "")]));
        }
    }
    // The trash holds what was deleted, and a rep takes out what they may put in.
    let trash = world.ann.get("/api/v1/contacts?q[trashed]=true&page[size]=100").await;
    assert_eq!(shown(&trash.json, "contacts"), world.ids_of(World::writes));
    for ((owner, team), id) in &world.contacts {
        app.delete(&format!("/api/v1/contacts/{id}")).await;
        let restored = world.ann.send(Method::POST, &format!("/api/v1/contacts/{id}/restore"), None).await;
        let expected = match (World::reads(owner, team), World::writes(owner, team)) {
            (false, _) => 404,
            (true, false) => 403,
            (true, true) => 200,
        };
        assert_eq!(restored.status, expected, "{owner} {team}: {}", restored.json);
        let purged = world.ann.send(Method::DELETE, &format!("/api/v1/contacts/{id}/purge"), None).await;
        assert_eq!(purged.status, 403);
    }
}

#[tokio::test]
async fn nothing_out_of_sight_is_seen_by_way_of_something_else() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let company = app.create("companies", json!({ "name": "Everybody's" })).await;
    let hidden = [("owner", "users", world.ids["cleo"].as_str())];
    let secret = app.create_with("companies", json!({ "name": "Secret" }), &hidden).await;
    let at = |company: &str| json!({ "data": { "type": "companies", "id": company } });
    for id in world.contacts.values() {
        let path = format!("/api/v1/contacts/{id}/relationships/company");
        assert_eq!(app.patch(&path, at(&company)).await.status, 200);
    }
    let ann = &world.ann;
    let seen = world.ids_of(World::reads);
    for path in [
        "contacts?page[size]=100".to_owned(),
        format!("companies/{company}?include=contacts"),
        format!("companies/{company}/contacts?page[size]=100"),
        format!("companies/{company}/relationships/contacts?include=contacts.company"),
        "companies?include=contacts".to_owned(),
        "contacts?include=company.contacts&page[size]=100".to_owned(),
        "contacts?q[company_name_eq]=Everybody%27s&page[size]=100".to_owned(),
        "contacts?sort=company.name&page[size]=100".to_owned(),
        "contacts?q[with_trashed]=true&page[size]=100".to_owned(),
    ] {
        let answer = ann.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        let found = shown(&answer.json, "contacts");
        assert!(found.is_subset(&seen), "{path}: {:?}", found.difference(&seen));
        let text = answer.json.to_string();
        for ((owner, team), id) in
            world.contacts.iter().filter(|((owner, team), _)| !World::reads(owner, team))
        {
            assert!(!text.contains(id.as_str()), "{path} names the contact of {owner} {team}");
        }
        assert!(!text.contains("Secret"), "{path}");
    }
    // A filter finds nothing through what is out of sight, neither that it is so nor that it is not otherwise.
    let name = |name: &str| format!("/api/v1/companies?q[contacts_last_name_eq]={name}");
    assert_eq!(ann.get(&name("ben+south")).await.ids(), std::slice::from_ref(&company));
    assert_eq!(ann.get(&name("cleo+south")).await.ids(), Vec::<String>::new());
    assert_eq!(app.get(&name("cleo+south")).await.ids(), [company]);

    // What a record leads to keeps its id, and is not there.
    let own = &world.contacts[&("ann", "none")];
    let path = format!("/api/v1/contacts/{own}");
    assert_eq!(app.patch(&format!("{path}/relationships/company"), at(&secret)).await.status, 200);
    let shown = ann.get(&format!("{path}?include=company")).await;
    assert_eq!(shown.json["data"]["relationships"]["company"]["data"]["id"], secret.as_str());
    assert_eq!(shown.json["included"], json!([]));
    assert_eq!(ann.get(&format!("{path}/company")).await.json["data"], Value::Null);
    assert_eq!(ann.get("/api/v1/contacts?q[company_name_eq]=Secret").await.ids(), Vec::<String>::new());
    let sorted = ann.get("/api/v1/contacts?sort=-company.name&page[size]=1").await;
    assert_eq!(
        sorted.ids(),
        std::slice::from_ref(own),
        "nothing is known of its company, and nulls come last"
    );
    // And a client that sends the record back does not take it off.
    let mut back = shown.json["data"].clone();
    back["attributes"] = json!({ "title": "Dr" });
    let sent = ann
        .patch(&path, json!({ "data": { "type": "contacts", "id": own, "attributes": back["attributes"] } }));
    assert_eq!(sent.await.status, 200);
    let kept = app.get(&path).await;
    assert_eq!(kept.json["data"]["relationships"]["company"]["data"]["id"], secret.as_str());
    // Nobody can lead to what they do not see.
    let other = &world.contacts[&("ann", "north")];
    let linked = ann.patch(&format!("/api/v1/contacts/{other}/relationships/company"), at(&secret)).await;
    assert_eq!((linked.status, linked.errors()), (404, errors([("related_not_found", "/data/id")])));
}

#[tokio::test]
async fn a_record_is_handed_over_within_sight_and_what_is_new_is_ones_own() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let to = |user: &str| json!({ "data": { "type": "users", "id": world.ids[user] } });
    let owner = |id: &str| format!("/api/v1/contacts/{id}/relationships/owner");
    let made = world.ann.create("contacts", json!({ "last_name": "New" })).await;
    let shown = app.get(&format!("/api/v1/contacts/{made}")).await;
    assert_eq!(shown.json["data"]["relationships"]["owner"]["data"]["id"], world.ids["ann"].as_str());
    let refused = world.ann.patch(&owner(&made), to("cleo")).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
    assert_eq!(world.ann.patch(&owner(&made), to("ben")).await.status, 200);
    assert_eq!(world.ann.patch(&owner(&made), to("ann")).await.status, 403, "it is Ben's by now");
    // What waits for an owner is taken by who sees it.
    let waiting = &world.contacts[&("nobody", "north")];
    assert_eq!(world.ann.patch(&owner(waiting), to("ann")).await.status, 200);
    let foreign = &world.contacts[&("nobody", "south")];
    assert_eq!(world.ann.patch(&owner(foreign), to("ann")).await.status, 404);
    // What belongs to who is not in sight cannot be made.
    let for_cleo =
        json!({ "data": { "type": "contacts", "attributes": {}, "relationships": { "owner": to("cleo") } } });
    assert_eq!(world.ann.post("/api/v1/contacts", for_cleo).await.status, 403);
}

#[tokio::test]
async fn parts_are_read_and_written_by_who_reads_and_writes_the_whole() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let note = |contact: &str| {
        json!({ "data": { "type": "notes", "attributes": { "body": "Hello" }, "relationships": {
            "parent": { "data": { "type": "contacts", "id": contact } },
        } } })
    };
    let mut notes = BTreeMap::new();
    for (whose, contact) in &world.contacts {
        let made = app.post("/api/v1/notes", note(contact)).await;
        assert_eq!(made.status, 201, "{}", made.json);
        notes.insert(*whose, made.id());
    }
    let listed = world.ann.get("/api/v1/notes?page[size]=100").await;
    let seen: BTreeSet<_> =
        notes.iter().filter(|((o, t), _)| World::reads(o, t)).map(|(_, id)| id.clone()).collect();
    assert_eq!(shown(&listed.json, "notes"), seen);
    for ((owner, team), contact) in &world.contacts {
        let made = world.ann.post("/api/v1/notes", note(contact)).await;
        let id = &notes[&(*owner, *team)];
        let deleted = world.ann.send(Method::DELETE, &format!("/api/v1/notes/{id}"), None).await;
        let expected = match (World::reads(owner, team), World::writes(owner, team)) {
            (false, _) => [404, 404],
            (true, false) => [403, 403],
            (true, true) => [201, 200],
        };
        assert_eq!([made.status, deleted.status], expected, "{owner} {team}: {}", made.json);
    }
}

#[tokio::test]
async fn a_replacement_leaves_links_alone_that_lead_out_of_sight() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let own = [("owner", "users", world.ids["ann"].as_str())];
    let company = app.create_with("companies", json!({ "name": "Acme" }), &own).await;
    let contact = |owner, team| json!({ "type": "contacts", "id": world.contacts[&(owner, team)] });
    let path = format!("/api/v1/companies/{company}/relationships/people");
    let (seen, hidden, next) = (contact("ann", "none"), contact("cleo", "none"), contact("ben", "none"));
    assert_eq!(app.post(&path, json!({ "data": [seen, hidden] })).await.status, 200);
    assert_eq!(world.ann.get(&path).await.json["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.ann.patch(&path, json!({ "data": [next] })).await.status, 200);
    let left: BTreeSet<_> = app.get(&path).await.ids().into_iter().collect();
    let expected = [("cleo", "none"), ("ben", "none")].map(|whose| world.contacts[&whose].clone());
    assert_eq!(left, BTreeSet::from(expected));
}

#[tokio::test]
async fn a_viewer_sees_what_their_teams_have_and_writes_what_is_their_own() {
    let app = App::spawn().await;
    let world = world(&app).await;
    let (viewer, caller) = member(&app, "viewer").await;
    let members = json!({ "data": [{ "type": "users", "id": viewer }] });
    let north = format!("/api/v1/teams/{}/relationships/users", world.ids["north"]);
    assert_eq!(app.post(&north, members).await.status, 200);
    let listed = caller.get("/api/v1/contacts?page[size]=100").await;
    assert_eq!(shown(&listed.json, "contacts"), world.ids_of(World::reads));
    let view = json!({ "name": "Mine", "resource": "contacts" });
    let own = caller.create("saved_views", view.clone()).await;
    let shared =
        app.create("saved_views", json!({ "name": "All", "resource": "contacts", "shared": true })).await;
    let private = app.create("saved_views", view).await;
    let seen: BTreeSet<_> = caller.get("/api/v1/saved_views").await.ids().into_iter().collect();
    assert_eq!(seen, BTreeSet::from([own.clone(), shared.clone()]));
    for (id, status) in [(own, 200), (shared, 403), (private, 404)] {
        let path = format!("/api/v1/saved_views/{id}");
        let change = json!({ "data": { "type": "saved_views", "id": id, "attributes": { "name": "X" } } });
        assert_eq!(caller.patch(&path, change).await.status, status);
    }
    let sessions = caller.get("/api/v1/user_sessions").await.ids();
    assert_eq!(sessions.len(), 1, "their own alone");
    assert!(app.get("/api/v1/user_sessions?page[size]=100").await.ids().len() > 3, "admins see all");
}

#[tokio::test]
async fn what_may_not_be_read_is_neither_included_nor_filtered_by() {
    let app = App::spawn().await;
    let (_, rep) = member(&app, "rep").await;
    for (path, parameter) in [
        ("webhook_subscriptions", ""),
        ("forms?include=form_submissions", "include"),
        ("forms?q[form_submissions_id_present]=true", ""),
    ] {
        let refused = rep.get(&format!("/api/v1/{path}")).await;
        assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", parameter)])), "{path}");
    }
    assert_eq!(rep.get("/api/v1/forms").await.status, 200);
}
