//! Stores a batch in one transaction.
//!
//! Rows go by binary COPY into a temporary table and from there into their partitions: that costs the database half
//! of what multi-row inserts cost, and leaves out what is there already. Nothing is stored twice: an event that is
//! delivered again has the same id and time, and one that its sender repeats has its id claimed.

use std::collections::HashSet;
use std::pin::pin;

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{Json, Type};
use tokio_postgres::{Client, Error, Statement, Transaction};
use uuid::Uuid;

use super::connection::{self, Driver};
use super::partitions::Partitions;
use crate::accepted::{Accepted, Revenue};

/// Columns of `analytics.events`, in the order in which [`copy`] writes them.
const COLUMNS: [(&str, Type); 22] = [
    ("workspace_id", Type::UUID),
    ("site_id", Type::UUID),
    ("id", Type::UUID),
    ("occurred_at", Type::TIMESTAMPTZ),
    ("received_at", Type::TIMESTAMPTZ),
    ("kind", Type::TEXT),
    ("visitor_fingerprint", Type::TEXT),
    ("session_id", Type::TEXT),
    ("name", Type::TEXT),
    ("customer_id", Type::TEXT),
    ("url", Type::TEXT),
    ("path", Type::TEXT),
    ("title", Type::TEXT),
    ("referrer", Type::TEXT),
    ("referrer_source", Type::TEXT),
    ("locale", Type::TEXT),
    ("utm_source", Type::TEXT),
    ("utm_medium", Type::TEXT),
    ("utm_campaign", Type::TEXT),
    ("utm_term", Type::TEXT),
    ("utm_content", Type::TEXT),
    ("data", Type::JSONB),
];

const INCOMING: &str = "CREATE TEMPORARY TABLE incoming (LIKE analytics.events) ON COMMIT DELETE ROWS";

/// In the order of the keys, so that workers that claim the same ids wait for each other and do not deadlock.
const CLAIM: &str = "
    INSERT INTO analytics.event_keys (workspace_id, id, received_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, id";

const REVENUE: &str = "
    INSERT INTO analytics.revenue
        (workspace_id, site_id, id, occurred_at, visitor_fingerprint, session_id, customer_id, transaction_id,
         event_type, amount, currency, mrr_impact, is_recurring, customer_subscription_id, payment_processor, metadata)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint * 0.0001, $11, $12::bigint * 0.0001, $13, $14, $15, $16)
    ON CONFLICT DO NOTHING";

/// Classes of SQLSTATE that are the fault of a row: data exception, integrity constraint, program limit.
const ABOUT_DATA: [&str; 3] = ["22", "23", "54"];

/// Why a batch was not stored; nothing of it was.
#[derive(Debug)]
pub(super) enum Trouble {
    /// At least one event cannot be stored at all.
    Data(anyhow::Error),
    /// The database is away, or not able at the moment.
    Away(anyhow::Error),
}

/// The tables of events and revenue. Connects when first used, and again after trouble.
#[derive(Debug)]
pub(super) struct Store {
    url: SecretString,
    open: Option<Open>,
}

struct Open {
    client: Client,
    driver: Driver,
    statements: Statements,
    partitions: Partitions,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.partitions.fmt(f)
    }
}

struct Statements {
    copy: Statement,
    insert: Statement,
    claim: Statement,
    revenue: Statement,
}

impl Store {
    pub(super) fn new(url: SecretString) -> Self {
        Self { url, open: None }
    }

    /// Stores all of these events, or none of them.
    pub(super) async fn write(&mut self, events: &[&Accepted], today: NaiveDate) -> Result<(), Trouble> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::new(self.url.expose_secret()).await.map_err(Trouble::Away)?,
        };
        let Open { client, driver, statements, partitions } = &mut open;
        let work = async {
            let days = events.iter().map(|event| event.facts.occurred_at.date_naive()).collect();
            partitions.ensure(client, days, today).await?;
            Ok(write(client, statements, events).await?)
        };
        let written = connection::drive(driver, work).await;
        match written {
            Ok(()) => {
                self.open = Some(open);
                Ok(())
            }
            Err(error) if is_about_data(&error) => {
                self.open = Some(open);
                Err(Trouble::Data(error))
            }
            Err(error) => Err(Trouble::Away(error)),
        }
    }
}

impl Open {
    async fn new(url: &str) -> anyhow::Result<Self> {
        let (client, mut driver) = connection::open(url).await?;
        let statements =
            connection::drive(&mut driver, async { Ok(Statements::prepare(&client).await?) }).await?;
        Ok(Self { client, driver, statements, partitions: Partitions::default() })
    }
}

