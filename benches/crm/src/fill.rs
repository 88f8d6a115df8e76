//! The workspace that is measured: its owner signs up over HTTP, its contacts are made by the database.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::http::{Connection, request};

const EMAIL: &str = "bench@pulse.test";
const PASSWORD: &str = "bench pass phrase";

/// What last names begin with. Every one of them followed by every [`ENDINGS`] makes 4,800 names: of 200,000 contacts
/// about 42 share one, as many as a person who looks for somebody wants to see.
const ROOTS: &[&str] = &[
    "Abbing", "Ashen", "Barrow", "Beck", "Birch", "Black", "Bower", "Brand", "Bright", "Brook", "Calder",
    "Carver", "Chester", "Clay", "Cold", "Crane", "Croft", "Dale", "Dray", "Drum", "Dunn", "East", "Elder",
    "Elm", "Fair", "Fallow", "Farr", "Fen", "Field", "Flint", "Ford", "Fox", "Gard", "Glen", "Gold", "Grant",
    "Green", "Grims", "Hart", "Hawk", "Hazel", "Heath", "Hollis", "Holt", "Horn", "Hurst", "Kell", "Kemp",
    "Kings", "Lang", "Lark", "Linden", "Lock", "Marl", "Marsh", "Mead", "Mill", "Moor", "North", "Oak",
    "Pem", "Quill", "Rams", "Raven", "Red", "Ridge", "Rook", "Rush", "Sand", "Shel", "Stan", "Stock",
    "Thorn", "Till", "Under", "Wade", "Wal", "West", "White", "Wolf",
];

/// What they end with.
const ENDINGS: &[&str] = &[
    "acre", "bank", "berg", "bourne", "bridge", "brough", "burn", "bury", "by", "cliffe", "combe", "cote",
    "den", "dyke", "fell", "field", "ford", "fors", "gate", "grave", "ham", "haven", "head", "hill", "holme",
    "house", "hurst", "ing", "kirk", "land", "ley", "low", "man", "mere", "mond", "moore", "mouth", "ness",
    "ock", "over", "pool", "rick", "rigg", "shaw", "side", "son", "stead", "stone", "stow", "thorpe", "ton",
    "vale", "wald", "ward", "water", "well", "wick", "wood", "worth", "yard",
];

const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Alan",
    "Amara",
    "Anneke",
    "Barbara",
    "Carl",
    "Chen",
    "Clara",
    "Dana",
    "Dmitri",
    "Edsger",
    "Elena",
    "Emil",
    "Farah",
    "Femi",
    "Grace",
    "Hedy",
    "Hiro",
    "Ines",
    "Ivan",
    "Jonas",
    "Katherine",
    "Kofi",
    "Lena",
    "Linus",
    "Mai",
    "Margaret",
    "Niklaus",
    "Noor",
    "Olga",
    "Omar",
    "Priya",
    "Radia",
    "Rosa",
    "Sofia",
    "Tim",
    "Ursula",
    "Vera",
    "Wei",
    "Yuki",
];

/// Every how manieth name is looked for.
const LOOKED_FOR: usize = 300;

/// The workspace of the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace(pub(crate) Uuid);

/// Signs the owner up, or in where an earlier run has; returns the value of `Authorization`.
pub(crate) async fn sign_up(crm: SocketAddr) -> anyhow::Result<String> {
    let form = serde_json::json!({
        "workspace_name": "Bench", "name": "Bench", "email": EMAIL, "password": PASSWORD,
    });
    let mut connection = Connection::open(crm).await?;
    for path in ["/api/v1/auth/sign_in", "/api/v1/auth/sign_up"] {
        let answer = connection.send(&request("POST", path, None, &form.to_string())).await?;
        if answer.status == 201 {
            return Ok(answer.header("authorization").context("a session without a token")?.to_owned());
        }
    }
    bail!("{EMAIL} can neither sign in nor sign up")
}

/// Fills the workspace unless an earlier run has.
pub(crate) async fn workspace(database: &Client, contacts: u32) -> anyhow::Result<Workspace> {
    let row = database
        .query_one("SELECT workspace_id FROM users WHERE email = $1 AND deleted_at IS NULL", &[&EMAIL])
        .await?;
    let workspace: Uuid = row.get(0);
    let row =
        database.query_one("SELECT count(*) FROM contacts WHERE workspace_id = $1", &[&workspace]).await?;
    let known: i64 = row.get(0);
    if known < i64::from(contacts) {
        fill(database, workspace, i64::from(contacts)).await?;
    }
    Ok(Workspace(workspace))
}

async fn fill(database: &Client, workspace: Uuid, contacts: i64) -> anyhow::Result<()> {
    database.execute("DELETE FROM contacts WHERE workspace_id = $1", &[&workspace]).await?;
    let companies = "
        INSERT INTO companies (workspace_id, id, name, domain)
        SELECT $1, gen_random_uuid(), 'Company ' || n, 'company-' || n || '.example'
          FROM generate_series(1, 2000) n ON CONFLICT DO NOTHING";
    database.execute(companies, &[&workspace]).await?;
    // In the order of time, as an application makes them; every name is spread over all of it.
    let contacts_sql = "
        INSERT INTO contacts (workspace_id, id, first_name, last_name, title, email, phone, source, lifecycle,
                              score, company_id, created_at, updated_at)
        SELECT $1, gen_random_uuid(), f.name, l.name, 'Buyer', lower(f.name || '.' || l.name) || n || '@mail.example',
               '+44 20 ' || lpad((n * 7919 % 10000000)::text, 7, '0'), 'import', 'lead', (n % 100)::int,
               c.ids[1 + (n % cardinality(c.ids))::int], t.at, t.at
          FROM generate_series(1, $2::bigint) n
          CROSS JOIN LATERAL (SELECT ($3::text[])[1 + (n * 31 % cardinality($3::text[]))::int] AS name) f
          CROSS JOIN LATERAL (SELECT ($4::text[])[1 + (n * 2654435761 % cardinality($4::text[]))::int] AS name) l
          CROSS JOIN LATERAL (SELECT now() - make_interval(secs => ($2::bigint - n) * 30) AS at) t
          CROSS JOIN (SELECT array_agg(id) AS ids FROM companies WHERE workspace_id = $1) c";
    let names = last_names();
    database.execute(contacts_sql, &[&workspace, &contacts, &FIRST_NAMES, &names]).await?;
    for table in ["contacts", "companies"] {
        database.batch_execute(&format!("VACUUM (ANALYZE) {table}")).await?;
    }
    Ok(())
}

fn last_names() -> Vec<String> {
    let roots = ROOTS.iter();
    roots.flat_map(|root| ENDINGS.iter().map(move |ending| format!("{root}{ending}"))).collect()
}

/// What is looked for: the inside of some last names, as a person types it.
pub(crate) fn searches() -> Vec<String> {
    let wanted = last_names().into_iter().step_by(LOOKED_FOR);
    wanted.map(|name| name[1..].to_lowercase()).collect()
}
