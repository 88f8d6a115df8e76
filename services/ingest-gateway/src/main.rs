//! The program: reads its arguments and settings, and runs until it is told to stop.

use clap::Parser;
use ingest_gateway::{DEFAULTS, Role, Settings};
use pulse_service::{Service, settings, telemetry};

/// Takes website and revenue events and stores them.
#[derive(Debug, Parser)]
#[command(name = "ingest-gateway", version)]
struct Cli {
    #[command(flatten)]
    shared: settings::Arguments,
    /// The role to run in; all of them where none is named.
    #[command(subcommand)]
    role: Option<Role>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Cli::parse();
    let file = arguments.shared.config.as_deref();
    if arguments.shared.print_settings {
        println!("{}", settings::print(DEFAULTS, file)?);
        return Ok(());
    }
    let settings: Settings = settings::load(DEFAULTS, file)?;
    let _flush = telemetry::start("ingest-gateway", &settings.telemetry)?;

    let mut service = Service::new("ingest-gateway");
    ingest_gateway::build(&mut service, &settings, arguments.role)?;
    service.run().await
}
