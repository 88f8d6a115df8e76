//! The broker loses all that it has, and the broker hangs.

use pulse_testing::Database;

use crate::api::Api;
use crate::faults::audience::Audience;
use crate::faults::fleet::{Fleet, TOGETHER};
use crate::faults::load::Load;
use crate::faults::while_it_lasts;
use crate::servers::Server;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn events_outlive_a_broker_that_loses_its_data() {
    let mut broker = Server::rabbitmq().await;
    let mut stack = Stack::start_at(Database::create().await, broker.url().into()).await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, TOGETHER).await;
    let load = Load::start(fleet.stack(), &api).await;

    tokio::time::sleep(while_it_lasts() / 2).await;
    broker.wipe().await;
    tokio::time::sleep(while_it_lasts() / 2).await;

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_broker_that_hangs() {
    let broker = Server::rabbitmq().await;
    let mut stack = Stack::start_at(Database::create().await, broker.url().into()).await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, TOGETHER).await;
    let load = Load::start(fleet.stack(), &api).await;

    tokio::time::sleep(while_it_lasts() / 4).await;
    broker.freeze(while_it_lasts()).await;

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
}
