//! Subscriptions, kept in memory: their secrets are opened once, and an event finds those that ask for it without a
//! query.
//!
//! A change of any of them is told by NOTIFY, from within its transaction, and forgets them all. Who claims a delivery
//! learns in the same statement which version of the subscription was in force, so that a retry never goes to an
//! address that has been corrected.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use pulse_domain::Event;
use pulse_domain::seal::MasterKey;
use pulse_domain::signature::Secret;
use pulse_domain::signature::asymmetric::SigningKey;
use pulse_jsonapi::ransack::Filter;
use pulse_service::egress::{HeaderMap, HeaderName, HeaderValue, Refused, Rules, Target};
use pulse_store::notify::Listener;
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::link::Link;

/// Everything is forgotten this often even if nobody says that something has changed.
pub(crate) const SWEEP: Duration = Duration::from_secs(60);
/// Workspaces that are kept; beyond that all are forgotten, and those that are in use come back.
const MOST: usize = 10_000;

const LOAD: &str = "
    SELECT s.workspace_id, s.id, s.xmin::text::bigint AS version, s.url, s.event_types, s.filter,
           s.payload_version, s.max_retries, s.ordering = 'per_record' AS ordered,
           coalesce(s.concurrency, $2::integer) AS concurrency, s.rate_per_second IS NOT NULL AS rated, s.headers_sealed,
           s.secret_sealed, s.previous_secret_sealed, s.previous_secret_expires_at, s.ed25519, k.key_ids, k.keys_sealed,
           k.keys_expire_at
      FROM webhook_subscriptions AS s
      LEFT JOIN webhook_endpoints AS e ON e.workspace_id = s.workspace_id AND e.id = s.id
      LEFT JOIN LATERAL (
          SELECT array_agg(id ORDER BY expires_at DESC) AS key_ids,
                 array_agg(private_key_sealed ORDER BY expires_at DESC) AS keys_sealed,
                 array_agg(expires_at ORDER BY expires_at DESC) AS keys_expire_at
            FROM webhook_signing_keys
           WHERE workspace_id = s.workspace_id AND (expires_at IS NULL OR expires_at > now())
      ) AS k ON s.ed25519
     WHERE s.workspace_id = ANY ($1) AND s.enabled AND s.deleted_at IS NULL
       AND NOT coalesce(e.disabled_at > s.enabled_at, false)";

/// A subscription that is enabled, ready to be delivered to.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) workspace_id: Uuid,
    pub(crate) id: Uuid,
    /// Another after every change.
    pub(crate) version: i64,
    pub(crate) url: String,
    /// What is called under that, or why it is not: what a subscription was registered with may be refused by now.
    pub(crate) target: Result<Target, Vec<Refused>>,
    pub(crate) payload_version: i32,
    pub(crate) max_retries: usize,
    /// Whether the events of a record go one after the other, in order.
    pub(crate) ordered: bool,
    /// Deliveries under way at most.
    pub(crate) concurrency: usize,
    /// Whether so many attempts may begin in a second and no more: who claims deliveries is told when each of them may.
    pub(crate) rated: bool,
    /// What deliveries are signed with; `None` where it does not open.
    pub(crate) keys: Option<Keys>,
    /// Names of the event catalogue, or `*`.
    pub(crate) event_types: Vec<String>,
    /// What the record of an event has to fulfil.
    pub(crate) filter: Option<Filter>,
}

/// An event, and the record that it shows, read when a filter first asks for it.
pub(crate) struct Shown<'a> {
    event: &'a Event,
    record: OnceCell<serde_json::Value>,
}

/// What deliveries are signed with and what is sent along.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) current: Secret,
    /// The secret before a rotation that is not over, and when that is.
    pub(crate) previous: Option<(Secret, DateTime<Utc>)>,
    /// The keys of the workspace, where the subscription asks for their signatures: the present one first, the one before a
    /// rotation with the time that it expires at.
    pub(crate) asymmetric: Vec<(SigningKey, Option<DateTime<Utc>>)>,
    /// Headers that the subscription sends along.
    pub(crate) headers: HeaderMap,
}

