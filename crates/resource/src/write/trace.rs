//! What a change leaves behind besides the row: its event in the journal, and its line in the audit log.

use futures_util::future::try_join;
use pulse_domain::EventId;
use pulse_store::audit::{self, Action, Entry};
use pulse_store::journal::{self, NewEvent};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Transaction;
use crate::Error;
use crate::declare::Resource;
use crate::render::Record;

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

    /// Appends a line to the audit log. Writes do so by themselves; call it for what is none, such as a sign-in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn log(
        &self,
        action: Action,
        resource: &'static Resource,
        id: Uuid,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        let (request_id, ip) = self.act.request.clone().unzip();
        let entry = Entry {
            workspace_id: self.act.workspace,
            actor_type: self.act.actor.kind(),
            actor_id: self.act.actor.id(),
            action,
            resource: resource.name,
            record_id: id,
            changes,
            request_id,
            ip,
            correlation_id: self.act.correlation_id,
        };
        audit::append(&self.connection, entry).await?;
        Ok(())
    }
}
