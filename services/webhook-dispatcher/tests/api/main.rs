//! webhook-dispatcher as the bus, the database and receivers see it.

mod app;
mod delivery;
mod fan_out;
mod lease;
mod process;
mod replay;
mod retry;
mod sweep;
