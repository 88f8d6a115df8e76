//! A database per test, copied from a template that is migrated once for each set of migrations.

use std::time::{SystemTime, UNIX_EPOCH};

use pulse_store::{migrations, pool};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Test databases older than this are left over from runs that were cut short.
const LEFTOVER_SECONDS: u64 = 3_600;

/// Held while the template is made, so that tests that start together make it once.
const LOCK: i64 = 0x7465_7374;

/// A migrated database of this test alone.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub url: String,
}

impl Database {
    /// Makes a database with all migrations applied.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn create() -> Self {
        Self::create_at(&crate::server("PULSE_DATABASE__URL")).await
    }

    /// The same at another server.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn create_at(server: &str) -> Self {
        let admin = connect(server).await;
        let template = template(&admin, server).await;
        let name = format!("pulse_test_{}_{}", now(), Uuid::new_v4().simple());
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .expect("a database is made");
        Self { url: with_database(server, &name) }
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn empty() -> Self {
        let server = crate::server("PULSE_DATABASE__URL");
        let name = format!("pulse_test_{}_{}", now(), Uuid::new_v4().simple());
        connect(&server)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database is made");
        Self { url: with_database(&server, &name) }
    }

    /// A connection to look behind the scenes.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }

    /// The same, or nothing while the server is away.
    pub async fn reach(&self) -> Option<Client> {
        try_connect(&self.url).await.ok()
    }

    /// Settings that lead here, with few connections: many tests run at once.
    #[must_use]
    pub fn settings(&self) -> pulse_store::Settings {
        pulse_store::Settings { url: self.url.clone().into(), connections: 8, acquire_timeout_ms: 5_000 }
    }

    /// A pool of connections to it.
    ///
    /// # Panics
    /// Never: the settings are fixed.
    #[must_use]
    pub fn pool(&self) -> pool::Pool {
        pool::Pool::new(&self.settings()).expect("the settings make a pool")
    }
}

async fn template(admin: &Client, server: &str) -> String {
    let name = format!("pulse_template_{:016x}", fingerprint());
    admin.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.expect("a lock");
    let known = "SELECT 1 FROM pg_database WHERE datname = $1";
    if admin.query_opt(known, &[&name]).await.expect("the catalogue").is_none() {
        sweep(admin).await;
        let unfinished = format!("{name}_unfinished");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {unfinished}")).await.expect("a drop");
        admin.batch_execute(&format!("CREATE DATABASE {unfinished}")).await.expect("a database");
        let url = with_database(server, &unfinished);
        // Migrations need a runtime of several threads, which the test's own may not be.
        let migrated = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(migrations::run(&url, &url))
        });
        migrated.await.expect("no panic").expect("the migrations run");
        // Connections of the migration may take a moment to be gone, and a database in use cannot be renamed.
        admin
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                &[&unfinished],
            )
            .await
            .expect("leftover connections end");
        admin
            .batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}"))
            .await
            .expect("a rename");
    }
    admin.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await.expect("an unlock");
    name
}

async fn sweep(admin: &Client) {
    let pattern = "SELECT datname FROM pg_database WHERE datname LIKE 'pulse\\_test\\_%'";
    for row in admin.query(pattern, &[]).await.expect("the catalogue") {
        let name: String = row.get(0);
        let made_at = name.split('_').nth(2).and_then(|at| at.parse().ok()).unwrap_or(0);
        if now().saturating_sub(made_at) > LEFTOVER_SECONDS {
            admin
                .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                .await
                .expect("a drop");
        }
    }
}

/// Of the migrations this program carries: their text, so that an edited one makes a template of its own.
fn fingerprint() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut files: Vec<_> = ["crm", "analytics"]
        .iter()
        .flat_map(|set| {
            let folder = format!("{}/../../migrations/{set}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_dir(folder)
                .expect("the migrations are there")
                .map(|entry| entry.expect("readable").path())
        })
        .collect();
    files.sort();
    for path in files {
        std::fs::read(path.join("up.sql")).expect("readable").hash(&mut hasher);
    }
    hasher.finish()
}

async fn connect(url: &str) -> Client {
    try_connect(url).await.expect("PostgreSQL is there")
}

async fn try_connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Ends with the client.
    #[expect(clippy::disallowed_methods, reason = "the driver of a test's connection")]
    tokio::spawn(connection);
    Ok(client)
}

fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, ""), |(base, query)| (base, query));
    let start = base.find("://").map_or(0, |scheme| scheme + 3);
    let base = base[start..].rfind('/').map_or(base, |slash| &base[..start + slash]);
    if query.is_empty() { format!("{base}/{name}") } else { format!("{base}/{name}?{query}") }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
