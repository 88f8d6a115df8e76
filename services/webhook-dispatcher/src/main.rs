//! webhook-dispatcher: tells the outside world what happened, signed and retried for 24 hours.

use clap::Parser;
use mimalloc::MiMalloc;
use pulse_service::{Service, settings, telemetry};
use webhook_dispatcher::{DEFAULTS, Role, Settings};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Signed outgoing webhooks. Without a role it plays all of them.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: settings::Arguments,
    #[command(subcommand)]
    role: Option<Role>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let file = cli.arguments.config.as_deref();
    if cli.arguments.print_settings {
        println!("{}", settings::print(DEFAULTS, file)?);
        return Ok(());
    }
    let settings: Settings = settings::load(DEFAULTS, file)?;
    let _flush = telemetry::start("webhook-dispatcher", &settings.telemetry)?;
    let mut service = Service::new("webhook-dispatcher");
    webhook_dispatcher::build(&mut service, &settings, cli.role)?;
    service.run().await
}
