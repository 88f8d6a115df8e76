//! crm-api: the JSON:API of the CRM. Publishes every change through the journal.

use clap::{Parser, Subcommand};
use crm_api::{App, NAME, Settings, settings};
use pulse_bus::dead_letters::{self, Depth};
use pulse_bus::topology::QUEUES;
use pulse_service::settings::Arguments;
use pulse_service::{Service, telemetry};
use pulse_store::{introspect, migrations};

/// The JSON:API of the CRM.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
    /// What to do; without it, everything that serves.
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Serves the JSON:API.
    Serve,
    /// Publishes the journal.
    Relay,
    /// Brings the tables up to date.
    Migrate,
    /// Prints crates/store/src/schema.rs for the migrated database.
    Schema,
    /// Counts what waits in every queue and what was set aside.
    DeadLetters {
        /// Puts what was set aside back into its queue.
        #[arg(long)]
        requeue: bool,
    },
    /// Makes the workspace of the demonstration and prints how to try it.
    Seed {
        /// The address that users know.
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        gateway: String,
        /// Where its webhooks go.
        #[arg(long, default_value = "http://127.0.0.1:8090/")]
        receiver: String,
        /// Prints the secret of its webhooks and nothing else.
        #[arg(long)]
        receiver_secret: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { arguments, role } = Cli::parse();
    if arguments.print_settings {
        println!("{}", pulse_service::settings::print(settings::DEFAULTS, arguments.config.as_deref())?);
        return Ok(());
    }
    let settings: Settings = pulse_service::settings::load(settings::DEFAULTS, arguments.config.as_deref())?;
    let _flush = telemetry::start(NAME, &settings.telemetry)?;
    match role {
        Some(Role::Migrate) => {
            let (crm, analytics) = settings.database_urls();
            for name in migrations::run(&crm, &analytics).await? {
                println!("applied {name}");
            }
            Ok(())
        }
        Some(Role::Schema) => {
            print!("{}", introspect::schema_of(&settings.database_urls().0).await?);
            Ok(())
        }
        Some(Role::DeadLetters { requeue }) => dead_letters(&settings, requeue).await,
        Some(Role::Seed { receiver_secret: true, .. }) => {
            println!("{}", crm_api::seed::Tokens::of(&settings)?.webhook);
            Ok(())
        }
        Some(Role::Seed { gateway, receiver, .. }) => {
            println!("{}", crm_api::seed::run(&App::new(&settings)?, &gateway, &receiver).await?);
            Ok(())
        }
        Some(Role::Serve) => run(&settings, true, false).await,
        Some(Role::Relay) => run(&settings, false, true).await,
        None => run(&settings, true, true).await,
    }
}

async fn dead_letters(settings: &Settings, requeue: bool) -> anyhow::Result<()> {
    for queue in QUEUES {
        let moved = if requeue { dead_letters::requeue(&settings.bus, *queue).await? } else { 0 };
        let Depth { ready, dead } = dead_letters::depth(&settings.bus, *queue).await?;
        println!("{}: {ready} waiting, {dead} set aside, {moved} put back", queue.name);
    }
    Ok(())
}

async fn run(settings: &Settings, serve: bool, relay: bool) -> anyhow::Result<()> {
    let app = App::new(settings)?;
    let mut service = Service::new(NAME);
    if serve {
        crm_api::serve(&mut service, &app)?;
    }
    if relay {
        crm_api::publish(&mut service, &app);
    }
    service.run().await
}
