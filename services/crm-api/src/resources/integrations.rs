//! Integrations: accounts at other systems. What opens them is sealed when it comes in and never shown again.

use pulse_jsonapi::Problem;
use pulse_resource::{Bind, Changes, Resource, attribute, secret};
use pulse_store::schema::integrations;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::typed;
use crate::App;

/// Bytes of credentials, as JSON: keys and certificates, not files.
const CREDENTIALS: usize = 64 * 1024;

/// The declaration.
pub(crate) static INTEGRATIONS: Resource = Resource {
    name: "integrations",
    table: "integrations",
    attributes: &[
        attribute::<integrations::provider>().required().max_len(100).filter().sort(),
        attribute::<integrations::name>().filter().sort(),
        attribute::<integrations::status>().choices(&["active", "disabled", "error"]).filter().sort(),
        attribute::<integrations::config>(),
        secret("credentials"),
        attribute::<integrations::has_credentials>().read_only().filter().sort(),
        attribute::<integrations::scopes>(),
        attribute::<integrations::last_sync_at>().read_only().filter().sort(),
        attribute::<integrations::last_error>().read_only().filter(),
        attribute::<integrations::error_count>().read_only().filter().sort(),
        attribute::<integrations::created_at>().read_only().filter().sort(),
        attribute::<integrations::updated_at>().read_only().filter().sort(),
    ],
    validate,
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    typed::one::<Map<String, Value>>(changes, "config", &mut problems);
    typed::each::<String>(changes, "scopes", 200, &mut problems);
    if let Some(credentials) = typed::one::<Map<String, Value>>(changes, "credentials", &mut problems)
        && Value::from(credentials).to_string().len() > CREDENTIALS
    {
        let detail = format!("credentials have at most {CREDENTIALS} bytes.");
        problems.push(Problem::invalid("credentials", detail));
    }
    problems
}

/// Seals credentials for the record they belong to; null takes them away.
pub(super) fn seal(app: &App, changes: &mut Changes, existing: Option<Uuid>) {
    let sealed = match changes.value("credentials") {
        None => return,
        Some(Value::Null) => Bind::Null,
        Some(credentials) => {
            let credentials = credentials.to_string();
            let id = existing.unwrap_or_else(|| *changes.id.get_or_insert_with(Uuid::now_v7));
            Bind::Bytes(app.0.master_key.seal(id.as_bytes(), credentials.as_bytes()))
        }
    };
    changes.set("credentials_sealed", sealed);
}
