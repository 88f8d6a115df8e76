//! Why a read or a write was not done.

use diesel::result::Error as DatabaseError;
use pulse_jsonapi::{Code, Problem};
use pulse_store::pool;

/// Why a read or a write was not done; nothing is half-written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client can fix it.
    #[error("rejected: {0:?}")]
    Rejected(Vec<Problem>),
    /// No connection could be had.
    #[error(transparent)]
    Unavailable(#[from] pool::Unavailable),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Rejected(vec![problem])
    }
}

impl From<Vec<Problem>> for Error {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Rejected(problems)
    }
}

/// No record of this type and id lives in the workspace; the same answer whether it never did, is in the trash, or
/// belongs to another workspace.
#[must_use]
pub fn not_found(resource: &str, id: impl std::fmt::Display) -> Problem {
    Problem::new(Code::NotFound, format!("There is no {resource} with the id {id}."))
}