/// The subscriptions of a workspace.
pub(crate) type Subscribed = Arc<Vec<Arc<Subscription>>>;

/// Subscriptions by workspace. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Subscriptions(Arc<Shared>);

struct Shared {
    key: MasterKey,
    rules: Rules,
    concurrency: i32,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// How often everything was forgotten: what was read before that is not kept after it.
    forgotten: u64,
    workspaces: HashMap<Uuid, Subscribed>,
}

impl Subscription {
    /// `*` asks for every event type, those of the future included.
    pub(crate) fn asks_for(&self, shown: &Shown<'_>) -> bool {
        self.event_types.iter().any(|name| name == "*" || *name == shown.event.kind)
            && shown.passes(self.filter.as_ref())
    }
}

impl<'a> Shown<'a> {
    pub(crate) const fn of(event: &'a Event) -> Self {
        Self { event, record: OnceCell::new() }
    }

    /// Whether the record fulfils a filter.
    pub(crate) fn passes(&self, filter: Option<&Filter>) -> bool {
        filter.is_none_or(|filter| {
            let read = || serde_json::from_str(self.event.data.get()).unwrap_or_default();
            filter.takes(self.record.get_or_init(read))
        })
    }
}

/// Reads the filter of a subscription. Only a newer crm-api takes one that cannot be read here, and a newer dispatcher is
/// about to follow: that is an error, and events wait for it.
pub(crate) fn filter(row: &Row) -> anyhow::Result<Option<Filter>> {
    let stored: Option<serde_json::Value> = row.get("filter");
    let read = stored.map(|stored| Filter::read(&stored, &[])).transpose();
    read.map_err(|problems| anyhow!("a filter is from the future: {problems:?}"))
}

impl Subscriptions {
    /// With the key that secrets are sealed with, what may be called, and the number of calls that may be under way to a
    /// subscription that says nothing itself.
    pub(crate) fn new(key: MasterKey, rules: Rules, concurrency: NonZeroU16) -> Self {
        let concurrency = concurrency.get().into();
        Self(Arc::new(Shared { key, rules, concurrency, known: Mutex::default() }))
    }

    pub(crate) fn concurrency(&self) -> i32 {
        self.0.concurrency
    }

