//! What a change leaves behind besides the row: its event in the journal, and its line in the audit log.

use futures_util::future::try_join;
use pulse_domain::EventId;
use pulse_store::audit::{self, Action, Entry};
use pulse_store::journal::{self, NewEvent};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Transaction;
use crate::Error;
use crate::act::Cause;
use crate::declare::Resource;
use crate::render::Record;
use crate::statement::{Bind, json_text};

impl Transaction {
    /// Records a change: as an event, where it has a name in the catalogue, and in the audit log. Both are sent
    /// together.
    pub(super) async fn trace(
        &mut self,
        action: Action,
        kind: Option<&'static str>,
        record: &Record,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        let (resource, id) = (record.resource, record.id());
        try_join(self.append(kind, record, changes.clone()), self.log(action, resource, id, changes)).await?;
        Ok(())
    }

    /// Appends an event to the journal.
    pub(super) async fn append(
        &self,
        kind: Option<&'static str>,
        record: &Record,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        let Some(kind) = kind else { return Ok(()) };
        let event = NewEvent {
            id: EventId::generate(),
            workspace_id: self.act.workspace,
            kind,
            resource: record.resource.name,
            record_id: record.record_id(),
            data: record.flat(),
            changes,
            correlation_id: self.act.correlation_id,
        };
        journal::append(&self.connection, event).await?;
        Ok(())
    }

    /// Appends a line to the audit log, beside the one that every change leaves.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn log(
        &self,
        action: Action,
        resource: &Resource,
        id: Uuid,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        let (request_id, ip) = self.act.request.clone().unzip();
        let (actor_type, actor_id) = match self.act.token {
            Some(token) => ("token", Some(token)),
            None => (self.act.actor.kind(), self.act.actor.id()),
        };
        let entry = Entry {
            workspace_id: self.act.workspace,
            actor_type,
            actor_id,
            action,
            resource: resource.name,
            record_id: id,
            changes,
            request_id,
            ip,
            device: self.act.device.clone(),
            cause: self.act.cause.map(Cause::json),
            correlation_id: self.act.correlation_id,
        };
        audit::append(&self.connection, entry).await?;
        Ok(())
    }
}

/// What stands in place of a secret.
const MASKED: &str = "[masked]";

/// Columns that hold secrets, by how their names end.
const SECRET: [&str; 2] = ["_sealed", "_digest"];

/// Changes with the secrets that were set among them, none of which is told.
pub(super) fn masked(
    changes: Option<Box<RawValue>>,
    columns: &[(&'static str, Bind)],
) -> Option<Box<RawValue>> {
    let secrets =
        columns.iter().filter_map(|(column, _)| SECRET.iter().find_map(|ending| column.strip_suffix(ending)));
    let mut secrets = secrets.peekable();
    if secrets.peek().is_none() {
        return changes;
    }
    let mut all: Map<String, Value> =
        changes.and_then(|changes| serde_json::from_str(changes.get()).ok()).unwrap_or_default();
    for secret in secrets {
        all.insert(secret.to_owned(), json!([MASKED, MASKED]));
    }
    Some(json_text(&all.into()))
}
