//! The caller of a request: a user by a session, a program by an API token of a user, or another service by a token of
//! seconds.
//!
//! A handler that asks for a [`Caller`] is given one whose session has been looked up. One that asks for a [`Bearer`]
//! is given no more than what the token of a session says; all that it can do with that is to hand it to the engine, which
//! looks the session up along with its first statement. So neither can forget to. What a caller may do is part of what
//! the engine is handed: a session's token says what its user is, and is refused once that is no longer so. An API token
//! says nothing of the kind, so it is looked up before.

use std::sync::{Arc, OnceLock};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::LocalBoxFuture;
use pulse_domain::{Role, WorkspaceId, token};
use pulse_jsonapi::Code;
use pulse_resource::act::Checking;
use pulse_resource::{Act, Actor, Cause, Guard};
use pulse_service::http::Origin;
use pulse_store::schema::user_sessions;
use uuid::Uuid;

use super::credential::{Credential, refused};
use super::lookup::{self, Digest, Lookup};
use crate::policy::{Party, Permit};
use crate::{App, Error, once};

/// A session's `last_seen_at` is written again after this long.
const SEEN: TimeDelta = TimeDelta::minutes(1);

/// In whose name a request acts.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The user, where the caller is one.
    pub user: Option<Uuid>,
    /// The session, where the caller is a user.
    pub session: Option<Uuid>,
    act: Act,
}

impl Caller {
    /// What the engine wants to know.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let app = app.ok_or_else(|| anyhow::anyhow!("the application is not configured"))?;
            Bearer::of(&request).await?.proven(&app).await
        })
    }
}

/// Somebody who shows a token of ours, which is all that is known of them.
#[derive(Clone, Debug)]
pub struct Bearer {
    workspace: WorkspaceId,
    user: Option<Uuid>,
    session: Option<Arc<Session>>,
    act: Act,
}

impl Bearer {
    /// What the engine wants to know, with the session as its guard.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }

    /// Has every write of the request commit along with the claim that it is executed under.
    pub(crate) fn bind(request: &HttpRequest, claim: Arc<once::Claim>) {
        if let Some(bearer) = request.extensions_mut().get_mut::<Self>() {
            bearer.act = bearer.act.clone().witnessed(claim);
        }
    }

    /// Whether it is somebody who is signed in, and not a program.
    pub(crate) const fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// The answer, given to a session that is good alone. Where nothing was read or written, as in most refusals, this
    /// is where that is found out.
    ///
    /// # Errors
    /// When the session is not good, or the answer is an error.
    pub(crate) async fn answer(
        self,
        app: &App,
        answer: Result<HttpResponse, Error>,
    ) -> Result<HttpResponse, Error> {
        match &self.session {
            Some(session) if session.is_to_be_asked_for() || session.is_to_be_seen() => {
                self.proven(app).await?;
                answer
            }
            _ => answer,
        }
    }

    /// Looks the session up, unless that was done already, and notes that it was seen.
    ///
    /// # Errors
    /// When the session is not good.
    pub(crate) async fn proven(self, app: &App) -> Result<Caller, Error> {
        let Self { workspace, user, session, act } = self;
        let mut id = None;
        if let Some(session) = session {
            session.check().await?;
            if session.is_to_be_seen() {
                session.see(app).await?;
            }
            id = session.found.get().map(|(id, _)| *id);
        }
        Ok(Caller { workspace, user, session: id, act: act.unguarded() })
    }

    /// Who shows what a request shows. It is found out once for each request.
    async fn of(request: &HttpRequest) -> Result<Self, Error> {
        let known = request.extensions().get::<Self>().cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let bearer = Self::read(request).await?;
        request.extensions_mut().insert(bearer.clone());
        Ok(bearer)
    }

