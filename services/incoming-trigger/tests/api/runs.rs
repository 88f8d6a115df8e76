//! What a run does in the CRM, and how it ends.

use pulse_testing::eventually;
use serde_json::{Value, json};

use crate::app::App;

fn shop_steps() -> Value {
    json!([
        {"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email",
         "attributes": {"email": "{{trigger.body.customer.email | trim | lower}}",
                        "first_name": "{{trigger.body.customer.name}}",
                        "description": "Bought {{trigger.body.items[1].sku}} of {{trigger.body.items}}",
                        "score": "{{trigger.body.items[0].count}}",
                        "source": "{{trigger.query.from | default: \"shop\"}}"}},
        {"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{steps.contact.id}}", "tag": "Customer"},
        {"key": "review", "type": "start_sequence", "contact_id": "{{steps.contact.id}}",
         "sequence": "Post-Purchase Review"}
    ])
}

fn order() -> Value {
    json!({"customer": {"email": " Ada@X.io", "name": "Ada"}, "items": [{"sku": "a", "count": 2}, {"sku": "b"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_makes_a_tagged_contact_in_a_sequence() {
    let app = App::new().await;
    let server = app.start(None);
    let sequence = app.crm.add(app.workspace, "sequences", json!({"name": "Post-Purchase Review"}));
    let hook = app.workflow(shop_steps()).await;

    let run = server.trigger(&hook, &order()).await;
    let ended = app.run_in(run, "succeeded").await;

    let [(contact, attributes)] = app.crm.records(app.workspace, "contacts").try_into().expect("one contact");
    let filled = json!({
        "email": "ada@x.io", "first_name": "Ada", "score": 2, "source": "shop",
        "description": r#"Bought b of [{"sku":"a","count":2},{"sku":"b"}]"#,
    });
    assert_eq!(attributes, filled);
    let [(tag, _)] = app.crm.records(app.workspace, "tags").try_into().expect("one tag");
    assert_eq!(app.crm.taggings(), [(contact, tag)]);
    let [(enrollment, _)] =
        app.crm.records(app.workspace, "sequence_enrollments").try_into().expect("one enrolment");
    assert_eq!(
        app.crm.lines(),
        [
            "GET /contacts?q[email_eq]=ada@x.io&page[size]=1".to_owned(),
            "POST /contacts".to_owned(),
            "GET /tags?q[name_eq]=Customer&page[size]=1".to_owned(),
            "POST /tags".to_owned(),
            format!("POST /contacts/{contact}/relationships/tags"),
            "GET /sequences?q[name_eq]=Post-Purchase Review&page[size]=1".to_owned(),
            format!("POST /sequences/{sequence}/start"),
        ]
    );
    let asked = app.crm.asked();
    assert_eq!(asked[4].body, json!({"data": [{"type": "tags", "id": tag}]}));
    assert_eq!(asked[6].body, json!({"contact_id": contact, "enrollment_id": enrollment}));
    let correlation = "SELECT correlation_id FROM workflow_runs";
    let correlation: uuid::Uuid = app.sql.query_one(correlation, &[]).await.expect("one run").get(0);
    assert!(asked.iter().all(|asked| asked.claims.correlation == correlation));
    assert!(asked.iter().all(|asked| asked.claims.sub == "incoming-trigger"));

    assert_eq!((ended.position, ended.leased, ended.error), (3, false, None));
    assert_eq!(ended.context["steps"]["contact"]["id"], contact.to_string());
    assert_eq!(ended.context["steps"]["contact"]["email"], "ada@x.io");
    let steps = app.step_runs(run).await;
    let shown: Vec<_> =
        steps.iter().map(|step| (step.key.as_str(), step.step_type.as_str(), step.state.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("contact", "upsert_record", "succeeded"),
            ("tag", "add_tag", "succeeded"),
            ("review", "start_sequence", "succeeded")
        ]
    );
    assert_eq!(steps[1].input.as_ref().expect("an input")["id"], contact.to_string());
    assert_eq!(steps[1].output, Some(json!({"id": tag, "name": "Customer"})));
    assert_eq!(steps[2].output, Some(json!({"id": enrollment, "contact_id": contact})));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_used() {
    let app = App::new().await;
    let server = app.start(None);
    app.crm.add(app.workspace, "sequences", json!({"name": "Post-Purchase Review"}));
    let contact = app.crm.add(app.workspace, "contacts", json!({"email": "ada@x.io", "title": "Countess"}));
    let tag = app.crm.add(app.workspace, "tags", json!({"name": "Customer"}));
    let hook = app.workflow(shop_steps()).await;

    app.run_in(server.trigger(&hook, &order()).await, "succeeded").await;

    let [(id, attributes)] = app.crm.records(app.workspace, "contacts").try_into().expect("one contact");
    assert_eq!(
        (id, &attributes["first_name"], &attributes["title"]),
        (contact, &json!("Ada"), &json!("Countess"))
    );
    assert_eq!(app.crm.taggings(), [(contact, tag)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_in_another_spelling_is_used_too() {
    let app = App::new().await;
    let server = app.start(None);
    let contact = app.crm.add(app.workspace, "contacts", json!({"email": "ADA@x.io"}));
    let tag = app.crm.add(app.workspace, "tags", json!({"name": "CUSTOMER", "color": "red"}));
    let steps = shop_steps().as_array().expect("steps")[..2].to_vec();
    let hook = app.workflow(json!(steps)).await;

    let run = server.trigger(&hook, &order()).await;
    app.run_in(run, "succeeded").await;

    assert_eq!(app.crm.records(app.workspace, "contacts").len(), 1);
    assert_eq!(app.crm.taggings(), [(contact, tag)]);
    let steps = app.step_runs(run).await;
    assert_eq!(steps[1].output, Some(json!({"id": tag, "name": "CUSTOMER", "color": "red"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_can_be_created_and_changed() {
    let app = App::new().await;
    let server = app.start(None);
    let steps = json!([
        {"key": "made", "type": "create_record", "resource": "companies", "attributes": {"name": "{{trigger.body[0]}}"}},
        {"key": "changed", "type": "update_record", "resource": "companies", "id": "{{steps.made.id}}",
         "attributes": {"name": "{{steps.made.name}} Ltd", "domain": null}},
        {"key": "tag", "type": "add_tag", "resource": "companies", "id": "{{steps.changed.id}}",
         "tag": "{{trigger.body[1]}}"}
    ]);
    let hook = app.workflow(steps).await;

    app.run_in(server.trigger(&hook, &json!(["Acme", 2026])).await, "succeeded").await;

    let [(_, attributes)] = app.crm.records(app.workspace, "companies").try_into().expect("one company");
    assert_eq!(attributes, json!({"name": "Acme Ltd", "domain": null}));
    let [(_, tag)] = app.crm.records(app.workspace, "tags").try_into().expect("one tag");
    assert_eq!(tag, json!({"name": "2026"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_without_steps_succeeds() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(json!([])).await;
    app.run_in(server.trigger(&hook, &json!(null)).await, "succeeded").await;
    assert!(app.crm.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_fails_the_run_and_is_named() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(shop_steps()).await;

    let run = server.trigger(&hook, &json!({"customer": {}})).await;
    let ended = app.run_in(run, "failed").await;

    let error = ended.error.expect("a reason");
    assert!(error.starts_with("step `contact`: "), "{error}");
    assert!(error.contains("`trigger.body.customer.email`"), "{error}");
    let [step] = app.step_runs(run).await.try_into().expect("one try");
    assert_eq!((step.state.as_str(), &step.input), ("failed", &None));
    assert!(app.crm.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_crm_api_refuses_fails_the_run_with_its_words() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(shop_steps()).await;
    let body =
        json!({"customer": {"email": "no address", "name": "Ada"}, "items": [{"count": 1}, {"sku": "b"}]});

    let run = server.trigger(&hook, &body).await;
    let ended = app.run_in(run, "failed").await;

    let error = "crm-api answered 422: email is not an email address";
    assert_eq!(ended.error.as_deref(), Some(format!("step `contact`: {error}").as_str()));
    let [step] = app.step_runs(run).await.try_into().expect("one try");
    assert_eq!((step.state.as_str(), step.error.as_deref()), ("failed", Some(error)));
    assert_eq!(step.input.expect("an input")["attributes"]["email"], "no address");
    assert_eq!((ended.position, ended.leased), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be_meant_fail_the_run_before_anything_is_asked() {
    let app = App::new().await;
    let server = app.start(None);
    // Would be the first contact of all, because a filter without a value filters nothing.
    let blank = json!([{"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email",
                        "attributes": {"email": "{{trigger.body.email}}"}}]);
    // Would be another address of crm-api.
    let path = json!([{"key": "contact", "type": "update_record", "resource": "contacts",
                       "id": "{{trigger.body.id}}", "attributes": {}}]);
    let tag = json!([{"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{trigger.body.id}}",
                      "tag": "{{trigger.body.email}}"}]);
    let own = "0190b0c0-0000-7000-8000-000000000000";
    for (steps, body, reason) in [
        (&blank, json!({"email": "  "}), "`email` is empty"),
        (&blank, json!({"email": ["a@x.io"]}), "`email` has no value that a record can be found by"),
        (&path, json!({"id": "../users"}), "`id` is not the id of a record: `../users`"),
        (&path, json!({"id": {"a": 1}}), "expected a string"),
        (&tag, json!({"id": own, "email": ""}), "`name` is empty"),
    ] {
        let hook = app.workflow(steps.clone()).await;
        let ended = app.run_in(server.trigger(&hook, &body).await, "failed").await;
        let error = ended.error.expect("a reason");
        assert!(error.contains(reason), "{error}");
    }
    assert!(app.crm.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sequence_fails_the_run_and_is_named() {
    let app = App::new().await;
    let server = app.start(None);
    let contact = app.crm.add(app.workspace, "contacts", json!({}));
    let steps =
        json!([{"key": "go", "type": "start_sequence", "contact_id": contact, "sequence": "Welcome"}]);
    let hook = app.workflow(steps).await;
    let ended = app.run_in(server.trigger(&hook, &json!({})).await, "failed").await;
    assert_eq!(ended.error.as_deref(), Some("step `go`: there is no sequence `Welcome`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_cannot_be_read_fails_the_run() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(json!([])).await;
    app.execute(
        "UPDATE workflows SET definition = '{\"steps\": [{\"key\": \"a\", \"type\": \"explode\"}]}'",
        &[],
    )
    .await;
    let ended = app.run_in(server.trigger(&hook, &json!({})).await, "failed").await;
    assert!(ended.error.as_deref().is_some_and(|error| error.contains("explode")), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_moment_of_crm_api_is_waited_out() {
    let app = App::new().await;
    let server = app.start(None);
    let steps = shop_steps().as_array().expect("steps")[..1].to_vec();
    let hook = app.workflow(json!(steps)).await;
    app.crm.fail(&[503, 429]);

    let run = server.trigger(&hook, &order()).await;
    let waiting = app.run_in(run, "waiting").await;
    assert_eq!((waiting.position, waiting.leased), (0, false));
    for tries in 1..=2 {
        eventually("a try is over", || async { (app.step_runs(run).await.len() >= tries).then_some(()) })
            .await;
        app.make_due(run).await;
    }
    app.run_in(run, "succeeded").await;

    let steps = app.step_runs(run).await;
    let shown: Vec<_> = steps.iter().map(|step| (step.attempt, step.state.as_str())).collect();
    assert_eq!(shown, [(1, "retry_scheduled"), (2, "retry_scheduled"), (3, "succeeded")]);
    assert_eq!(steps[0].error.as_deref(), Some("crm-api answered 503: not now"));
    assert_eq!(app.crm.records(app.workspace, "contacts").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_api_that_stays_away_fails_the_run_in_the_end() {
    let mut app = App::new().await;
    app.settings.crm.url = "http://127.0.0.1:1".parse().expect("a URL");
    app.settings.trigger.max_attempts = 2;
    let server = app.start(None);
    let hook = app.workflow(shop_steps()).await;

    let run = server.trigger(&hook, &order()).await;
    eventually("the first try is over", || async { app.step_runs(run).await.pop() }).await;
    app.make_due(run).await;
    let ended = app.run_in(run, "failed").await;

    let error = ended.error.expect("a reason");
    assert!(error.starts_with("step `contact`: given up after 2 tries: crm-api did not answer: "), "{error}");
    let states: Vec<_> = app.step_runs(run).await.into_iter().map(|step| step.state).collect();
    assert_eq!(states, ["retry_scheduled", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_acts_in_its_own_workspace_alone() {
    let app = App::new().await;
    let server = app.start(None);
    let other = app.add_workspace().await;
    let steps = shop_steps().as_array().expect("steps")[..1].to_vec();
    let (ours, theirs) = (app.workflow(json!(steps)).await, app.workflow_of(other, json!(steps)).await);
    let stranger = app.crm.add(other, "contacts", json!({"email": "ada@x.io", "first_name": "Theirs"}));

    app.run_in(server.trigger(&ours, &order()).await, "succeeded").await;

    assert_eq!(app.crm.records(app.workspace, "contacts").len(), 1);
    let untouched = (stranger, json!({"email": "ada@x.io", "first_name": "Theirs"}));
    assert_eq!(app.crm.records(other, "contacts"), [untouched]);
    assert!(app.crm.asked().iter().all(|asked| asked.claims.workspace == app.workspace));

    app.run_in(server.trigger(&theirs, &order()).await, "succeeded").await;
    assert_eq!(app.crm.records(other, "contacts")[0].1["first_name"], "Ada");
}
