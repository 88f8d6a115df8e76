//! The workspace of the demonstration, and the page that tells how to try it.
//!
//! Its tokens are derived from the master key, so a second run finds and prints the same ones, and those of another
//! installation are different.

use anyhow::Context;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use pulse_domain::id::derived;
use pulse_domain::seal;
use pulse_domain::token::{self, Purpose};
use pulse_domain::{WorkspaceId, workflow};
use pulse_resource::{Act, Actor, Bind, Changes, Resource};
use pulse_store::schema::users;
use ring::hmac;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use crate::auth::{NewWorkspace, create_workspace};
use crate::resources::ingest_sites::INGEST_SITES;
use crate::resources::ingest_tokens::INGEST_TOKENS;
use crate::resources::sequences::SEQUENCES;
use crate::resources::webhook_subscriptions::{self, WEBHOOK_SUBSCRIPTIONS};
use crate::resources::workflows::{self, WORKFLOWS};
use crate::{App, Settings};

/// Who signs in to the demonstration.
pub const EMAIL: &str = "demo@pulse.test";
/// With what.
pub const PASSWORD: &str = "pulse-demo-password";

/// The tokens of the demonstration.
#[derive(Debug)]
pub struct Tokens {
    /// `pub_…`
    pub public: String,
    /// `sec_…`
    pub secret: String,
    /// `in_…`
    pub trigger: String,
    /// `whsec_…`
    pub webhook: String,
}

impl Tokens {
    /// Derives them from the master key.
    ///
    /// # Errors
    /// When that is not the base64 of 32 bytes.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let key = seal::key_bytes(settings.security.master_key.expose_secret())?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let token = |purpose: Purpose| {
            let mut bits = [0; 32];
            let name = format!("demonstration {}", purpose.prefix());
            bits.copy_from_slice(hmac::sign(&key, name.as_bytes()).as_ref());
            purpose.encode(&bits)
        };
        Ok(Self {
            public: token(Purpose::IngestPublic),
            secret: token(Purpose::IngestSecret),
            trigger: token(Purpose::Trigger),
            webhook: token(Purpose::Webhook),
        })
    }
}

/// Makes what is missing of the demonstration and returns its page. `receiver` is where its webhooks go.
///
/// # Errors
/// When the database is away, or something of it was changed so that it cannot be completed.
pub async fn run(app: &App, gateway: &str, receiver: &str) -> anyhow::Result<String> {
    let tokens = Tokens::of(&app.0.settings)?;
    let workspace = workspace(app).await?;
    let act = &Act::new(workspace, Actor::System, Uuid::now_v7());
    let id = |name: &str| derived(workspace.0, name);

    let mut site = Changes::of(&INGEST_SITES);
    site.id = Some(id("site"));
    site.set("name", "Demo shop");
    site.set("domain", "shop.pulse.test");
    ensure(app, act, site).await?;
    for (name, kind, made) in [("Browsers", "public", &tokens.public), ("Servers", "secret", &tokens.secret)]
    {
        let mut changes = Changes::of(&INGEST_TOKENS);
        changes.id = Some(id(kind));
        changes.set("site_id", id("site"));
        changes.set("name", name);
        changes.set("kind", kind);
        changes.set("token_digest", Bind::Bytes(token::digest(made).to_vec()));
        changes.set("token_hint", token::hint(made).as_str());
        ensure(app, act, changes).await?;
    }

    let mut subscription = Changes::of(&WEBHOOK_SUBSCRIPTIONS);
    subscription.id = Some(id("subscription"));
    subscription.set("url", receiver);
    subscription.set("description", "The receiver of the demonstration");
    subscription.set("event_types", Bind::json(&json!(["*"])));
    ensure(app, act, webhook_subscriptions::sealed(app, subscription, &tokens.webhook)).await?;

    let mut sequence = Changes::of(&SEQUENCES);
    sequence.id = Some(id("sequence"));
    sequence.set("name", "Post-Purchase Review");
    sequence.set(
        "steps",
        Bind::json(&json!([
            {"title": "Ask how the purchase went", "body": null, "after_days": 3},
            {"title": "Ask for a review", "body": null, "after_days": 14},
        ])),
    );
    ensure(app, act, sequence).await?;

    let definition = json!({"steps": [
        {"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email", "attributes": {
            "email": "{{trigger.body.customer.email | lower}}",
            "first_name": "{{trigger.body.customer.first_name}}",
            "last_name": "{{trigger.body.customer.last_name}}",
            "lifecycle": "customer",
            "source": "shop"
        }},
        {"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{steps.contact.id}}", "tag": "Customer"},
        {"key": "review", "type": "start_sequence", "contact_id": "{{steps.contact.id}}",
         "sequence": "Post-Purchase Review"}
    ]});
    workflow::check(&definition).ok().context("the workflow of the demonstration is valid")?;
    let mut flow = Changes::of(&WORKFLOWS);
    flow.id = Some(id("workflow"));
    flow.set("name", "Order placed");
    flow.set("definition", Bind::json(&definition));
    ensure(app, act, workflows::triggered(flow, &tokens.trigger)).await?;
    for resource in [&INGEST_TOKENS, &WEBHOOK_SUBSCRIPTIONS] {
        app.changed(resource);
    }
    Ok(page(gateway.trim_end_matches('/'), &tokens, id("workflow"), receiver))
}

