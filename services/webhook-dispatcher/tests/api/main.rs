//! webhook-dispatcher as the bus, the database and receivers see it.

mod app;
mod blocked;
mod delivery;
mod fan_out;
mod full;
mod health;
mod lease;
mod order;
mod ping;
mod process;
mod proxy;
mod rate;
mod recover;
mod replay;
mod retry;
mod signature;
mod sweep;
mod upkeep;
