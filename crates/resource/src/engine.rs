//! Reads and writes of resources, over the databases they are in.

use std::sync::Arc;

use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel_async::AsyncPgConnection;
use futures_util::future::join;
use pulse_jsonapi::{Code, Problem};
use pulse_store::notify::Waker;
use pulse_store::{Connection, Pool, Quick};
use serde_json::json;
use uuid::Uuid;

use crate::act::Act;
use crate::cursor::Range;
use crate::custom_fields::Definitions;
use crate::declare::{Hop, Resource, Store};
use crate::error::not_found;
use crate::plan::Plan;
use crate::render::Record;
use crate::rights::{Deed, Reach};
use crate::row::Row;
use crate::select::{self, Parent};
use crate::statement::{Shapes, Statement};
use crate::write::{Relink, Transaction, holder};
use crate::{Changes, Error, include};

/// The resources and where they are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    crm: Pool,
    /// To the CRM's database too, for what is read by its key.
    quick: Arc<Quick>,
    analytics: Pool,
    events: Waker,
    shapes: Shapes,
    resources: &'static [&'static Resource],
}

/// A page.
#[derive(Debug)]
pub struct Listing {
    /// The records of the page.
    pub records: Vec<Record>,
    /// What is related to them, where that was asked for.
    pub included: Option<Vec<Record>>,
    /// How many records there are on all pages, unless the count was declined.
    pub total: Option<u64>,
    /// Whether there are records behind the page, or in front of it where it was asked for by what comes after it.
    pub more: bool,
}

