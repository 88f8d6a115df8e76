//! Tables that typed queries read together.

use crate::schema::{api_tokens, user_sessions, users, webhook_deliveries, webhook_payloads};

// Whoever is asked who they are, is asked what they are as well.
diesel::allow_tables_to_appear_in_same_query!(api_tokens, user_sessions, users);
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhook_payloads);
