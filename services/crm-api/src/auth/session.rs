//! Opening a session, and the answer that hands its tokens over.
//!
//! A session has one identifier, the `jti`, which all of its tokens carry: access tokens of minutes, and the refresh
//! token that gets the next of them.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::claims::{COOKIE_AUDIENCE, ISSUER, SESSION_AUDIENCE, Session};
use pulse_domain::refresh::RefreshToken;
use pulse_domain::{Role, WorkspaceId, token};
use pulse_resource::write::Transaction;
use pulse_resource::{Act, Actor};
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::{user_sessions, users};
use serde_json::json;
use uuid::Uuid;

use super::cookie::Cookie;
use super::csrf;
use super::device::Device;
use crate::resources::user_sessions::USER_SESSIONS;
use crate::{App, Error, answer};

/// In whose name somebody acts who shows no token, but has proven to be a user by other means.
pub(super) fn act(workspace: WorkspaceId, user: Uuid, origin: &Origin) -> Act {
    Act::new(workspace, Actor::User(user), origin.correlation_id)
        .requested(origin.request_id.clone(), origin.client)
        .unlimited()
        .sent_by(origin.user_agent.clone())
}

/// What tokens are made of.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) workspace: WorkspaceId,
    pub(super) user: Uuid,
    /// The session.
    pub(super) id: Uuid,
    /// When the session ends.
    pub(super) expires_at: DateTime<Utc>,
    pub(super) refresh: RefreshToken,
}

/// Writes the row of a session.
pub(super) async fn open(
    app: &App,
    transaction: &mut Transaction,
    device: &Device,
    user: Uuid,
) -> Result<Grant, pulse_resource::Error> {
    let now = Utc::now();
    let expires_at = now + TimeDelta::hours(i64::from(app.0.settings.session.lifetime_hours));
    // Known to the token's owner alone, so it is random throughout and not time-ordered.
    let refresh = RefreshToken::generate(Uuid::new_v4());
    let (workspace, id) = (transaction.workspace(), Uuid::now_v7());
    diesel::insert_into(user_sessions::table)
        .values((
            user_sessions::workspace_id.eq(workspace.0),
            user_sessions::id.eq(id),
            user_sessions::user_id.eq(user),
            user_sessions::jti_digest.eq(token::digest(&refresh.jti.to_string()).as_slice()),
            user_sessions::refresh_digest.eq(refresh.digest().as_slice()),
            user_sessions::ip.eq(&device.ip),
            user_sessions::user_agent.eq(&device.user_agent),
            user_sessions::device.eq(&device.name),
            user_sessions::expires_at.eq(expires_at),
        ))
        .execute(transaction.connection())
        .await?;
    diesel::update(users::table.find((workspace.0, user)))
        .set(users::last_signed_in_at.eq(now))
        .execute(transaction.connection())
        .await?;
    transaction.log(Action::SignIn, &USER_SESSIONS, id, None).await?;
    Ok(Grant { workspace, user, id, expires_at, refresh })
}

/// What the user is by now.
async fn role(app: &App, grant: &Grant) -> Result<Role, Error> {
    let user = users::table.find((grant.workspace.0, grant.user));
    let role: String = user.select(users::role).first(&mut app.0.pool.get().await?).await?;
    Ok(Role::named(&role).ok_or_else(|| anyhow::anyhow!("the role {role} is none"))?)
}

/// The session document for a browser: its token is in a cookie that no script can read, and nothing else opens the
/// session. The token against cross-site requests comes with it.
pub(super) async fn answer_by_cookie(
    app: &App,
    origin: &Origin,
    status: StatusCode,
    grant: Grant,
) -> Result<HttpResponse, Error> {
    let token = app.0.session_keys.sign(&Session {
        iss: ISSUER.into(),
        aud: COOKIE_AUDIENCE.into(),
        sub: grant.user,
        workspace: grant.workspace,
        role: role(app, &grant).await?,
        jti: grant.refresh.jti,
        iat: Utc::now().timestamp(),
        exp: grant.expires_at.timestamp(),
    })?;
    let act = act(grant.workspace, grant.user, origin);
    let record = app.engine().record(&act, &USER_SESSIONS, grant.id).await?;
    let mut response = answer::record(status, &record, None);
    Cookie::Session.set(&mut response, &app.0.settings.session, &token, grant.expires_at)?;
    csrf::begin(app, &mut response, grant.refresh.jti)?;
    Ok(response)
}

/// The session document, with the access token in `Authorization`, which browsers of other origins may read, and the
/// refresh token in `meta`.
pub(super) async fn answer(
    app: &App,
    origin: &Origin,
    status: StatusCode,
    grant: Grant,
) -> Result<HttpResponse, Error> {
    let now = Utc::now();
    let minutes = TimeDelta::minutes(i64::from(app.0.settings.session.access_minutes));
    let expires_at = grant.expires_at.min(now + minutes);
    let token = app.0.session_keys.sign(&Session {
        iss: ISSUER.into(),
        aud: SESSION_AUDIENCE.into(),
        sub: grant.user,
        workspace: grant.workspace,
        role: role(app, &grant).await?,
        jti: grant.refresh.jti,
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
    })?;
    let act = act(grant.workspace, grant.user, origin);
    let record = app.engine().record(&act, &USER_SESSIONS, grant.id).await?;
    let meta = json!({
        "refresh_token": grant.refresh.text(),
        "token_expires_at": expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    });
    let mut response = answer::record(status, &record, Some(&meta));
    let bearer = header::HeaderValue::from_str(&format!("Bearer {token}"));
    response.headers_mut().insert(header::AUTHORIZATION, bearer.map_err(anyhow::Error::from)?);
    let expose = header::HeaderValue::from_static("Authorization");
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}
