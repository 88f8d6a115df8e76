//! Sites: what a website or shop is measured as.

use pulse_resource::{Resource, attribute, has_many};
use pulse_store::schema::{ingest_sites, ingest_tokens};

use super::ingest_tokens::INGEST_TOKENS;

/// The declaration.
pub(crate) static INGEST_SITES: Resource = Resource {
    name: "ingest_sites",
    table: "ingest_sites",
    attributes: &[
        attribute::<ingest_sites::name>().required().filter().sort(),
        attribute::<ingest_sites::domain>().filter().sort(),
        attribute::<ingest_sites::created_at>().read_only().filter().sort(),
        attribute::<ingest_sites::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<ingest_tokens::site_id>("ingest_tokens", &INGEST_TOKENS)],
    ..Resource::DEFAULT
};
