//! Two workspaces on one service: nothing of one is ever seen or touched by the other.

use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn nothing_of_another_workspace_can_be_read_changed_or_linked() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "first_name": "Ada", "email": "ada@x.test" })).await;
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let other = app.as_another_workspace().await;
    let own = other.create("contacts", json!({ "email": "ada@x.test" })).await;

    let path = format!("/api/v1/contacts/{contact}");
    assert_eq!(other.get(&path).await.status, 404);
    let change =
        json!({ "data": { "type": "contacts", "id": contact, "attributes": { "first_name": "Eve" } } });
    assert_eq!(other.patch(&path, change).await.status, 404);
    assert_eq!(other.send(reqwest::Method::DELETE, &path, None).await.status, 404);
    for name in ["company", "tags", "tasks", "relationships/company", "relationships/tags"] {
        assert_eq!(other.get(&format!("{path}/{name}")).await.status, 404, "{name}");
    }
    let link = json!({ "data": { "type": "companies", "id": company } });
    assert_eq!(other.patch(&format!("/api/v1/contacts/{own}/relationships/company"), link).await.status, 404);
    let link = json!({ "data": [{ "type": "tags", "id": tag }] });
    assert_eq!(other.post(&format!("/api/v1/contacts/{own}/relationships/tags"), link).await.status, 404);
    let link = json!({ "data": [{ "type": "tags", "id": tag }] });
    assert_eq!(other.post(&format!("{path}/relationships/tags"), link).await.status, 404);

    for query in [
        format!("q[id_eq]={contact}"),
        "q[first_name_eq]=Ada".to_owned(),
        format!("q[company_id_eq]={company}"),
        "q[company_name_eq]=Acme".to_owned(),
        "q[tags_name_eq]=vip".to_owned(),
    ] {
        assert_eq!(
            other.get(&format!("/api/v1/contacts?{query}")).await.ids(),
            Vec::<String>::new(),
            "{query}"
        );
    }
    // Its own record of the same address is no conflict, and the first workspace is as it was.
    assert_eq!(app.get(&path).await.json["data"]["attributes"]["first_name"], "Ada");
}
