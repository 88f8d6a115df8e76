//! The public address of a form: found by a key that cannot be guessed, open to pages of the origins it allows.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_store::schema::forms;
use serde_json::{Value, json};
use uuid::Uuid;

use super::field::Field;
use super::{Spam, Success, stored, submit};
use crate::operation::{Answer, Body, Operation, Verb};
use crate::{App, Error, answer};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "show_public_form",
        summary: "What a form asks",
        verb: Verb::Get,
        path: "/forms/{key}",
        public: true,
        answers: &[Answer::Meta(200, || json!({ "type": "object" }))],
        handler: || web::to(show),
        ..Operation::DEFAULT
    },
    Operation {
        id: "allow_public_form",
        summary: "What browsers ask before they show a form",
        verb: Verb::Options,
        ..PREFLIGHT
    },
    Operation { id: "allow_form_submission", path: "/forms/{key}/submissions", ..PREFLIGHT },
    Operation {
        id: "submit_form",
        summary: "Send a form",
        description: "Answers by the keys of fields. Names that begin with `_` are what the page says of itself. \
                      `application/x-www-form-urlencoded` is read too, and answered by a redirect where the form has \
                      one. What comes again under the same `_idempotency_key` or `Idempotency-Key` is not stored again.",
        path: "/forms/{key}/submissions",
        public: true,
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": {
                    "_page_url": { "type": "string" },
                    "_referrer": { "type": "string" },
                    "_session_id": { "type": "string" },
                    "_visitor_fingerprint": { "type": "string" },
                    "_consent": { "type": ["string", "boolean"] },
                    "_idempotency_key": { "type": "string" },
                    "_elapsed_seconds": { "type": "number" },
                },
                "additionalProperties": true,
            })
        }),
        answers: &[Answer::Meta(201, stored_meta), Answer::Meta(200, stored_meta)],
        refusals: &[Code::Forbidden, Code::StateConflict, Code::RateLimited],
        handler: || web::to(submit::submit),
        ..Operation::DEFAULT
    },
];

const PREFLIGHT: Operation = Operation {
    id: "allow_public_form",
    summary: "What browsers ask before they send a form",
    verb: Verb::Options,
    path: "/forms/{key}",
    public: true,
    answers: &[Answer::Empty(204)],
    refusals: &[Code::Forbidden],
    handler: || web::to(preflight),
    ..Operation::DEFAULT
};

fn stored_meta() -> Value {
    json!({
        "type": "object",
        "required": ["submission_id", "message", "redirect_url"],
        "properties": {
            "submission_id": { "type": "string", "format": "uuid" },
            "message": { "type": ["string", "null"] },
            "redirect_url": { "type": ["string", "null"] },
        },
    })
}

/// A form that somebody has the key of.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = forms)]
pub(super) struct Form {
    pub(super) workspace_id: Uuid,
    pub(super) id: Uuid,
    name: Option<String>,
    fields: Value,
    status: String,
    pub(super) creates: String,
    pub(super) dedupe_by: String,
    spam: Value,
    allowed_origins: Value,
    success: Value,
    pub(super) lock_version: i32,
}

impl Form {
    /// The form at the address of a request, which a page of its origin may use.
    ///
    /// # Errors
    /// When there is none that has been published, or the origin is not allowed.
    pub(super) async fn open(app: &App, request: &HttpRequest) -> Result<Self, Error> {
        let mut connection = app.0.pool.get().await?;
        let form: Option<Self> = forms::table
            .filter(forms::public_key.eq(request.match_info().query("key")))
            .filter(forms::deleted_at.is_null())
            .filter(forms::status.ne("draft"))
            .select(Self::as_select())
            .first(&mut connection)
            .await
            .optional()?;
        let form = form.ok_or_else(|| Problem::new(Code::NotFound, "There is no such form."))?;
        let allowed: Vec<String> = stored(&form.allowed_origins);
        match origin(request) {
            Some(origin) if !allowed.is_empty() && !allowed.contains(&origin) => {
                let detail = format!("The form does not take what pages of {origin} send.");
                Err(Problem::new(Code::Forbidden, detail).at_header("Origin").into())
            }
            _ => Ok(form),
        }
    }

    /// Refuses what comes after the form was closed.
    ///
    /// # Errors
    /// 409.
    pub(super) fn require_live(&self) -> Result<(), Error> {
        if self.status == "live" {
            return Ok(());
        }
        Err(Problem::new(Code::StateConflict, "The form is closed.").into())
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        stored(&self.fields)
    }

    pub(super) fn spam(&self) -> Spam {
        stored(&self.spam)
    }

    pub(super) fn success(&self) -> Success {
        stored(&self.success)
    }
}

fn origin(request: &HttpRequest) -> Option<String> {
    Some(request.headers().get(header::ORIGIN)?.to_str().ok()?.to_owned())
}

/// Lets the page that asked read an answer, also one that tells it what is wrong. Origins that a form does not allow
/// are answered without, so that their pages learn nothing.
pub(super) fn readable(request: &HttpRequest, answer: Result<HttpResponse, Error>) -> HttpResponse {
    let refused = matches!(&answer, Err(Error::Rejected(problems))
        if problems.iter().any(|problem| problem.code == Code::Forbidden));
    let mut response = answer.unwrap_or_else(|error| error.error_response());
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request.headers().get(header::ORIGIN).filter(|_| !refused) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    }
    response
}

/// The answer to a preflight. It is not counted, since a browser that is refused here sends nothing at all.
async fn preflight(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let answer = Form::open(&app, &request).await.map(|_| {
        HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, idempotency-key"))
            // Ten minutes: a form may be closed to an origin.
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish()
    });
    readable(&request, answer)
}

/// What a page needs to show the form.
async fn show(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let answer = Form::open(&app, &request).await.map(|form| {
        let meta = json!({
            "name": form.name,
            "open": form.require_live().is_ok(),
            "fields": form.fields(),
            "honeypot": form.spam().honeypot,
        });
        let links = Links::new(request.path());
        answer::document(StatusCode::OK, Writer::meta_only(&links).finish(Some(&meta)))
    });
    readable(&request, answer)
}