async fn workspace(app: &App) -> anyhow::Result<WorkspaceId> {
    let mut connection = app.0.pool.get().await?;
    let known: Option<Uuid> = users::table
        .filter(users::email.eq(EMAIL).and(users::deleted_at.is_null()))
        .select(users::workspace_id)
        .first(&mut connection)
        .await
        .optional()?;
    if let Some(known) = known {
        return Ok(WorkspaceId(known));
    }
    let digest = app.0.passwords.digest(PASSWORD).await?;
    let new =
        NewWorkspace { name: "Demo", owner_name: "Demo Owner", owner_email: EMAIL, password_digest: &digest };
    let made = WorkspaceId::generate();
    connection
        .transaction::<_, diesel::result::Error, _>(async |connection| {
            create_workspace(app, connection, made, Uuid::now_v7(), &new).await
        })
        .await?;
    Ok(made)
}

/// Creates a record unless there is one of its id.
async fn ensure(app: &App, act: &Act, changes: Changes) -> anyhow::Result<()> {
    let (resource, id): (&'static Resource, _) = (changes.resource, changes.id.context("an id is given")?);
    if app.engine().record(act, resource, id).await.is_ok() {
        return Ok(());
    }
    app.engine().create(act, changes).await.with_context(|| format!("{} cannot be made", resource.name))?;
    Ok(())
}

fn page(gateway: &str, tokens: &Tokens, workflow: Uuid, receiver: &str) -> String {
    let Tokens { public, secret, trigger, webhook } = tokens;
    format!(
        r#"
Pulse is running at {gateway}

  sign in as      {EMAIL} / {PASSWORD}
  browser token   {public}
  server token    {secret}
  trigger URL     {gateway}/v1/webhooks/in/{trigger}
  webhooks go to  {receiver}  (see them with: make logs s=receiver)
  webhook secret  {webhook}

Try it; each line works as it stands, in this order, in one shell:

# Sign in; the token is in a response header, and good for 15 minutes
TOKEN=$(curl -sS -D - -o /dev/null {gateway}/api/v1/auth/sign_in -H 'Content-Type: application/json' -d '{{"email":"{EMAIL}","password":"{PASSWORD}"}}' | tr -d '\r' | sed -n 's/^[Aa]uthorization: //p')

# Create a contact; its webhook arrives at the receiver
curl -sS {gateway}/api/v1/contacts -H "Authorization: $TOKEN" -H 'Content-Type: application/vnd.api+json' -d '{{"data":{{"type":"contacts","attributes":{{"first_name":"Ada","last_name":"Lovelace"}}}}}}'

# Find it
curl -sS -g "{gateway}/api/v1/contacts?q[last_name_cont]=love&sort=-created_at&page[size]=5" -H "Authorization: $TOKEN"

# An order comes in: the contact is created, tagged and enrolled by the workflow
curl -sS {gateway}/v1/webhooks/in/{trigger} -H 'Content-Type: application/json' -d '{{"order":"1001","customer":{{"email":"grace@shop.test","first_name":"Grace","last_name":"Hopper"}}}}'
curl -sS -g "{gateway}/api/v1/workflow_runs?include=steps&page[size]=1" -H "Authorization: $TOKEN"
curl -sS {gateway}/api/v1/workflows/{workflow}/variables -H "Authorization: $TOKEN"

# A page view and a payment come in
curl -sS {gateway}/api/ingest -H 'Content-Type: application/json' -d '{{"type":"pageview","token":"{public}","data":{{"visitor_fingerprint":null,"session_id":"6f1c1f0e-3b1e-4d0a-9f3e-0d8f3a1b2c3d","url":"https://shop.pulse.test/","path":"/"}}}}'
curl -sS {gateway}/api/ingest -H 'X-API-Token: {secret}' -d '{{"type":"revenue","data":{{"visitor_fingerprint":"demo","session_id":"6f1c1f0e-3b1e-4d0a-9f3e-0d8f3a1b2c3d","customer_id":"grace","amount":49.90,"transaction_id":"order-1001"}}}}'
curl -sS -g "{gateway}/api/v1/analytics/events?page[size]=5" -H "Authorization: $TOKEN"

# What was delivered, and every attempt
curl -sS -g "{gateway}/api/v1/webhook_deliveries?include=attempts&page[size]=3" -H "Authorization: $TOKEN"

# Sign out; the token is refused from then on
curl -sS -X DELETE {gateway}/api/v1/auth/sign_out -H "Authorization: $TOKEN"
"#
    )
}
