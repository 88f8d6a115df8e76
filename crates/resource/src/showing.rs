//! Writes whose answer shows more than the record: what a request includes is read in the transaction of the write, so
//! that a request whose answer cannot be given has changed nothing.

use uuid::Uuid;

use crate::act::Act;
use crate::engine::{Engine, Listing};
use crate::plan::Plan;
use crate::render::Record;
use crate::write::Transaction;
use crate::{Changes, Error, include};

impl Engine {
    /// Creates a record, and shows it as a plan says.
    ///
    /// # Errors
    /// As [`Engine::create`], and when a relationship included leads to too much.
    pub async fn create_shown(&self, act: &Act, changes: Changes, plan: &Plan) -> Result<Listing, Error> {
        let mut transaction = self.begin(act).await?;
        let result = match transaction.create(changes.clone()).await {
            Ok(record) => transaction.show(plan, record).await,
            Err(error) => Err(error),
        };
        self.end(transaction, result, act, Some(&changes)).await
    }

    /// Changes a record, and shows it as a plan says; where `expected` is given, only if it still has that version.
    ///
    /// # Errors
    /// As [`Engine::update`], and when a relationship included leads to too much.
    pub async fn update_shown(
        &self,
        act: &Act,
        id: Uuid,
        changes: Changes,
        expected: Option<i64>,
        plan: &Plan,
    ) -> Result<Listing, Error> {
        let mut transaction = self.begin(act).await?;
        let result = match transaction.update(id, changes.clone(), expected).await {
            Ok(record) => transaction.show(plan, record).await,
            Err(error) => Err(error),
        };
        self.end(transaction, result, act, Some(&changes)).await
    }
}

impl Transaction {
    async fn show(&mut self, plan: &Plan, record: Record) -> Result<Listing, Error> {
        let mut records = vec![record];
        let included = match &plan.include {
            Some(tree) => {
                Some(include::load(&self.connection, &self.shapes, &self.act, tree, &mut records).await?)
            }
            None => None,
        };
        Ok(Listing { records, included, total: None, more: false })
    }
}
