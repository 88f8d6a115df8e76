//! incoming-trigger as users meet it: over HTTP, with a database of its own and an imitation of crm-api.

mod app;
mod bounds;
mod crm;
mod receive;
mod runs;
mod takeover;
