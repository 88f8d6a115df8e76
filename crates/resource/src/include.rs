//! What is related: one statement for each relationship included, never one for each record.

use std::collections::{HashMap, HashSet};

use diesel_async::AsyncPgConnection;
use pulse_jsonapi::{Code, Problem};
use uuid::Uuid;

use crate::act::Act;
use crate::plan::Include;
use crate::render::Record;
use crate::select;
use crate::statement::Shapes;
use crate::{Error, Resource};

/// Records that one relationship may add to a document.
const FAN_OUT: i64 = 1_000;

/// Reads what is to be included, notes the linkage on the records it leads from, and returns every record once, those
/// of the primary data left out.
pub(crate) async fn load(
    connection: &AsyncPgConnection,
    shapes: &Shapes,
    act: &Act,
    tree: &[Include],
    primary: &mut [Record],
) -> Result<Vec<Record>, Error> {
    let seen: HashSet<(&str, Uuid)> =
        primary.iter().map(|record| (record.resource.name, record.id())).collect();
    let mut loader = Loader { connection, shapes, act, seen, included: Vec::new() };
    loader.level(tree, primary, "").await?;
    Ok(loader.included)
}

struct Loader<'a> {
    connection: &'a AsyncPgConnection,
    shapes: &'a Shapes,
    act: &'a Act,
    seen: HashSet<(&'static str, Uuid)>,
    included: Vec<Record>,
}

impl Loader<'_> {
    async fn level(&mut self, tree: &[Include], from: &mut [Record], path: &str) -> Result<(), Error> {
        let Some(resource) = from.first().map(|record| record.resource) else { return Ok(()) };
        for node in tree {
            let name = format!("{path}{}", node.hop.relationship.name);
            let mut found = self.related(resource, node, from, &name).await?;
            // Depth is bounded by the query grammar, so the recursion is.
            Box::pin(self.level(&node.beyond, &mut found, &format!("{name}."))).await?;
            for record in found {
                self.keep(record);
            }
        }
        Ok(())
    }

    async fn related(
        &mut self,
        resource: &'static Resource,
        node: &Include,
        from: &mut [Record],
        name: &str,
    ) -> Result<Vec<Record>, Error> {
        let relationship = node.hop.relationship;
        let to_one = relationship.to_one();
        let keys: HashSet<Uuid> = if to_one {
            let leads = from.iter().filter_map(|record| record.leads_to(relationship));
            leads.filter(|(target, _)| target.name == node.hop.target.name).map(|(_, id)| id).collect()
        } else {
            from.iter().map(Record::id).collect()
        };
        let keys: Vec<Uuid> = keys.into_iter().collect();
        let rows = if keys.is_empty() {
            Vec::new()
        } else {
            select::related(resource, node.hop, self.act, keys, FAN_OUT + 1)
                .rows(self.connection, self.shapes)
                .await?
        };
        if rows.len() > FAN_OUT as usize {
            let detail = format!(
                "{name} leads to more than {FAN_OUT} records; read them page by page from the related link"
            );
            return Err(Problem::new(Code::InvalidParameter, detail).at_parameter("include").into());
        }
        let mut once = HashSet::new();
        let mut found = Vec::new();
        let mut owned: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for row in rows {
            let record = Record::new(node.hop.target, row);
            if let Some(owner) = record.owner() {
                owned.entry(owner).or_default().push(record.id());
            }
            if once.insert(record.id()) {
                found.push(record);
            }
        }
        if !to_one {
            for record in from {
                let ids = owned.remove(&record.id()).unwrap_or_default();
                record.link(node.hop, ids);
            }
        }
        Ok(found)
    }

    /// Keeps a record, unless it stands in the document already; what it links to is added to what is there.
    fn keep(&mut self, record: Record) {
        if self.seen.insert((record.resource.name, record.id())) {
            self.included.push(record);
        } else if let Some(known) = self
            .included
            .iter_mut()
            .find(|known| known.resource.name == record.resource.name && known.id() == record.id())
        {
            known.absorb(record);
        }
    }
}
