//! Operations besides CRUD. Each is declared once, beside its handler; its route and its documentation both follow from
//! that, so a handler that is not documented cannot be reached.

pub(crate) mod form;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpRequest, Route, web};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Deed, Resource};
use serde_json::Value;

use crate::auth::Bearer;
use crate::limits::Bucket;
use crate::policy::Need;
use crate::resources::RESOURCES;
use crate::{App, Error, answer};

/// What can be asked for at one address with one method.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name in generated clients, unique in the API: `start_sequence`.
    pub(crate) id: &'static str,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// What else its users must know; may be empty.
    pub(crate) description: &'static str,
    /// The method.
    pub(crate) verb: Verb,
    /// Where it is, below the root it is mounted at: `/sequences/{id}/start`.
    pub(crate) path: &'static str,
    /// Whether it is open to everybody.
    pub(crate) public: bool,
    /// What it takes to do it, where that does not follow from its address; see [`Operation::need`].
    pub(crate) right: Option<(&'static Resource, Deed)>,
    /// What it is sent.
    pub(crate) body: Body,
    /// Whether its handler reads query parameters; they are refused otherwise. Where a record is made, `include` and
    /// `fields` are always read.
    pub(crate) parameters: bool,
    /// What it answers when it has done what was asked.
    pub(crate) answers: &'static [Answer],
    /// Headers of those answers, with what they say.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// What it is refused with, beside what any request of its kind can be: a parameter, a document or an id at fault.
    pub(crate) refusals: &'static [Code],
    /// The limit that it counts against, where that does not follow from its method.
    pub(crate) bucket: Option<Bucket>,
    /// The handler: `|| web::to(start)`.
    pub(crate) handler: fn() -> Route,
}

/// The methods that operations have. `GET` answers `HEAD` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Delete,
    /// What browsers ask before they send something to another origin.
    Options,
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// Nothing.
    Nothing,
    /// The document of a new record.
    NewRecord(&'static Resource),
    /// Attributes of a record.
    Form(&'static form::Form),
    /// JSON of this schema.
    Json(fn() -> Value),
}

/// A status and the document that comes with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// One record.
    Record(u16, &'static Resource),
    /// A document whose `data` has this schema: what is shown is no record of a resource.
    Data(u16, fn() -> Value),
    /// A document whose `meta` has this schema, and no data.
    Meta(u16, fn() -> Value),
    /// JSON of this schema that is no document of JSON:API: others have said what it looks like.
    Plain(u16, fn() -> Value),
    /// No document.
    Empty(u16),
}

impl Operation {
    /// What most operations share.
    pub(crate) const DEFAULT: Self = Self {
        id: "",
        summary: "",
        description: "",
        verb: Verb::Post,
        path: "",
        public: false,
        right: None,
        body: Body::Nothing,
        parameters: false,
        answers: &[],
        headers: &[],
        refusals: &[],
        bucket: None,
        handler: || web::to(answer::no_such_path),
    };

    /// What must be shown for it to be done. At the address of a resource that is the right to read its records, to
    /// create or delete one where it stands in for that, and to change one otherwise; anywhere else it is a session.
    pub(crate) fn need(&self) -> Need {
        if self.public {
            return Need::Nothing;
        }
        match (self.right, self.resource(), self.verb, self.body) {
            (Some((resource, deed)), ..) => Need::Right(resource, deed),
            (None, None, ..) => Need::Session,
            (None, Some(resource), Verb::Get | Verb::Options, _) => Need::Right(resource, Deed::Read),
            (None, Some(_), Verb::Post, Body::NewRecord(made)) => Need::Right(made, Deed::Create),
            (None, Some(resource), Verb::Post, _) => Need::Right(resource, Deed::Change),
            (None, Some(resource), Verb::Delete, _) => Need::Right(resource, Deed::Delete),
        }
    }

    /// The resource whose address it stands at.
    pub(crate) fn resource(&self) -> Option<&'static Resource> {
        let path = self.path.strip_prefix('/')?;
        RESOURCES.iter().copied().find(|resource| {
            path.strip_prefix(resource.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl Verb {
    /// Its name, as an `Allow` header has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether it is this method.
    pub(crate) fn is(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
            Self::Delete => *method == Method::DELETE,
            Self::Options => *method == Method::OPTIONS,
        }
    }

    fn guard(self) -> impl guard::Guard {
        guard::fn_guard(move |request: &GuardContext<'_>| self.is(&request.head().method))
    }
}

/// Refuses whoever may not do it, and parameters that its handler does not read, before the handler runs.
async fn permitted(
    operation: &'static Operation,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<EitherBody<BoxBody>>, actix_web::Error> {
    match permit(operation, &mut request).await {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(refused) => Ok(request.error_response(refused).map_into_right_body()),
    }
}

async fn permit(operation: &'static Operation, request: &mut ServiceRequest) -> Result<(), Error> {
    match operation.need() {
        Need::Nothing => {}
        Need::Session => {
            if !request.extract::<Bearer>().await?.has_session() {
                return Err(Problem::new(Code::Forbidden, "This takes a session of a user: sign in.").into());
            }
        }
        Need::Right(resource, deed) => {
            let bearer = request.extract::<Bearer>().await?;
            if let Some(app) = request.app_data::<web::Data<App>>() {
                app.engine().permit(bearer.act(), resource, deed).await?;
            }
        }
    }
    if !operation.parameters && !matches!(operation.body, Body::NewRecord(_)) {
        answer::no_parameters(request.request())?;
    }
    Ok(())
}

/// The routes of operations. One that stands at the address of a collection or of its records replaces what is done
/// there for every resource with that method, and leaves it the others.
pub(crate) fn routes(config: &mut web::ServiceConfig, operations: &'static [Operation]) {
    for (index, operation) in operations.iter().enumerate() {
        if operations[..index].iter().any(|earlier| earlier.path == operation.path) {
            continue;
        }
        let here: Vec<_> = operations.iter().filter(|other| other.path == operation.path).collect();
        let verbs: Vec<_> = here.iter().map(|operation| operation.verb).collect();
        let mut resource = web::resource(operation.path);
        for operation in here {
            let route = (operation.handler)();
            let route = route.wrap(from_fn(move |request, next| permitted(operation, request, next)));
            resource = resource.route(route.guard(operation.verb.guard()));
        }
        let shared = RESOURCES.iter().any(|known| {
            let rest = operation.path.strip_prefix('/').and_then(|path| path.strip_prefix(known.path()));
            matches!(rest, Some("" | "/{id}"))
        });
        config.service(if shared {
            resource.guard(guard::fn_guard(move |request: &GuardContext<'_>| {
                verbs.iter().any(|verb| verb.is(&request.head().method))
            }))
        } else {
            let allow = verbs.iter().map(|verb| verb.name()).collect::<Vec<_>>().join(", ");
            resource.default_service(web::to(move |request: HttpRequest| {
                let refused = answer::not_allowed(&request, &allow);
                async move { refused }
            }))
        });
    }
}
