//! Commands: what one service asks another to do, as JSON on the exchange `pulse.commands`.
//!
//! Whoever asks chooses the id of what shall come of it, so a command that arrives twice has one effect, and its
//! effect can be looked for under that id.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::WorkspaceId;

/// Send a webhook delivery again, as a delivery of its own; the message id is `replay_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The delivery to be repeated.
    pub delivery_id: Uuid,
    /// The id of the delivery that repeats it.
    pub replay_id: Uuid,
}

impl Replay {
    /// The bytes of the message.
    ///
    /// # Panics
    /// Never: three ids are always JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("three ids are always JSON")
    }

    /// Reads a message; members it does not know are ignored, so that some can be added.
    ///
    /// # Errors
    /// When the bytes are not this command: such a message can never be handled.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_three_ids_in_json() {
        let [workspace, delivery, replay] = [1, 2, 3].map(Uuid::from_u128);
        let command = Replay { workspace_id: workspace.into(), delivery_id: delivery, replay_id: replay };
        let text =
            format!(r#"{{"workspace_id":"{workspace}","delivery_id":"{delivery}","replay_id":"{replay}"}}"#);
        assert_eq!(command.encode(), text.as_bytes());
        assert_eq!(Replay::decode(text.as_bytes()).expect("decodes"), command);
        assert!(Replay::decode(br#"{"workspace_id":"x"}"#).is_err());
    }
}
