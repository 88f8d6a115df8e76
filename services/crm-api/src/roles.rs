//! What the program can be told to do: its roles, and the tools of those who operate it.

use clap::{Parser, Subcommand};
use pulse_bus::dead_letters::{self, DeadLetter, Depth};
use pulse_bus::topology::QUEUES;
use pulse_service::settings::Arguments;
use pulse_service::{Service, telemetry};
use pulse_store::{introspect, migrations};

use crate::{App, NAME, Settings, seed, settings};

/// The JSON:API of the CRM.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(flatten)]
    arguments: Arguments,
    /// What to do; without it, everything that serves.
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Serves the JSON:API.
    Serve,
    /// Publishes the journal.
    Relay,
    /// Chains the audit log and forgets idempotency keys.
    Upkeep,
    /// Sends mails.
    Mail,
    /// Brings the tables up to date.
    Migrate,
    /// Prints crates/store/src/schema.rs for the migrated database.
    Schema,
    /// Counts what waits in every queue and what was set aside, and says why.
    DeadLetters {
        /// Shows so many at most of each queue, the oldest first.
        #[arg(long, default_value_t = 10)]
        show: u32,
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

/// Does it, and returns when it is done or told to stop.
///
/// # Errors
/// When the settings are not usable, or what was asked for fails.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { arguments, role } = cli;
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
        Some(Role::DeadLetters { show, requeue }) => tell_of_dead_letters(&settings, show, requeue).await,
        Some(Role::Seed { receiver_secret: true, .. }) => {
            println!("{}", seed::Tokens::of(&settings)?.webhook);
            Ok(())
        }
        Some(Role::Seed { gateway, receiver, .. }) => {
            println!("{}", seed::run(&App::new(&settings)?, &gateway, &receiver).await?);
            Ok(())
        }
        Some(Role::Serve) => play(&settings, &[Part::Serve]).await,
        Some(Role::Relay) => play(&settings, &[Part::Relay]).await,
        Some(Role::Upkeep) => play(&settings, &[Part::Upkeep]).await,
        Some(Role::Mail) => play(&settings, &[Part::Mail]).await,
        None => play(&settings, &[Part::Serve, Part::Relay, Part::Mail, Part::Upkeep]).await,
    }
}

async fn tell_of_dead_letters(settings: &Settings, show: u32, requeue: bool) -> anyhow::Result<()> {
    for queue in QUEUES {
        let letters = dead_letters::look(&settings.bus, *queue, show).await?;
        let moved = if requeue { dead_letters::requeue(&settings.bus, *queue).await? } else { 0 };
        let Depth { ready, dead } = dead_letters::depth(&settings.bus, *queue).await?;
        println!("{}: {ready} waiting, {dead} set aside, {moved} put back", queue.name);
        for DeadLetter { id, kind, reason } in letters {
            let (id, kind) = (id.as_deref().unwrap_or("no id"), kind.as_deref().unwrap_or("no type"));
            println!("  {id} {kind}: {reason}");
        }
    }
    Ok(())
}

/// What runs until it is told to stop, and can be scaled apart.
#[derive(PartialEq, Eq)]
enum Part {
    Serve,
    Relay,
    Upkeep,
    Mail,
}

async fn play(settings: &Settings, parts: &[Part]) -> anyhow::Result<()> {
    let app = App::new(settings)?;
    let mut service = Service::new(NAME);
    if parts.contains(&Part::Serve) {
        crate::serve(&mut service, &app)?;
    } else {
        crate::health(&mut service, &app)?;
    }
    if parts.contains(&Part::Relay) {
        crate::publish(&mut service, &app);
    }
    if parts.contains(&Part::Upkeep) {
        crate::keep_up(&mut service, &app);
    }
    if parts.contains(&Part::Mail) {
        crate::send_mail(&mut service, &app)?;
    }
    service.run().await
}