    /// The enabled subscriptions of workspaces; every one of these is in the answer.
    pub(crate) async fn of(
        &self,
        link: &mut Link,
        workspaces: impl Iterator<Item = Uuid>,
    ) -> anyhow::Result<HashMap<Uuid, Subscribed>> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        let forgotten = {
            let known = self.known();
            for workspace in workspaces {
                match known.workspaces.get(&workspace) {
                    Some(subscribed) => drop(found.insert(workspace, Arc::clone(subscribed))),
                    None => unknown.push(workspace),
                }
            }
            known.forgotten
        };
        if unknown.is_empty() {
            return Ok(found);
        }
        let mut read: HashMap<Uuid, Vec<Arc<Subscription>>> =
            unknown.iter().map(|workspace| (*workspace, Vec::new())).collect();
        for row in link.query(LOAD, &[&unknown, &self.concurrency()]).await? {
            let subscription = self.read(&row)?;
            read.entry(subscription.workspace_id).or_default().push(Arc::new(subscription));
        }
        let mut known = self.known();
        if known.workspaces.len() >= MOST {
            known.workspaces.clear();
        }
        for (workspace, subscribed) in read {
            let subscribed = Arc::new(subscribed);
            if known.forgotten == forgotten {
                known.workspaces.insert(workspace, Arc::clone(&subscribed));
            }
            found.insert(workspace, subscribed);
        }
        Ok(found)
    }

    /// Forgets what is known of some workspaces.
    pub(crate) fn forget(&self, workspaces: impl Iterator<Item = Uuid>) {
        let mut known = self.known();
        for workspace in workspaces {
            known.workspaces.remove(&workspace);
        }
        known.forgotten += 1;
    }

    /// Forgets everything whenever something has changed, until told to stop.
    pub(crate) async fn listen(self, mut listener: Listener, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(listener.wait(None)).await.is_some() {
            let mut known = self.known();
            known.workspaces.clear();
            known.forgotten += 1;
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, row: &Row) -> anyhow::Result<Subscription> {
        let (workspace_id, id) = (row.get("workspace_id"), row.get("id"));
        let keys = self.keys(id, row).map_err(|error| {
            tracing::error!(subscription = %id, error = format!("{error:#}"), "cannot sign");
        });
        let event_types: serde_json::Value = row.get("event_types");
        let url: String = row.get("url");
        Ok(Subscription {
            workspace_id,
            id,
            version: row.get("version"),
            target: self.0.rules.vet(&url),
            url,
            payload_version: row.get("payload_version"),
            max_retries: number(row, "max_retries"),
            ordered: row.get("ordered"),
            concurrency: number(row, "concurrency"),
            rated: row.get("rated"),
            keys: keys.ok(),
            event_types: event_types
                .as_array()
                .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
            filter: filter(row)?,
        })
    }

    fn keys(&self, id: Uuid, row: &Row) -> anyhow::Result<Keys> {
        let open = |sealed: &[u8]| self.0.key.open(id.as_bytes(), sealed);
        let previous: Option<Vec<u8>> = row.get("previous_secret_sealed");
        let expires_at: Option<DateTime<Utc>> = row.get("previous_secret_expires_at");
        let headers: Option<Vec<u8>> = row.get("headers_sealed");
        Ok(Keys {
            current: Secret::new(&open(row.get("secret_sealed"))?),
            previous: match (previous, expires_at) {
                (Some(sealed), Some(until)) => Some((Secret::new(&open(&sealed)?), until)),
                _ => None,
            },
            asymmetric: if row.get("ed25519") { self.signing_keys(row)? } else { Vec::new() },
            headers: match headers {
                Some(sealed) => custom_headers(&open(&sealed)?)?,
                None => HeaderMap::new(),
            },
        })
    }

    fn signing_keys(&self, row: &Row) -> anyhow::Result<Vec<(SigningKey, Option<DateTime<Utc>>)>> {
        let ids: Vec<Uuid> = row.try_get("key_ids").context("the workspace has no signing key")?;
        let (sealed, expire_at): (Vec<Vec<u8>>, Vec<_>) = (row.get("keys_sealed"), row.get("keys_expire_at"));
        let keys = ids.iter().zip(sealed).zip(expire_at).map(|((id, sealed), expires_at)| {
            let seed = self.0.key.open(id.as_bytes(), &sealed)?;
            Ok((SigningKey::from_seed(&seed)?, expires_at))
        });
        keys.collect()
    }
}

fn number(row: &Row, column: &str) -> usize {
    usize::try_from(row.get::<_, i32>(column)).unwrap_or_default()
}

/// Reads `{"Name":"value"}`. Values are secrets, and are marked as such.
fn custom_headers(json: &[u8]) -> anyhow::Result<HeaderMap> {
    let texts: HashMap<String, String> = serde_json::from_slice(json)?;
    let mut headers = HeaderMap::new();
    for (name, value) in texts {
        let mut value = HeaderValue::from_str(&value)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    Ok(headers)
}

#[cfg(test)]
impl Subscription {
    /// One that may have so many calls under way.
    pub(crate) fn sample(id: u128, concurrency: usize) -> Self {
        Self {
            workspace_id: Uuid::from_u128(1),
            id: Uuid::from_u128(id),
            version: 1,
            url: "https://example.com/".into(),
            target: Rules::default().vet("https://example.com/"),
            payload_version: 1,
            max_retries: 12,
            ordered: false,
            concurrency,
            rated: false,
            keys: None,
            event_types: vec!["*".into()],
            filter: None,
        }
    }
}
