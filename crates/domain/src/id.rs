//! Identifiers: UUIDs with the meaning in their type.
//!
//! Records get UUIDv7 (time-ordered, made by the application); clients may bring their own UUID on create.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a time-ordered identifier (UUIDv7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// The tenant. Every query of tenant data takes one; none can be expressed without it.
    WorkspaceId
}
id! {
    /// A record of any resource.
    RecordId
}
id! {
    /// An event; what receivers and consumers are idempotent on.
    EventId
}

/// Derives the identifier of something that must come out the same when the work that makes it is done again, from
/// the thing it belongs to and a name unique within it: the first 128 bits of a SHA-256, marked as version 8.
#[must_use]
pub fn derived(owner: Uuid, name: &str) -> Uuid {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(owner.as_bytes());
    context.update(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_depends_on_owner_and_name_alone() {
        let owner = Uuid::from_u128(7);
        assert_eq!(derived(owner, "1"), derived(owner, "1"));
        assert_ne!(derived(owner, "1"), derived(owner, "2"));
        assert_ne!(derived(owner, "1"), derived(Uuid::from_u128(8), "1"));
        assert_eq!(derived(owner, "1").get_version_num(), 8);
    }
}
