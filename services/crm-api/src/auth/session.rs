//! Opening a session, and the answer that tells of it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::claims::{SESSION_AUDIENCE, Session};
use pulse_domain::{WorkspaceId, token};
use pulse_resource::{Act, Actor};
use pulse_service::http::Origin;
use pulse_store::schema::{user_sessions, users};
use uuid::Uuid;

use crate::resources::user_sessions::USER_SESSIONS;
use crate::{App, Error, answer};

/// A user agent is kept up to this many characters.
const USER_AGENT: usize = 255;

/// What a session is opened from.
pub(super) struct Device {
    ip: String,
    user_agent: Option<String>,
}

impl Device {
    /// The device of a request.
    pub(super) fn of(request: &HttpRequest, origin: &Origin) -> Self {
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self {
            ip: origin.client.to_string(),
            user_agent: agent.map(|agent| agent.chars().take(USER_AGENT).collect()),
        }
    }
}

/// A session that has been written.
pub(super) struct Opened {
    pub(super) workspace: WorkspaceId,
    pub(super) id: Uuid,
    token: String,
}

/// Writes the row of a session.
pub(super) async fn open(
    app: &App,
    connection: &mut AsyncPgConnection,
    device: &Device,
    workspace: WorkspaceId,
    user: Uuid,
) -> Result<Opened, Error> {
    let now = Utc::now();
    let expires_at = now + TimeDelta::hours(i64::from(app.0.settings.session.lifetime_hours));
    // Known to the token's owner alone, so it is random throughout and not time-ordered.
    let jti = Uuid::new_v4();
    let id = Uuid::now_v7();
    diesel::insert_into(user_sessions::table)
        .values((
            user_sessions::workspace_id.eq(workspace.0),
            user_sessions::id.eq(id),
            user_sessions::user_id.eq(user),
            user_sessions::jti_digest.eq(token::digest(&jti.to_string()).as_slice()),
            user_sessions::ip.eq(&device.ip),
            user_sessions::user_agent.eq(&device.user_agent),
            user_sessions::expires_at.eq(expires_at),
        ))
        .execute(connection)
        .await?;
    diesel::update(users::table.find((workspace.0, user)))
        .set(users::last_signed_in_at.eq(now))
        .execute(connection)
        .await?;
    let token = app.0.session_key.sign(&Session {
        aud: SESSION_AUDIENCE.into(),
        sub: user,
        workspace,
        jti,
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
    })?;
    Ok(Opened { workspace, id, token })
}

/// The session document, with the token in `Authorization`, which browsers of other origins may read.
pub(super) async fn answer(app: &App, origin: &Origin, opened: Opened) -> Result<HttpResponse, Error> {
    let act = Act::new(opened.workspace, Actor::System, origin.correlation_id);
    let record = app.engine().record(&act, &USER_SESSIONS, opened.id).await?;
    let mut response = answer::record(StatusCode::CREATED, &record, None);
    let bearer = header::HeaderValue::from_str(&format!("Bearer {}", opened.token));
    response.headers_mut().insert(header::AUTHORIZATION, bearer.map_err(anyhow::Error::from)?);
    let expose = header::HeaderValue::from_static("Authorization");
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose);
    Ok(response)
}
