//! incoming-trigger: trigger URLs that start workflows, and the worker that runs them.

use clap::Parser;
use incoming_trigger::{DEFAULTS, Role, Settings};
use pulse_service::settings::Arguments;
use pulse_service::{Service, settings, telemetry};

/// Answers trigger URLs and runs the workflows they start.
#[derive(Debug, Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
    #[command(subcommand)]
    role: Option<Role>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command { arguments, role } = Command::parse();
    let file = arguments.config.as_deref();
    if arguments.print_settings {
        println!("{}", settings::print(DEFAULTS, file)?);
        return Ok(());
    }
    let settings: Settings = settings::load(DEFAULTS, file)?;
    let _flush = telemetry::start("incoming-trigger", &settings.telemetry)?;

    let mut service = Service::new("incoming-trigger");
    incoming_trigger::build(&mut service, &settings, role)?;
    service.run().await
}