impl Engine {
    /// Makes the engine of some resources. `events` is woken after each write.
    #[must_use]
    pub fn new(
        crm: Pool,
        quick: Arc<Quick>,
        analytics: Pool,
        events: Waker,
        resources: &'static [&'static Resource],
    ) -> Self {
        Self { crm, quick, analytics, events, shapes: Shapes::default(), resources }
    }

    /// The same over other connections to the CRM's database.
    #[must_use]
    pub fn over(&self, crm: Pool, quick: Arc<Quick>) -> Self {
        Self { crm, quick, ..self.clone() }
    }

    /// All resources.
    #[must_use]
    pub fn resources(&self) -> &'static [&'static Resource] {
        self.resources
    }

    async fn connection(&self, resource: &Resource) -> Result<Connection, Error> {
        let pool = match resource.store {
            Store::Crm => &self.crm,
            Store::Analytics => &self.analytics,
        };
        Ok(pool.get().await?)
    }

    /// The custom fields of a workspace; those of one resource, where one is given.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn definitions(&self, act: &Act, resource: Option<&Resource>) -> Result<Definitions, Error> {
        let connection = self.crm.get().await?;
        let statement = Definitions::select(act.workspace, resource);
        let (allowed, rows) = join(act.check(), statement.rows(&connection, &self.shapes)).await;
        allowed?;
        Ok(Definitions::read(&rows?))
    }

    /// Refuses what who acts may do with no record of a resource. Whoever has been shut out meanwhile is told that and no
    /// more.
    ///
    /// # Errors
    /// 403, or the error of the guard.
    pub async fn permit(&self, act: &Act, resource: &Resource, deed: Deed) -> Result<(), Error> {
        match act.require(resource, deed) {
            Ok(()) => Ok(()),
            Err(refused) => {
                act.check().await?;
                Err(refused.into())
            }
        }
    }

    /// Refuses a plan that names what who acts may not read.
    async fn permit_plan(&self, act: &Act, plan: &Plan) -> Result<(), Error> {
        let problems: Vec<Problem> = plan.refusals(act);
        if problems.is_empty() {
            return Ok(());
        }
        act.check().await?;
        Err(problems.into())
    }

    /// Those of some ids of live records that are within the sight of who acts.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn seen(
        &self,
        act: &Act,
        resource: &'static Resource,
        ids: Vec<Uuid>,
    ) -> Result<Vec<Uuid>, Error> {
        if ids.is_empty() || act.reach(resource, Deed::Read) == Reach::All {
            act.check().await?;
            return Ok(ids);
        }
        let connection = self.connection(resource).await?;
        let rows = self.first(act, &connection, select::by_ids(resource, act, ids)).await?;
        Ok(rows.into_iter().map(|row| Record::new(resource, row).id()).collect())
    }

    /// A page of records; of those related to `parent`, where there is one.
    ///
    /// # Errors
    /// When a relationship included leads to too much, or the database is away.
    pub async fn list(&self, act: &Act, plan: &Plan, parent: Option<Parent>) -> Result<Listing, Error> {
        self.permit_plan(act, plan).await?;
        let connection = self.connection(plan.resource).await?;
        let (rows, total) = self.page(act, &connection, plan, parent).await?;
        let size = usize::try_from(plan.page.size()).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        let mut records: Vec<Record> =
            rows.into_iter().take(size).map(|row| Record::new(plan.resource, row)).collect();
        if plan.range.as_ref().is_some_and(Range::backwards) {
            records.reverse();
        }
        let included = self.included(act, &connection, plan, &mut records).await?;
        Ok(Listing { records, included, total, more })
    }

    /// The rows of a page, one more where there are some behind it, and the total where it is asked for.
    async fn page(
        &self,
        act: &Act,
        connection: &AsyncPgConnection,
        plan: &Plan,
        parent: Option<Parent>,
    ) -> Result<(Vec<Row>, Option<u64>), Error> {
        let offset = plan.page.offset();
        if let Some(statement) = select::counted(plan, act, parent) {
            let rows = self.first(act, connection, statement).await?;
            match rows.first() {
                Some(row) => {
                    if let Some(total) = select::count_of(plan.resource, row) {
                        return Ok((rows, Some(total)));
                    }
                }
                None if offset == 0 => return Ok((rows, Some(0))),
                None => {}
            }
        }
        let rows = self.first(act, connection, select::page(plan, act, parent)).await?;
        // The last page tells by itself how many there are, unless it lies behind all of them or nobody knows what lies
        // before it.
        let is_last = rows.len() as u64 <= plan.page.size();
        let tells = is_last && plan.range.is_none() && (offset == 0 || !rows.is_empty());
        let total = match (plan.count, tells) {
            (false, _) => None,
            (true, true) => Some(offset + rows.len() as u64),
            (true, false) => {
                let rows = select::total(plan, act, parent).rows(connection, &self.shapes).await?;
                rows.first().and_then(|row| row.integer(0)).and_then(|total| u64::try_from(total).ok())
            }
        };
        Ok((rows, total))
    }

    /// The rows of the first statement that is sent for somebody, along with the question whether they may.
    async fn first(
        &self,
        act: &Act,
        connection: &AsyncPgConnection,
        statement: Statement,
    ) -> Result<Vec<Row>, Error> {
        let (allowed, rows) = join(act.check(), statement.rows(connection, &self.shapes)).await;
        allowed?;
        Ok(rows?)
    }

    async fn included(
        &self,
        act: &Act,
        connection: &AsyncPgConnection,
        plan: &Plan,
        records: &mut [Record],
    ) -> Result<Option<Vec<Record>>, Error> {
        Ok(match &plan.include {
            Some(tree) => Some(include::load(connection, &self.shapes, act, tree, records).await?),
            None => None,
        })
    }

    /// A record by its id, with what is related to it.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn find(&self, act: &Act, plan: &Plan, id: Uuid) -> Result<Listing, Error> {
        self.permit_plan(act, plan).await?;
        let mut records = vec![self.record(act, plan.resource, id).await?];
        let included = match &plan.include {
            Some(_) => {
                let connection = self.connection(plan.resource).await?;
                self.included(act, &connection, plan, &mut records).await?
            }
            None => None,
        };
        Ok(Listing { records, included, total: None, more: false })
    }

    /// A record by its id.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn record(&self, act: &Act, resource: &'static Resource, id: Uuid) -> Result<Record, Error> {
        self.permit(act, resource, Deed::Read).await?;
        let statement = select::by_id(resource, act, id);
        let rows = match resource.store {
            Store::Crm => self.first(act, &*self.quick.get().await?, statement).await?,
            Store::Analytics => self.first(act, &*self.analytics.get().await?, statement).await?,
        };
        let row = rows.into_iter().next().ok_or_else(|| not_found(resource.name, id))?;
        Ok(Record::new(resource, row))
    }

    /// Begins a transaction in the CRM's database.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self, act: &Act) -> Result<Transaction, Error> {
        let connection = self.crm.get().await?;
        Transaction::begin(connection, self.shapes.clone(), act.clone(), self.events.clone()).await
    }

    /// Creates a record.
    ///
    /// # Errors
    /// When a related record does not exist, the id or a unique value is taken, or the database is away.
    pub async fn create(&self, act: &Act, changes: Changes) -> Result<Record, Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.create(changes.clone()).await;
        self.end(transaction, result, act, Some(&changes)).await
    }

    /// Changes a record; where `expected` is given, only if it still has that version.
    ///
    /// # Errors
    /// As [`Engine::create`], and when it does not exist or has another version.
    pub async fn update(
        &self,
        act: &Act,
        id: Uuid,
        changes: Changes,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.update(id, changes.clone(), expected).await;
        self.end(transaction, result, act, Some(&changes)).await
    }

    /// Moves a record to the trash; where `expected` is given, only if it still has that version.
    ///
    /// # Errors
    /// When it does not exist or has another version.
    pub async fn destroy(
        &self,
        act: &Act,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.destroy(resource, id, expected).await;
        self.end(transaction, result, act, None).await
    }

    /// Takes a record out of the trash.
    ///
    /// # Errors
    /// When it does not exist, or its unique values were given to another record meanwhile.
    pub async fn restore(&self, act: &Act, resource: &'static Resource, id: Uuid) -> Result<Record, Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.restore(resource, id).await;
        match self.end(transaction, result, act, None).await {
            Err(Error::Database(DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
                let detail = "Another record has taken a unique value of this one meanwhile.";
                Err(Problem::new(Code::NotUnique, detail).into())
            }
            other => other,
        }
    }

    /// Removes a record that is in the trash for good.
    ///
    /// # Errors
    /// When it does not exist, is not in the trash, or other records need it.
    pub async fn purge(&self, act: &Act, resource: &'static Resource, id: Uuid) -> Result<(), Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.purge(resource, id).await;
        match self.end(transaction, result, act, None).await {
            Err(Error::Database(DatabaseError::DatabaseError(
                DatabaseErrorKind::ForeignKeyViolation,
                information,
            ))) => {
                let table = information.table_name().unwrap_or("other records");
                let detail = format!("Records of {table} need this one; purge them first.");
                Err(Problem::new(Code::StateConflict, detail).into())
            }
            other => other,
        }
    }

    /// Changes the links of a to-many relationship of a record; where `expected` is given, only if the record still has
    /// that version.
    ///
    /// # Errors
    /// When the record or one of the others does not exist, or it has another version.
    pub async fn change_links(
        &self,
        act: &Act,
        parent: (&'static Resource, Uuid),
        hop: Hop,
        how: Relink,
        ids: &[Uuid],
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let mut transaction = self.begin(act).await?;
        let result = transaction.change_links(parent, hop, how, ids, expected).await;
        self.end(transaction, result, act, None).await
    }

    /// Commits what was done, or takes it back and says why in terms of the request.
    ///
    /// # Errors
    /// The error of the result, or that of the commit.
    pub async fn end<T>(
        &self,
        transaction: Transaction,
        result: Result<T, Error>,
        act: &Act,
        changes: Option<&Changes>,
    ) -> Result<T, Error> {
        match result {
            Ok(done) => {
                transaction.commit().await?;
                Ok(done)
            }
            Err(Error::Database(error)) => {
                transaction.roll_back().await;
                Err(match changes {
                    Some(changes) => self.explain(error, act, changes).await,
                    None => error.into(),
                })
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        }
    }

    /// What a violated constraint means to the client. Constraints are named `<table>_<attribute>_key|check|fkey`.
    async fn explain(&self, error: DatabaseError, act: &Act, changes: &Changes) -> Error {
        let DatabaseError::DatabaseError(kind, information) = &error else { return error.into() };
        let resource = changes.resource;
        let named = |suffix: &str| {
            let name = information.constraint_name()?.strip_prefix(resource.table)?.strip_prefix('_')?;
            name.strip_suffix(suffix)
        };
        let attribute = |suffix: &str| resource.attribute(named(suffix)?);
        let problem = match kind {
            DatabaseErrorKind::UniqueViolation => {
                if information.constraint_name() == Some(format!("{}_pkey", resource.table).as_str()) {
                    let detail = format!("There is a record of {} with this id already.", resource.name);
                    Problem::new(Code::IdTaken, detail).at_pointer("/data/id")
                } else if let Some(attribute) = attribute("_key") {
                    let detail = format!("Another record has this {}.", attribute.name);
                    let at = format!("/data/attributes/{}", attribute.name);
                    let problem = Problem::new(Code::NotUnique, detail).at_pointer(at);
                    match self.holder(act, changes, attribute.name).await {
                        Some(id) => problem.with_meta(json!({ "id": id })),
                        None => problem,
                    }
                } else if let Some(relationship) = named("_key").and_then(|name| resource.relationship(name))
                {
                    let detail = format!("Another record of {} leads to the same.", resource.name);
                    let at = format!("/data/relationships/{}", relationship.name);
                    Problem::new(Code::NotUnique, detail).at_pointer(at)
                } else {
                    return error.into();
                }
            }
            DatabaseErrorKind::CheckViolation => match attribute("_check") {
                Some(attribute) => Problem::invalid(attribute.name, "The value is not allowed."),
                None => return error.into(),
            },
            _ => return error.into(),
        };
        problem.into()
    }

    /// The record that has a unique value already; not known if it has just lost it, or if several have the value
    /// because it is unique together with another one.
    async fn holder(&self, act: &Act, changes: &Changes, attribute: &str) -> Option<Uuid> {
        let statement = holder(changes, act, attribute)?;
        let connection = self.crm.get().await.ok()?;
        match statement.rows(&connection, &self.shapes).await.ok()?.as_slice() {
            [row] => row.id(0),
            _ => None,
        }
    }
}
