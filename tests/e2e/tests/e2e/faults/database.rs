//! The database is stopped, crashes and hangs.

use pulse_testing::{Database, broker};

use crate::api::Api;
use crate::faults::audience::Audience;
use crate::faults::fleet::{Fleet, TOGETHER};
use crate::faults::load::Load;
use crate::faults::while_it_lasts;
use crate::servers::Server;
use crate::stack::Stack;

/// How PostgreSQL is told to end its sessions and stop, and how to drop everything, which leaves it to recover from its
/// log.
const STOPS: [&str; 2] = ["INT", "QUIT"];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_database_that_stops_and_crashes() {
    let mut server = Server::postgres().await;
    let mut stack = Stack::start_at(Database::create_at(&server.url()).await, broker::settings().url).await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, TOGETHER).await;
    let load = Load::start(fleet.stack(), &api).await;

    for signal in STOPS {
        tokio::time::sleep(while_it_lasts() / 3).await;
        server.restart(signal).await;
    }
    tokio::time::sleep(while_it_lasts() / 3).await;

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_twice_because_the_database_hangs() {
    let server = Server::postgres().await;
    let mut stack = Stack::start_at(Database::create_at(&server.url()).await, broker::settings().url).await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, TOGETHER).await;
    let load = Load::start(fleet.stack(), &api).await;

    tokio::time::sleep(while_it_lasts() / 4).await;
    server.freeze(while_it_lasts()).await;
    tokio::time::sleep(while_it_lasts() / 4).await;

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
    fleet.stop().await;
}
