//! Numbers that people call records by, such as `#123` of a ticket.

use super::Transaction;
use crate::statement::Statement;
use crate::{Error, Resource};

impl Transaction {
    /// The next number of a resource's records in the workspace, from 1 on and without gaps: whoever else wants one
    /// waits until the transaction ends. Call it from a `prepare` hook, as the last thing that may have to wait.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next_number(&mut self, resource: &'static Resource) -> Result<i64, Error> {
        let mut sql = Statement::default();
        sql.sql("INSERT INTO record_numbers AS n (workspace_id, resource_type, last_number) VALUES (")
            .bind(self.act.workspace.0)
            .sql(", ")
            .bind(resource.name)
            .sql(
                ", 1) ON CONFLICT (workspace_id, resource_type) DO UPDATE SET last_number = n.last_number + 1 \
                 RETURNING last_number",
            );
        let rows = self.rows(sql).await?;
        let number = rows.first().and_then(|row| row.integer(0));
        Ok(number.ok_or(diesel::result::Error::NotFound)?)
    }
}
