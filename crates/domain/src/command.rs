//! Commands: what one service asks another to do, as JSON on the exchange `pulse.commands`.
//!
//! Whoever asks chooses the id of what shall come of it, so a command that arrives twice has one effect, and its
//! effect can be looked for under that id.

use chrono::{DateTime, Utc};
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

/// Deliver an event to one webhook subscription that tells of nothing but the subscription; the message id is
/// `delivery_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Where it goes.
    pub subscription_id: Uuid,
    /// The id of the event.
    pub event_id: Uuid,
    /// The id of its delivery.
    pub delivery_id: Uuid,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
}

/// What shall become of many replays; the message id is `id` of a recovery that begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Begin one.
    Begin(Recover),
    /// Replay nothing more.
    Cancel {
        /// The tenant.
        workspace_id: WorkspaceId,
        /// The recovery.
        id: Uuid,
    },
}

/// Replay the deliveries of a subscription that were made within a time and are in one of some states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The id of the recovery.
    pub id: Uuid,
    /// Whose deliveries.
    pub subscription_id: Uuid,
    /// Deliveries made at this time or later.
    pub since: DateTime<Utc>,
    /// And before this one.
    pub until: DateTime<Utc>,
    /// States of deliveries.
    pub states: Vec<String>,
    /// Replays in a second at most.
    pub rate_per_second: i32,
}

macro_rules! messages {
    ($($command:ident),*) => {
        $(impl $command {
            /// The bytes of the message.
            ///
            /// # Panics
            /// Never: ids, times and texts are always JSON.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                serde_json::to_vec(self).expect("ids, times and texts are always JSON")
            }

            /// Reads a message; members it does not know are ignored, so that some can be added.
            ///
            /// # Errors
            /// When the bytes are not this command: such a message can never be handled.
            pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
                serde_json::from_slice(bytes)
            }
        })*
    };
}

messages!(Replay, Ping, Recovery);

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

    #[test]
    fn a_recovery_begins_and_is_cancelled_by_messages_that_cannot_be_confused() {
        let (id, workspace_id) = (Uuid::from_u128(1), WorkspaceId(Uuid::from_u128(2)));
        let since = DateTime::from_timestamp(1_767_225_600, 0).expect("in range");
        let begin = Recovery::Begin(Recover {
            workspace_id,
            id,
            subscription_id: Uuid::from_u128(3),
            since,
            until: since,
            states: vec!["exhausted".into()],
            rate_per_second: 10,
        });
        let cancel = Recovery::Cancel { workspace_id, id };
        for command in [begin, cancel] {
            assert_eq!(Recovery::decode(&command.encode()).expect("decodes"), command);
        }
        assert!(Recovery::decode(br#"{"pause":{}}"#).is_err());
    }
}
