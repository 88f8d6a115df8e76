//! crm-api: the JSON:API of the CRM. Publishes every change through the journal.

use clap::Parser;
use crm_api::roles::{Cli, run};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Cli::parse()).await
}
