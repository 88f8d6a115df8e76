//! API tokens as credentials: what lets a program in, and what it may do then.

use std::collections::HashMap;
use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::Role;
use pulse_jsonapi::{Code, Problem};
use pulse_service::network::Networks;
use pulse_store::Pool;
use pulse_store::schema::{api_tokens, users};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::credential::refused;
use super::lookup::Stored;
use crate::policy::Permit;
use crate::policy::scopes::Scopes;

/// When tokens were used last is written so often.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// A token, with what its user is by now.
#[derive(Clone, Debug, Queryable)]
pub(crate) struct ApiToken {
    pub(super) workspace: Uuid,
    pub(super) id: Uuid,
    pub(super) user: Uuid,
    scopes: Value,
    cap: Option<String>,
    networks: Value,
    expires: Option<DateTime<Utc>>,
    revoked: Option<DateTime<Utc>>,
    deleted: Option<DateTime<Utc>>,
    role: String,
    user_is_active: bool,
    user_was_deleted: Option<DateTime<Utc>>,
}

impl Stored for ApiToken {
    async fn load(
        digests: Vec<&[u8]>,
        mut connection: &AsyncPgConnection,
    ) -> QueryResult<Vec<(Vec<u8>, Self)>> {
        let whose = users::workspace_id.eq(api_tokens::workspace_id).and(users::id.eq(api_tokens::user_id));
        api_tokens::table
            .inner_join(users::table.on(whose))
            .filter(api_tokens::token_digest.eq_any(digests))
            .select((
                api_tokens::token_digest,
                (
                    api_tokens::workspace_id,
                    api_tokens::id,
                    api_tokens::user_id,
                    api_tokens::scopes,
                    api_tokens::role_cap,
                    api_tokens::ip_allowlist,
                    api_tokens::expires_at,
                    api_tokens::revoked_at,
                    api_tokens::deleted_at,
                    users::role,
                    users::active,
                    users::deleted_at,
                ),
            ))
            .load(&mut connection)
            .await
    }
}

impl ApiToken {
    /// What a program may do that shows it, from an address at a time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn permit(&self, from: IpAddr, now: DateTime<Utc>) -> Result<Arc<Permit>, Problem> {
        let user_has_left = !self.user_is_active || self.user_was_deleted.is_some();
        if self.revoked.is_some() || self.deleted.is_some() || user_has_left {
            return Err(refused(Code::TokenRevoked, "The token was revoked, or its user has left."));
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err(refused(Code::TokenExpired, "The token has expired."));
        }
        // A network that cannot be read lets nobody in.
        let lies_in = |network: &str| network.parse().is_ok_and(|network: Networks| network.contains(from));
        let mut networks = texts(&self.networks).peekable();
        if networks.peek().is_some() && !networks.any(lies_in) {
            let detail = format!("The token does not work from {from}.");
            return Err(Problem::new(Code::AddressNotAllowed, detail));
        }
        // What is none is the least.
        let role = |name: &str| Role::named(name).unwrap_or(Role::Viewer);
        let role = self.cap.as_deref().map_or(Role::Owner, role).min(role(&self.role));
        Ok(Permit::of_token(role, Scopes::of(texts(&self.scopes))))
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// When and from where tokens were used last, as far as it is not written yet: a use costs no write.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<(Uuid, Uuid), Use>>);

type Use = (DateTime<Utc>, IpAddr);

impl Uses {
    pub(super) fn note(&self, token: &ApiToken, at: DateTime<Utc>, from: IpAddr) {
        self.unwritten().insert((token.workspace, token.id), (at, from));
    }

    /// Writes them, over and over, and once more when nothing is served any longer.
    pub(crate) async fn write(self: Arc<Self>, pool: Pool, drained: CancellationToken) {
        let mut turns = interval(WRITTEN_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut goes_on = true;
        while goes_on {
            goes_on = tokio::select! { _ = turns.tick() => true, () = drained.cancelled() => false };
            let uses = mem::take(&mut *self.unwritten());
            if let Err(error) = write(&pool, &uses).await {
                tracing::warn!(error = format!("{error:#}"), "cannot write when tokens were used");
                let mut unwritten = self.unwritten();
                for (token, used) in uses {
                    unwritten.entry(token).or_insert(used);
                }
            }
        }
    }

    fn unwritten(&self) -> std::sync::MutexGuard<'_, HashMap<(Uuid, Uuid), Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(pool: &Pool, uses: &HashMap<(Uuid, Uuid), Use>) -> anyhow::Result<()> {
    if uses.is_empty() {
        return Ok(());
    }
    let mut connection = pool.get().await?;
    for (token, (at, from)) in uses {
        // Another process may know of a later use.
        let earlier = api_tokens::last_used_at.is_null().or(api_tokens::last_used_at.lt(at));
        diesel::update(api_tokens::table.find(*token).filter(earlier))
            .set((api_tokens::last_used_at.eq(at), api_tokens::last_used_ip.eq(from.to_string())))
            .execute(&mut connection)
            .await?;
    }
    Ok(())
}
