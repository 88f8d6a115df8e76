//! Relationships that cannot be set from here, in a record that a client sends back whole: allowed as they are.

use std::collections::HashSet;

use uuid::Uuid;

use crate::changes::cannot_be_set;
use crate::declare::Hop;
use crate::render::Record;
use crate::select;
use crate::write::Transaction;
use crate::{Changes, Error};

impl Transaction {
    /// Refuses to set what cannot be set, unless it is what it was.
    ///
    /// # Errors
    /// One problem for each relationship that would change.
    pub(crate) async fn require_kept(&mut self, old: &Record, changes: &Changes) -> Result<(), Error> {
        let mut problems = Vec::new();
        for (relationship, to) in &changes.kept {
            let said: HashSet<(&str, Uuid)> = to.iter().map(|(hop, id)| (hop.target.name, *id)).collect();
            let mut found = HashSet::new();
            if relationship.to_one() {
                found.extend(old.leads_to(relationship).map(|(target, id)| (target.name, id)));
            } else {
                // One more than was said is enough to tell.
                let limit = i64::try_from(said.len() + 1).unwrap_or(i64::MAX);
                for target in relationship.targets().iter().copied() {
                    let hop = Hop { relationship, target };
                    let sql = select::related(old.resource, hop, &self.act, vec![old.id()], limit);
                    let rows = sql.rows(&self.connection, &self.shapes).await?;
                    found.extend(rows.into_iter().map(|row| (target.name, Record::new(target, row).id())));
                }
            }
            if said != found {
                problems.push(cannot_be_set(relationship));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}
