//! The next access token of a session, for its refresh token. Each refresh token is good once, and its successor comes
//! with the answer; one that is sent again, after a moment of grace, has been stolen by somebody, so the session ends.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::refresh::RefreshToken;
use pulse_domain::{WorkspaceId, token};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::write::Transaction;
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::user_sessions;
use serde_json::{Value, json};
use uuid::Uuid;

use super::device::Device;
use super::form::Form;
use super::revocation;
use super::session::{self, Grant};
use crate::{App, Error, settings};

/// The schema of what it is sent.
pub(super) fn form() -> Value {
    json!({
        "type": "object",
        "required": ["refresh_token"],
        "properties": { "refresh_token": { "type": "string", "minLength": 1, "maxLength": 255 } },
    })
}

/// A session, as it is stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = user_sessions)]
struct Stored {
    refresh_digest: Vec<u8>,
    refreshed_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// What a refresh token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// Its successor.
    Successor,
    /// Its successor once more: the answer that it was in may have been lost.
    SameAgain,
    /// Nothing: it was used long ago, by the user or by a thief.
    Stolen,
    /// Nothing: the session has been ended.
    Revoked,
    /// Nothing: the session is over.
    Expired,
}

impl Stored {
    fn worth(
        &self,
        token: &RefreshToken,
        successor: &RefreshToken,
        settings: settings::Session,
        now: DateTime<Utc>,
    ) -> Worth {
        let idle = TimeDelta::hours(i64::from(settings.idle_hours));
        let grace = TimeDelta::seconds(i64::from(settings.refresh_grace_seconds));
        if self.revoked_at.is_some() {
            Worth::Revoked
        } else if now >= self.expires_at || now - self.last_seen_at >= idle {
            Worth::Expired
        } else if self.refresh_digest == token.digest() {
            Worth::Successor
        } else if self.refresh_digest == successor.digest() && now - self.refreshed_at < grace {
            Worth::SameAgain
        } else {
            Worth::Stolen
        }
    }
}

pub(super) async fn refresh(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let text = form.text("refresh_token", 255);
    let at = form.pointer("refresh_token");
    form.finish()?;
    let refused = |code, detail: &str| Error::from(Problem::new(code, detail).at_pointer(&at));
    let unknown = || refused(Code::InvalidToken, "This is not a refresh token of ours.");
    let token = RefreshToken::parse(&text).ok_or_else(unknown)?;
    let found: Option<(Uuid, Uuid, Uuid, DateTime<Utc>)> = user_sessions::table
        .filter(user_sessions::jti_digest.eq(token::digest(&token.jti.to_string()).as_slice()))
        .select((
            user_sessions::workspace_id,
            user_sessions::user_id,
            user_sessions::id,
            user_sessions::expires_at,
        ))
        .first(&mut app.0.pool.get().await?)
        .await
        .optional()?;
    let (workspace, user, id, expires_at) = found.ok_or_else(unknown)?;
    let workspace = WorkspaceId(workspace);
    let act = session::act(workspace, user, &origin);
    let successor = token.next(&app.0.refresh_key);
    let device = Device::of(&request, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let worth = exchange(&app, &mut transaction, id, (&token, &successor), &device).await;
    match app.engine().end(transaction, worth, &act, None).await? {
        Worth::Successor | Worth::SameAgain => {
            let grant = Grant { workspace, user, id, expires_at, refresh: successor };
            session::answer(&app, &origin, StatusCode::OK, grant).await
        }
        Worth::Stolen => {
            let detail = "The token was used before, so somebody else may have it: the session was ended. Sign in again.";
            Err(refused(Code::SessionRevoked, detail))
        }
        Worth::Revoked => Err(refused(Code::SessionRevoked, "The session was ended. Sign in again.")),
        Worth::Expired => Err(refused(Code::SessionExpired, "The session is over. Sign in again.")),
    }
}

/// Finds out what a token is worth, and does what follows from that.
async fn exchange(
    app: &App,
    transaction: &mut Transaction,
    id: Uuid,
    (token, successor): (&RefreshToken, &RefreshToken),
    device: &Device,
) -> Result<Worth, pulse_resource::Error> {
    let session = user_sessions::table.find((transaction.workspace().0, id));
    // Who sends one token twice at once takes turns.
    let stored = session.for_no_key_update().select(Stored::as_select());
    let stored: Stored = stored.first(transaction.connection()).await?;
    let now = Utc::now();
    let worth = stored.worth(token, successor, app.0.settings.session, now);
    match worth {
        Worth::Successor => {
            diesel::update(session)
                .set((
                    user_sessions::refresh_digest.eq(successor.digest().as_slice()),
                    user_sessions::refreshed_at.eq(now),
                    user_sessions::last_seen_at.eq(now),
                    user_sessions::ip.eq(&device.ip),
                    user_sessions::user_agent.eq(&device.user_agent),
                    user_sessions::device.eq(&device.name),
                ))
                .execute(transaction.connection())
                .await?;
        }
        Worth::Stolen => {
            revocation::end(transaction, id, Action::ReuseRefreshToken).await?;
        }
        Worth::SameAgain | Worth::Revoked | Worth::Expired => {}
    }
    Ok(worth)
}

#[cfg(test)]
mod tests {
    use pulse_domain::refresh::RefreshKey;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const SETTINGS: settings::Session = settings::Session {
        access_minutes: 15,
        idle_hours: 2,
        lifetime_hours: 10,
        refresh_grace_seconds: 30,
        insecure_cookies: false,
    };

    #[test]
    fn a_token_is_worth_its_successor_once_and_a_moment_longer() {
        let key = RefreshKey::of_master(KEY).expect("a key");
        let now = Utc::now();
        let first = RefreshToken::generate(Uuid::new_v4());
        let (second, third) = (first.next(&key), first.next(&key).next(&key));
        let stored = |token: &RefreshToken, seconds: i64| Stored {
            refresh_digest: token.digest().to_vec(),
            refreshed_at: now - TimeDelta::seconds(seconds),
            last_seen_at: now - TimeDelta::seconds(seconds),
            expires_at: now + TimeDelta::hours(1),
            revoked_at: None,
        };
        let worth = |stored: &Stored| stored.worth(&first, &second, SETTINGS, now);
        assert_eq!(worth(&stored(&first, 7_199)), Worth::Successor);
        assert_eq!(worth(&stored(&first, 7_200)), Worth::Expired);
        assert_eq!(worth(&stored(&second, 29)), Worth::SameAgain);
        assert_eq!(worth(&stored(&second, 30)), Worth::Stolen);
        assert_eq!(worth(&stored(&third, 0)), Worth::Stolen);
        assert_eq!(worth(&Stored { expires_at: now, ..stored(&first, 0) }), Worth::Expired);
        assert_eq!(worth(&Stored { revoked_at: Some(now), ..stored(&first, 0) }), Worth::Revoked);
    }
}
