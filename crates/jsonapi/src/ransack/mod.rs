//! Ransack's filter language, as the gem reads it on PostgreSQL, up to but not including SQL.
//!
//! [`search`] cleans the nested parameters into a tree of raw conditions (syntax only); [`mod@resolve`] turns
//! their keys into attribute paths and predicates, using [`key`] and the table in [`predicate`]; [`operand`]
//! checks a condition against the kinds of its attributes and casts its values with [`value`]. What cannot be
//! understood is a problem under [`Strictness::Strict`] and is dropped, as the gem does, under
//! [`Strictness::Lenient`]. [`filter`] is for JSON instead of columns: it reads conditions and compares by itself.

pub mod filter;
pub mod key;
pub mod operand;
pub mod predicate;
pub mod resolve;
pub mod search;
pub mod value;

pub use filter::Filter;
pub use key::{AttributePath, Hop, Names};
pub use operand::Operand;
pub use predicate::{Compound, Operator, PREDICATES, Pattern, Predicate, Shape};
pub use resolve::{Condition, Given, Group, ScopeCall, Sort, resolve, resolve_sorts};
pub use search::{Combinator, Family, RawCondition, RawKey, Search};
pub use value::{Kind, Value};

/// What happens to a filter that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is a problem: a typo never widens a result.
    #[default]
    Strict,
    /// It is dropped or read as far as possible, as the gem does by default.
    Lenient,
}
