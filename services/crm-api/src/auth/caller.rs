//! The caller of a request: a user by a session, or another service by a token of seconds.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::LocalBoxFuture;
use pulse_domain::{WorkspaceId, token};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Act;
use pulse_service::credential::Refused;
use pulse_service::http::Origin;
use pulse_store::schema::user_sessions;
use uuid::Uuid;

use crate::{App, Error};

/// A session's `last_seen_at` is written again after this long.
const SEEN: TimeDelta = TimeDelta::minutes(1);

/// In whose name a request acts.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The user, where the caller is one.
    pub user: Option<Uuid>,
    /// The session, where the caller is a user.
    pub session: Option<Uuid>,
    /// Ties together what the request sets in motion.
    pub correlation_id: Uuid,
}

impl Caller {
    /// What the engine wants to know.
    #[must_use]
    pub const fn act(&self) -> Act {
        Act { workspace: self.workspace, correlation_id: self.correlation_id }
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let origin = request.extensions().get::<Origin>().cloned();
        let token = bearer(request).map(str::to_owned);
        Box::pin(async move {
            let (Some(app), Some(origin)) = (app, origin) else {
                return Err(anyhow::anyhow!("the application is not configured").into());
            };
            let Some(token) = token else {
                let detail = "Sign in, and send the token as `Authorization: Bearer …`.";
                return Err(Problem::new(Code::Unauthenticated, detail).at_header("Authorization").into());
            };
            identify(&app, &origin, &token).await
        })
    }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

async fn identify(app: &App, origin: &Origin, token: &str) -> Result<Caller, Error> {
    let refuse = |code, detail| Err(Problem::new(code, detail).at_header("Authorization").into());
    if let Ok(internal) = app.0.internal_key.verify(token) {
        return Ok(Caller {
            workspace: internal.workspace,
            user: None,
            session: None,
            correlation_id: internal.correlation,
        });
    }
    let claims = match app.0.session_key.verify(token) {
        Ok(claims) => claims,
        Err(Refused::Expired) => {
            return refuse(Code::SessionExpired, "The session has expired. Sign in again.");
        }
        Err(Refused::Invalid) => return refuse(Code::InvalidToken, "The token is not one of ours."),
    };
    let mut connection = app.0.pool.get().await?;
    let digest = token::digest(&claims.jti.to_string());
    let found: Option<(Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = user_sessions::table
        .filter(user_sessions::jti_digest.eq(digest.as_slice()))
        .filter(user_sessions::workspace_id.eq(claims.workspace.0))
        .select((user_sessions::id, user_sessions::last_seen_at, user_sessions::revoked_at))
        .first(&mut connection)
        .await
        .optional()?;
    let now = Utc::now();
    match found {
        None => refuse(Code::InvalidToken, "There is no such session."),
        Some((_, _, Some(_))) => refuse(Code::SessionRevoked, "The session was ended. Sign in again."),
        Some((id, seen, None)) => {
            if now - seen > SEEN {
                diesel::update(user_sessions::table.find((claims.workspace.0, id)))
                    .set(user_sessions::last_seen_at.eq(now))
                    .execute(&mut connection)
                    .await?;
            }
            Ok(Caller {
                workspace: claims.workspace,
                user: Some(claims.sub),
                session: Some(id),
                correlation_id: origin.correlation_id,
            })
        }
    }
}
