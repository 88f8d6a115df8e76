//! Declarations compared with a database: what they name exists, with the nullability they say, and what can be
//! filtered by an equality or a foreign key has an index where the table grows.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::declare::{Link, Resource};
use crate::statement::Statement;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

/// Everything in which a resource and the database disagree.
///
/// # Errors
/// Those of the database.
pub async fn faults(
    resource: &'static Resource,
    connection: &mut AsyncPgConnection,
) -> QueryResult<Vec<String>> {
    let columns = columns(resource.table, connection).await?;
    let mut faults = Vec::new();
    let mut expect =
        |table_columns: &[Column], table: &str, name: &str, nullable: Option<bool>| match table_columns
            .iter()
            .find(|column| column.name == name)
        {
            None => faults.push(format!("{table} has no column {name}")),
            Some(column) if nullable.is_some_and(|nullable| nullable != column.nullable) => {
                faults.push(format!("{table}.{name} is declared with another nullability"));
            }
            Some(_) => {}
        };
    expect(&columns, resource.table, "workspace_id", Some(false));
    expect(&columns, resource.table, "id", Some(false));
    expect(&columns, resource.table, resource.newest_by, None);
    if resource.editable {
        for name in ["lock_version", "updated_at"] {
            expect(&columns, resource.table, name, None);
        }
    }
    if resource.has_trash() {
        expect(&columns, resource.table, "deleted_at", None);
    }
    for attribute in resource.readable() {
        expect(&columns, resource.table, attribute.name, Some(attribute.nullable_column));
    }
    for relationship in resource.relationships {
        match relationship.link {
            Link::BelongsTo { column, nullable, .. } => {
                expect(&columns, resource.table, column, Some(nullable));
            }
            Link::BelongsToAny { type_column, id_column, nullable, .. } => {
                for column in [type_column, id_column] {
                    expect(&columns, resource.table, column, Some(nullable));
                }
            }
            Link::HasMany { column } => {
                for target in relationship.targets() {
                    expect(&self::columns(target.table, connection).await?, target.table, column, None);
                }
            }
            Link::HasManyAs { type_column, id_column } => {
                for target in relationship.targets() {
                    let columns = self::columns(target.table, connection).await?;
                    for column in [type_column, id_column] {
                        expect(&columns, target.table, column, None);
                    }
                }
            }
            Link::Through { table, own_type, own_id, other_id } => {
                let link = self::columns(table, connection).await?;
                for name in own_type.into_iter().chain([own_id, other_id]) {
                    expect(&link, table, name, Some(false));
                }
            }
        }
    }
    Ok(faults)
}

async fn columns(table: &str, connection: &mut AsyncPgConnection) -> QueryResult<Vec<Column>> {
    let mut sql = Statement::default();
    sql.sql(
        "SELECT attname::text AS name, NOT attnotnull AS nullable FROM pg_attribute WHERE attnum > 0 AND NOT \
         attisdropped AND attrelid = to_regclass(",
    )
    .bind(table)
    .sql(")");
    sql.load(connection).await
}
