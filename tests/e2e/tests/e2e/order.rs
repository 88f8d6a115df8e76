//! A shop posts an order to a trigger URL, and a workflow makes of it a contact that is tagged and looked after.

use pulse_testing::Sink;
use serde_json::{Value, json};

use crate::api::Api;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_becomes_a_tagged_contact_in_a_sequence() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;
    let workflow = Workflow::create(&api).await;

    let answer = workflow.post(&api, &order()).await;
    let run = answer["run_id"].as_str().expect("the run is named");

    let run = finished(&api, run).await;
    assert_eq!(run["data"]["attributes"]["state"], "succeeded", "{run}");
    let steps = run["included"].as_array().expect("steps");
    let steps: Vec<(&Value, &Value)> =
        steps.iter().map(|step| (&step["attributes"]["key"], &step["attributes"]["state"])).collect();
    let done = json!("succeeded");
    assert_eq!(steps, [(&json!("contact"), &done), (&json!("tag"), &done), (&json!("review"), &done)]);

    let contact = contact_of_the_order(&api).await;
    assert_eq!(contact["attributes"]["first_name"], "Grace");
    assert_eq!(contact["attributes"]["lifecycle"], "customer");

    let created = sink.wait_for(1).await;
    assert_eq!(created[0].json()["data"]["email"], "grace@shop.test");
    assert_eq!(api.list("events?q[event_type_eq]=contact.created").await.len(), 1);

    let path = format!("/api/v1/workflows/{}/variables", workflow.id);
    let document = api.get(&path).await.expect(200).json();
    let variables = document["meta"]["variables"].as_array().expect("variables");
    let named = |path: &str| variables.iter().find(|variable| variable["path"] == path);
    let email = named("trigger.body.customer.email").expect("it is listed");
    assert_eq!(email["example"], "Grace@Shop.test");
    assert!(named("trigger.body.items[0].sku").is_some(), "{document}");
}

/// What an e-commerce system posts.
pub(crate) fn order() -> Value {
    json!({
        "order": "1001",
        "total": 49.90,
        "customer": {"email": "Grace@Shop.test", "first_name": "Grace", "last_name": "Hopper"},
        "items": [{"sku": "mug", "quantity": 2}],
    })
}

/// The workflow of the story, with the sequence that it starts.
pub(crate) struct Workflow {
    id: String,
    trigger_path: String,
}

impl Workflow {
    pub(crate) async fn create(api: &Api) -> Self {
        let steps = json!([
            {"title": "Ask how the purchase went", "after_days": 3},
            {"title": "Ask for a review", "body": "With the link to the product.", "after_days": 14},
        ]);
        api.create("sequences", json!({"name": "Post-Purchase Review", "steps": steps})).await;
        let definition = json!({"steps": [
            {"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email", "attributes": {
                "email": "{{trigger.body.customer.email | lower}}",
                "first_name": "{{trigger.body.customer.first_name}}",
                "lifecycle": "customer"}},
            {"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{steps.contact.id}}",
             "tag": "Customer"},
            {"key": "review", "type": "start_sequence", "contact_id": "{{steps.contact.id}}",
             "sequence": "Post-Purchase Review"},
        ]});
        let workflow = api.create("workflows", json!({"name": "Order", "definition": definition})).await;
        let url = workflow.document["meta"]["trigger_url"].as_str().expect("the URL is shown once");
        let path = url.find("/v1/webhooks/in/").expect("the documented path");
        Self { id: workflow.id, trigger_path: url[path..].to_owned() }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Path of the trigger URL.
    pub(crate) fn trigger_path(&self) -> &str {
        &self.trigger_path
    }

    /// Posts to the trigger URL, without any credential.
    pub(crate) async fn post(&self, api: &Api, body: &Value) -> Value {
        let answer = api.with_token("none of ours").post(&self.trigger_path, body).await.expect(202).json();
        assert_eq!(answer["accepted"], true);
        answer
    }
}

/// A run with its steps, once it is over.
pub(crate) async fn finished(api: &Api, run: &str) -> Value {
    pulse_testing::eventually("the run ends", async || {
        let run = api.get(&format!("/api/v1/workflow_runs/{run}?include=steps")).await.expect(200).json();
        (!run["data"]["attributes"]["finished_at"].is_null()).then_some(run)
    })
    .await
}

/// The only contact, after seeing that all was done for it, and once.
pub(crate) async fn contact_of_the_order(api: &Api) -> Value {
    let mut contacts = api.list("contacts?q[email_eq]=grace@shop.test").await;
    assert_eq!(contacts.len(), 1);
    let contact = contacts.remove(0);
    let path = format!("contacts/{}", contact["id"].as_str().expect("a text"));
    let attributes = |records: Vec<Value>, name: &str| -> Vec<String> {
        records.iter().map(|one| one["attributes"][name].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(attributes(api.list(&format!("{path}/tags")).await, "name"), ["Customer"]);
    assert_eq!(api.list("tags").await.len(), 1);
    let tasks = attributes(api.list(&format!("{path}/tasks?sort=due_at")).await, "title");
    assert_eq!(tasks, ["Ask how the purchase went", "Ask for a review"]);
    assert_eq!(api.list(&format!("{path}/sequence_enrollments")).await.len(), 1);
    contact
}
