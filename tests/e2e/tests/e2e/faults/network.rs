//! The network between the services and what they depend on is slow, hangs, and breaks.

use std::time::Duration;

use pulse_testing::{Database, broker};
use secrecy::ExposeSecret;

use crate::api::Api;
use crate::faults::audience::Audience;
use crate::faults::fleet::{Fleet, TOGETHER};
use crate::faults::load::Load;
use crate::faults::while_it_lasts;
use crate::proxy::Proxy;
use crate::stack::Stack;

/// Each way, as between continents.
const SLOW: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn events_outlive_a_network_that_is_slow_hangs_and_breaks() {
    let database = Database::create().await;
    let proxies =
        [Proxy::start(&database.url).await, Proxy::start(broker::settings().url.expose_secret()).await];
    let [to_database, to_broker] = &proxies;
    let mut stack = Stack::start_at(Database { url: to_database.url() }, to_broker.url().into()).await;
    let api = Api::sign_up(&stack).await;
    let audience = Audience::subscribe(&api).await;
    let mut fleet = Fleet::take_over(&mut stack, TOGETHER).await;
    let load = Load::start(fleet.stack(), &api).await;

    let faults: [fn(&Proxy); 3] = [|line| line.slow_down(SLOW), Proxy::hang, Proxy::cut];
    for (fault, proxy) in faults.iter().flat_map(|fault| proxies.iter().map(move |proxy| (fault, proxy))) {
        fault(proxy);
        tokio::time::sleep(while_it_lasts() / 4).await;
        proxy.restore();
        tokio::time::sleep(while_it_lasts() / 8).await;
    }

    audience.audit(fleet.stack(), load.stop().await).await;
    fleet.assert_running();
    fleet.stop().await;
}
