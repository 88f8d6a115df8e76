//! Processes are killed one after the other, again and again.

use crate::api::Api;
use crate::faults::audience::Audience;
use crate::faults::fleet::{APART, Fleet, Part, TOGETHER};
use crate::faults::load::Load;
use crate::faults::while_it_lasts;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_run_apart_lose_nothing_when_any_of_them_is_killed() {
    killed(APART).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatchers_in_all_roles_lose_nothing_when_they_are_killed() {
    killed(TOGETHER).await;
}

async fn killed(parts: &[Part]) {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, parts).await;
    let load = Load::start(fleet.stack(), &api).await;

    fleet.die_in_turn(while_it_lasts()).await;

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
    fleet.stop().await;
}