impl Statements {
    async fn prepare(client: &Client) -> Result<Self, Error> {
        client.batch_execute(INCOMING).await?;
        let columns = COLUMNS.map(|(name, _)| name).join(", ");
        let copy = format!("COPY pg_temp.incoming ({columns}) FROM STDIN BINARY");
        let insert = format!(
            "INSERT INTO analytics.events ({columns}) SELECT {columns} FROM pg_temp.incoming ON CONFLICT DO NOTHING"
        );
        Ok(Self {
            copy: client.prepare(&copy).await?,
            insert: client.prepare(&insert).await?,
            claim: client.prepare(CLAIM).await?,
            revenue: client.prepare(REVENUE).await?,
        })
    }
}

fn is_about_data(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Error>().and_then(Error::code);
    code.is_some_and(|code| ABOUT_DATA.iter().any(|class| code.code().starts_with(class)))
}

async fn write(client: &mut Client, statements: &Statements, events: &[&Accepted]) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let mut events = first_of_their_kind(&transaction, statements, events).await?;
    // Workers that are given the same events again then meet them in the same order.
    events.sort_unstable_by_key(|event| event.id);
    copy(&transaction, statements, &events).await?;
    transaction.execute(&statements.insert, &[]).await?;
    for event in events {
        if let Some(revenue) = &event.facts.revenue {
            insert_revenue(&transaction, statements, event, revenue).await?;
        }
    }
    transaction.commit().await
}

/// Leaves out what its sender has sent before: claims the ids of repeatable events and keeps those that were free.
async fn first_of_their_kind<'a>(
    transaction: &Transaction<'_>,
    statements: &Statements,
    events: &[&'a Accepted],
) -> Result<Vec<&'a Accepted>, Error> {
    let repeatable: Vec<&Accepted> = events.iter().copied().filter(|event| event.repeatable).collect();
    let mut free = HashSet::new();
    if !repeatable.is_empty() {
        let workspaces: Vec<Uuid> = repeatable.iter().map(|event| event.workspace_id).collect();
        let ids: Vec<Uuid> = repeatable.iter().map(|event| event.id).collect();
        let received: Vec<DateTime<Utc>> = repeatable.iter().map(|event| event.received_at).collect();
        let claimed = transaction.query(&statements.claim, &[&workspaces, &ids, &received]).await?;
        free.extend(claimed.iter().map(|row| (row.get::<_, Uuid>(0), row.get::<_, Uuid>(1))));
    }
    // Taken out of the set when it is first met: a repetition may be in the same batch.
    Ok(events
        .iter()
        .copied()
        .filter(|event| !event.repeatable || free.remove(&(event.workspace_id, event.id)))
        .collect())
}

async fn copy(
    transaction: &Transaction<'_>,
    statements: &Statements,
    events: &[&Accepted],
) -> Result<(), Error> {
    let sink = transaction.copy_in(&statements.copy).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &COLUMNS.map(|(_, sql_type)| sql_type)));
    for event in events {
        let (facts, page) = (&event.facts, &event.facts.page);
        let data = facts.data.as_deref().map(Json);
        writer
            .as_mut()
            .write(&[
                &event.workspace_id,
                &event.site_id,
                &event.id,
                &facts.occurred_at,
                &event.received_at,
                &facts.kind.name(),
                &event.visitor_fingerprint,
                &facts.session_id,
                &facts.name,
                &facts.customer_id,
                &page.url,
                &page.path,
                &page.title,
                &page.referrer,
                &page.referrer_source,
                &page.locale,
                &page.utm_source,
                &page.utm_medium,
                &page.utm_campaign,
                &page.utm_term,
                &page.utm_content,
                &data,
            ])
            .await?;
    }
    writer.finish().await.map(drop)
}

async fn insert_revenue(
    transaction: &Transaction<'_>,
    statements: &Statements,
    event: &Accepted,
    revenue: &Revenue,
) -> Result<(), Error> {
    let facts = &event.facts;
    let metadata = revenue.metadata.as_deref().map(Json);
    transaction
        .execute(
            &statements.revenue,
            &[
                &event.workspace_id,
                &event.site_id,
                &event.id,
                &facts.occurred_at,
                &event.visitor_fingerprint,
                &facts.session_id,
                &facts.customer_id,
                &revenue.transaction_id,
                &facts.name,
                &revenue.amount_e4,
                &revenue.currency,
                &revenue.mrr_impact_e4,
                &revenue.is_recurring,
                &revenue.customer_subscription_id,
                &revenue.payment_processor,
                &metadata,
            ],
        )
        .await
        .map(drop)
}