    async fn read(request: &HttpRequest) -> Result<Self, Error> {
        let app = request.app_data::<web::Data<App>>();
        let origin = request.extensions().get::<Origin>().cloned();
        let Some((app, origin)) = app.zip(origin) else {
            return Err(anyhow::anyhow!("the application is not configured").into());
        };
        let claims = match &*Credential::of(request) {
            Credential::Session(claims) => claims.clone(),
            Credential::Token(digest) => return Self::program(app, *digest, origin).await,
            Credential::Service(internal) => {
                let act = Act::new(internal.workspace, Actor::Workflow, internal.correlation)
                    .requested(origin.request_id, origin.client)
                    .because(internal.run.map(Cause::Run))
                    .allowed(Permit::of(Party::Workflow));
                return Ok(Self { workspace: internal.workspace, user: None, session: None, act });
            }
            Credential::Nothing => {
                let detail = "Sign in, and send the token as `Authorization: Bearer …`.";
                return Err(refused(Code::Unauthenticated, detail).into());
            }
            Credential::Refused(problem) => return Err(problem.clone().into()),
        };
        let (workspace, user) = (claims.workspace, claims.sub);
        let session = Arc::new(Session {
            workspace,
            role: claims.role,
            digest: token::digest(&claims.jti.to_string()),
            lookup: app.0.sessions.clone(),
            idle: TimeDelta::hours(i64::from(app.0.settings.session.idle_hours)),
            found: OnceLock::new(),
        });
        let act = Act::new(workspace, Actor::User(user), origin.correlation_id)
            .requested(origin.request_id, origin.client)
            .allowed(Permit::of(Party::User(claims.role)))
            .sent_by(origin.user_agent)
            .guarded(session.clone());
        Ok(Self { workspace, user: Some(user), session: Some(session), act })
    }

    /// A program that shows an API token.
    async fn program(app: &App, digest: Digest, origin: Origin) -> Result<Self, Error> {
        let Some(token) = app.0.api_tokens.find(digest).await? else {
            return Err(refused(Code::InvalidToken, "There is no such token.").into());
        };
        let now = Utc::now();
        let permit = token.permit(origin.client, now)?;
        app.0.uses.note(&token, now, origin.client);
        let workspace = WorkspaceId(token.workspace);
        let act = Act::new(workspace, Actor::User(token.user), origin.correlation_id)
            .requested(origin.request_id, origin.client)
            .sent_by(origin.user_agent)
            .by_token(token.id)
            .allowed(permit);
        Ok(Self { workspace, user: Some(token.user), session: None, act })
    }
}

impl FromRequest for Bearer {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

/// The session that a token names.
#[derive(Debug)]
struct Session {
    workspace: WorkspaceId,
    /// What the token says that the user is.
    role: Role,
    digest: Digest,
    lookup: Arc<Lookup<lookup::Session>>,
    /// How long it may go without being seen.
    idle: TimeDelta,
    /// Its id and when it was seen last, once it was found to be good.
    found: OnceLock<(Uuid, DateTime<Utc>)>,
}

impl Session {
    fn is_to_be_asked_for(&self) -> bool {
        self.found.get().is_none()
    }

    /// Whether it was found to be good, and was not seen for a while.
    fn is_to_be_seen(&self) -> bool {
        self.found.get().is_some_and(|(_, seen)| Utc::now() - seen > SEEN)
    }

    async fn see(&self, app: &App) -> Result<(), Error> {
        if let Some((id, _)) = self.found.get() {
            diesel::update(user_sessions::table.find((self.workspace.0, id)))
                .set(user_sessions::last_seen_at.eq(Utc::now()))
                .execute(&mut app.0.pool.get().await?)
                .await?;
        }
        Ok(())
    }
}

impl Guard for Session {
    fn check(&self) -> Checking<'_> {
        Box::pin(async move {
            if !self.is_to_be_asked_for() {
                return Ok(());
            }
            let stored = self.lookup.find(self.digest).await?;
            let refused = match stored.filter(|stored| stored.workspace == self.workspace.0) {
                Some(stored) if stored.revoked.is_some() => {
                    refused(Code::SessionRevoked, "The session was ended. Sign in again.")
                }
                Some(stored) if !stored.active || stored.deleted.is_some() => {
                    refused(Code::SessionRevoked, "The user may not sign in any more.")
                }
                Some(stored) if stored.role != self.role.name() => {
                    let detail = "The user's role has changed. Refresh the token, or sign in again.";
                    refused(Code::SessionStale, detail)
                }
                Some(stored) if Utc::now() - stored.seen >= self.idle => {
                    refused(Code::SessionExpired, "The session was not used for too long. Sign in again.")
                }
                Some(stored) => {
                    self.found.get_or_init(|| (stored.id, stored.seen));
                    return Ok(());
                }
                None => refused(Code::InvalidToken, "There is no such session."),
            };
            Err(refused.into())
        })
    }
}
