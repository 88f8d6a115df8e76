//! Keys of ed25519 that webhooks are signed with, for the subscriptions that ask for it. They are those of a workspace: with
//! one for all, whoever subscribes in another workspace could have events of their own signed as if they were yours.
//!
//! In reading order: this declaration; [`rotation`] replaces a key, [`key_set`] publishes those that are good.

mod key_set;
mod rotation;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_domain::signature::asymmetric::SigningKey;
use pulse_resource::{Actions, Resource, attribute};
use pulse_store::schema::webhook_signing_keys;
use uuid::Uuid;

use crate::App;
use crate::operation::Operation;

pub(crate) use key_set::PUBLIC_OPERATIONS;

/// The declaration.
pub(crate) static WEBHOOK_SIGNING_KEYS: Resource = Resource {
    name: "webhook_signing_keys",
    table: "webhook_signing_keys",
    attributes: &[
        attribute::<webhook_signing_keys::public_key>().read_only().filter(),
        attribute::<webhook_signing_keys::expires_at>().read_only().filter().sort(),
        attribute::<webhook_signing_keys::created_at>().read_only().filter().sort(),
        attribute::<webhook_signing_keys::updated_at>().read_only().filter().sort(),
    ],
    actions: Actions::NONE,
    trash: false,
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[rotation::ROTATE, rotation::PROMOTE, key_set::ADDRESS];

/// A key that no row has yet.
struct NewKey {
    id: Uuid,
    public: String,
    sealed: Vec<u8>,
}

impl NewKey {
    fn generate(app: &App) -> Self {
        let (id, seed) = (Uuid::now_v7(), SigningKey::generate());
        let key = SigningKey::from_seed(&seed).expect("what is generated is a seed");
        Self { id, public: key.verifying().to_string(), sealed: app.0.master_key.seal(id.as_bytes(), &seed) }
    }
}

/// Makes the key that a workspace begins with.
///
/// # Errors
/// Those of the database.
pub(crate) async fn create_first(
    app: &App,
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
) -> QueryResult<()> {
    let NewKey { id, public, sealed } = NewKey::generate(app);
    diesel::insert_into(webhook_signing_keys::table)
        .values((
            webhook_signing_keys::workspace_id.eq(workspace.0),
            webhook_signing_keys::id.eq(id),
            webhook_signing_keys::public_key.eq(public),
            webhook_signing_keys::private_key_sealed.eq(sealed),
        ))
        .execute(connection)
        .await?;
    Ok(())
}
