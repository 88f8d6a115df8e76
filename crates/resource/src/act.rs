//! In whose name something is read or written, and what must hold for it.

use std::fmt::Debug;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use pulse_domain::WorkspaceId;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Error;
use crate::declare::Resource;
use crate::rights::{Everything, Nothing, Rights};
use crate::statement::json_text;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is signed in.
    User(Uuid),
    /// A service that runs a workflow.
    Workflow,
    /// The system by itself.
    System,
}

impl Actor {
    /// As the audit log has it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Workflow => "workflow",
            Self::System => "system",
        }
    }

    /// The user, where it is one.
    #[must_use]
    pub const fn id(self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id),
            Self::Workflow | Self::System => None,
        }
    }
}

/// What something is done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A run of a workflow.
    Run(Uuid),
}

impl Cause {
    /// As the audit log has it.
    #[must_use]
    pub fn json(self) -> Box<RawValue> {
        let json = match self {
            Self::Run(id) => serde_json::json!({ "run_id": id }),
        };
        json_text(&json)
    }
}

/// What must hold at the moment something is read or written, such as that a session has not been ended.
///
/// It is asked along with the first statement of the work, so that it costs no time of its own. What was read is thrown
/// away and what was written is taken back unless it holds.
pub trait Guard: Debug + Send + Sync {
    /// Asks, on a connection of its own: the work may have borrowed all others.
    fn check(&self) -> Checking<'_>;
}

/// What is written along with whatever is written in somebody's name, and can keep it from being committed.
pub trait Witness: Debug + Send + Sync {
    /// Writes its own part, in the transaction that is about to be committed; `created` is the first record that the
    /// transaction has made. An error takes the whole transaction back.
    fn committing<'a>(
        &'a self,
        connection: &'a mut AsyncPgConnection,
        created: Option<(&'static Resource, Uuid)>,
    ) -> Checking<'a>;
}

/// A question that is under way.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// In whose name something is read or written. Nothing can be learnt from it: it is only good for the engine, which
/// asks its guard.
#[derive(Clone, Debug)]
pub struct Act {
    /// The tenant; nothing outside of it can be reached.
    pub(crate) workspace: WorkspaceId,
    pub(crate) actor: Actor,
    /// Ties together what one request sets in motion.
    pub(crate) correlation_id: Uuid,
    /// The request, and where it came from.
    pub(crate) request: Option<(String, IpAddr)>,
    /// What sent it: its user agent.
    pub(crate) device: Option<String>,
    pub(crate) cause: Option<Cause>,
    /// The token of the user's that it is done by.
    pub(crate) token: Option<Uuid>,
    pub(crate) guard: Option<Arc<dyn Guard>>,
    pub(crate) rights: Arc<dyn Rights>,
    pub(crate) witness: Option<Arc<dyn Witness>>,
}

impl Act {
    /// Acts in a workspace. The system may do everything there, anybody else nothing, until [`Act::allowed`] says what.
    #[must_use]
    pub fn new(workspace: WorkspaceId, actor: Actor, correlation_id: Uuid) -> Self {
        let rights: Arc<dyn Rights> = match actor {
            Actor::System => Arc::new(Everything),
            Actor::User(_) | Actor::Workflow => Arc::new(Nothing),
        };
        Self {
            workspace,
            actor,
            correlation_id,
            request: None,
            device: None,
            cause: None,
            token: None,
            guard: None,
            rights,
            witness: None,
        }
    }

    /// The same with these rights.
    #[must_use]
    pub fn allowed(self, rights: Arc<dyn Rights>) -> Self {
        Self { rights, ..self }
    }

    /// The same, done by the house for who acts, who has proven otherwise that they may have it done.
    #[must_use]
    pub fn unlimited(self) -> Self {
        Self { rights: Arc::new(Everything), ..self }
    }

    /// The same, asked for by a request from an address.
    #[must_use]
    pub fn requested(self, id: String, from: IpAddr) -> Self {
        Self { request: Some((id, from)), ..self }
    }

    /// The same, sent by a program that calls itself so.
    #[must_use]
    pub fn sent_by(self, device: Option<String>) -> Self {
        Self { device, ..self }
    }

    /// The same, done by a program that shows this token of the user's.
    #[must_use]
    pub fn by_token(self, token: Uuid) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The same, done for something that goes on elsewhere.
    #[must_use]
    pub fn because(self, cause: Option<Cause>) -> Self {
        Self { cause, ..self }
    }

    /// The same, if something holds.
    #[must_use]
    pub fn guarded(self, guard: Arc<dyn Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// The same, where every write is witnessed.
    #[must_use]
    pub fn witnessed(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same, once it is known to hold.
    #[must_use]
    pub fn unguarded(self) -> Self {
        Self { guard: None, ..self }
    }

    /// Asks whether what must hold does.
    ///
    /// # Errors
    /// When it does not, or the database is away.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.guard {
            Some(guard) => guard.check().await,
            None => Ok(()),
        }
    }
}
