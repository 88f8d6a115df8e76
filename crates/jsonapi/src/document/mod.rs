//! Documents: reading what a client sends, writing what it gets.

mod read;
mod write;

pub use read::{Expect, Identifier, Linkage, ResourceInput, read_linkage, read_resource};
pub use write::{Document, Links, Writer};
