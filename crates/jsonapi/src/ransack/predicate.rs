//! The predicates, as data: all 62 names, what they compare and what they expect as a value.

use super::value::Kind;

/// What a filter key can end with.
#[derive(Debug, PartialEq, Eq)]
pub struct Predicate {
    /// The name, without the underscore that joins it to the attribute.
    pub name: &'static str,
    /// The comparison with one value (or, for `in` and `not_in`, with all of them).
    pub operator: Operator,
    /// What it expects as a value.
    pub shape: Shape,
    /// How the value becomes a pattern; only for [`Operator::Like`] and [`Operator::NotLike`].
    pub pattern: Option<Pattern>,
    /// Whether several values are joined by `OR` or `AND`; only where `shape` is a list.
    pub compound: Option<Compound>,
    /// Whether over a to-many association it means "no member violates it" instead of "some member fulfils
    /// it".
    pub negative: bool,
}

/// A comparison of a column with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `c = v`
    Eq,
    /// `c <> v`; a null matches neither this nor its opposite.
    NotEq,
    /// `c < v`
    Lt,
    /// `c <= v`
    Lteq,
    /// `c > v`
    Gt,
    /// `c >= v`
    Gteq,
    /// `c IN (v, ..)`
    In,
    /// `c NOT IN (v, ..)`
    NotIn,
    /// `c ILIKE v`
    Like,
    /// `c NOT ILIKE v`
    NotLike,
    /// `c = TRUE`
    True,
    /// `c <> TRUE`
    NotTrue,
    /// `c = FALSE`
    False,
    /// `c <> FALSE`
    NotFalse,
    /// `c IS NULL`
    Null,
    /// `c IS NOT NULL`
    NotNull,
    /// `c IS NOT NULL AND c <> ''`, on anything but text only the first half.
    Present,
    /// `c IS NULL OR c = ''`, on anything but text only the first half.
    Blank,
}

/// What a predicate expects as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// Any number of values; a single one is a list of one.
    List,
    /// Yes or no: no turns the operator into its opposite.
    Flag,
}

/// How a value becomes an `ILIKE` pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// The value is the pattern, wildcards live.
    Raw,
    /// `%value%`
    Contains,
    /// `%value%` in lower case
    ContainsLowered,
    /// `value%`
    Starts,
    /// `%value`
    Ends,
}

/// How the values of an `_any` or `_all` predicate are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compound {
    /// One of the comparisons must hold.
    Any,
    /// All comparisons must hold.
    All,
}

use Operator as O;
use Pattern as P;

/// Every predicate. `in_any` and its like compare one value at a time, so they are `eq` and `not_eq`
/// underneath.
#[rustfmt::skip]
pub static PREDICATES: [Predicate; 62] = [
    one("eq", O::Eq),                                 any("eq_any", O::Eq),                                 all("eq_all", O::Eq),
    one("not_eq", O::NotEq),                          any("not_eq_any", O::NotEq),                          all("not_eq_all", O::NotEq),
    one("lt", O::Lt),                                 any("lt_any", O::Lt),                                 all("lt_all", O::Lt),
    one("lteq", O::Lteq),                             any("lteq_any", O::Lteq),                             all("lteq_all", O::Lteq),
    one("gt", O::Gt),                                 any("gt_any", O::Gt),                                 all("gt_all", O::Gt),
    one("gteq", O::Gteq),                             any("gteq_any", O::Gteq),                             all("gteq_all", O::Gteq),
    list("in", O::In),                                any("in_any", O::Eq),                                 all("in_all", O::Eq),
    list("not_in", O::NotIn),                         any("not_in_any", O::NotEq),                          all("not_in_all", O::NotEq),
    one("matches", O::Like).like(P::Raw),             any("matches_any", O::Like).like(P::Raw),             all("matches_all", O::Like).like(P::Raw),
    one("does_not_match", O::NotLike).like(P::Raw),   any("does_not_match_any", O::NotLike).like(P::Raw),   all("does_not_match_all", O::NotLike).like(P::Raw),
    one("cont", O::Like).like(P::Contains),           any("cont_any", O::Like).like(P::Contains),           all("cont_all", O::Like).like(P::Contains),
    one("not_cont", O::NotLike).like(P::Contains),    any("not_cont_any", O::NotLike).like(P::Contains),    all("not_cont_all", O::NotLike).like(P::Contains),
    one("i_cont", O::Like).like(P::ContainsLowered),  any("i_cont_any", O::Like).like(P::ContainsLowered),  all("i_cont_all", O::Like).like(P::ContainsLowered),
    one("not_i_cont", O::NotLike).like(P::ContainsLowered), any("not_i_cont_any", O::NotLike).like(P::ContainsLowered), all("not_i_cont_all", O::NotLike).like(P::ContainsLowered),
    one("start", O::Like).like(P::Starts),            any("start_any", O::Like).like(P::Starts),            all("start_all", O::Like).like(P::Starts),
    one("not_start", O::NotLike).like(P::Starts),     any("not_start_any", O::NotLike).like(P::Starts),     all("not_start_all", O::NotLike).like(P::Starts),
    one("end", O::Like).like(P::Ends),                any("end_any", O::Like).like(P::Ends),                all("end_all", O::Like).like(P::Ends),
    one("not_end", O::NotLike).like(P::Ends),         any("not_end_any", O::NotLike).like(P::Ends),         all("not_end_all", O::NotLike).like(P::Ends),
    flag("true", O::True),                            flag("not_true", O::NotTrue),
    flag("false", O::False),                          flag("not_false", O::NotFalse),
    flag("null", O::Null),                            flag("not_null", O::NotNull),
    flag("present", O::Present),                      flag("blank", O::Blank),
];

const fn one(name: &'static str, operator: Operator) -> Predicate {
    // `false`, `null` and `blank` count as positive: only the word `not` makes a predicate negative.
    let negative =
        matches!(operator, O::NotEq | O::NotIn | O::NotLike | O::NotTrue | O::NotFalse | O::NotNull);
    Predicate { name, operator, shape: Shape::One, pattern: None, compound: None, negative }
}

const fn list(name: &'static str, operator: Operator) -> Predicate {
    Predicate { shape: Shape::List, ..one(name, operator) }
}

const fn any(name: &'static str, operator: Operator) -> Predicate {
    Predicate { compound: Some(Compound::Any), ..list(name, operator) }
}

const fn all(name: &'static str, operator: Operator) -> Predicate {
    Predicate { compound: Some(Compound::All), ..list(name, operator) }
}

const fn flag(name: &'static str, operator: Operator) -> Predicate {
    Predicate { shape: Shape::Flag, ..one(name, operator) }
}

impl Predicate {
    const fn like(self, pattern: Pattern) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// Finds a predicate by its whole name, which is case-sensitive.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PREDICATES.iter().find(|predicate| predicate.name == name)
    }

    /// Splits a key into what comes before its predicate and the longest predicate it ends with.
    #[must_use]
    pub fn split(key: &str) -> Option<(&str, &'static Self)> {
        // From the left, so that the first predicate found is the longest.
        key.match_indices('_')
            .filter(|(at, _)| *at > 0)
            .find_map(|(at, _)| Some((&key[..at], Self::named(&key[at + 1..])?)))
    }

    /// Whether the predicate makes sense on a column of this kind: patterns need text, truth needs a boolean.
    #[must_use]
    pub fn applies_to(&self, kind: Kind) -> bool {
        match self.operator {
            O::Like | O::NotLike => kind == Kind::Text,
            O::True | O::NotTrue | O::False | O::NotFalse => kind == Kind::Boolean,
            O::Lt | O::Lteq | O::Gt | O::Gteq => kind != Kind::Json,
            _ => true,
        }
    }
}

impl Operator {
    /// The operator that holds for exactly the other values, nulls aside: what a flag predicate becomes when
    /// its value says no, and what a member of a to-many association must not fulfil under a negative
    /// predicate.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            O::Eq => O::NotEq,
            O::NotEq => O::Eq,
            O::Lt => O::Gteq,
            O::Lteq => O::Gt,
            O::Gt => O::Lteq,
            O::Gteq => O::Lt,
            O::In => O::NotIn,
            O::NotIn => O::In,
            O::Like => O::NotLike,
            O::NotLike => O::Like,
            O::True => O::NotTrue,
            O::NotTrue => O::True,
            O::False => O::NotFalse,
            O::NotFalse => O::False,
            O::Null => O::NotNull,
            O::NotNull => O::Null,
            O::Present => O::Blank,
            O::Blank => O::Present,
        }
    }
}

impl Pattern {
    /// Makes the `ILIKE` pattern for a value.
    #[must_use]
    pub fn of(self, value: &str) -> String {
        match self {
            Self::Raw => value.to_owned(),
            Self::Contains => format!("%{}%", escape(value)),
            // Character by character: the gem does not apply the final-sigma rule of `str::to_lowercase`,
            // which would hide matches.
            Self::ContainsLowered => {
                format!("%{}%", escape(&value.chars().flat_map(char::to_lowercase).collect::<String>()))
            }
            Self::Starts => format!("{}%", escape(value)),
            Self::Ends => format!("%{}", escape(value)),
        }
    }
}

/// Puts a backslash before what `LIKE` would read as a wildcard or an escape.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_found_at_the_end_of_a_key() {
        let names: std::collections::HashSet<&str> =
            PREDICATES.iter().map(|predicate| predicate.name).collect();
        assert_eq!(names.len(), 62);
        for predicate in &PREDICATES {
            let key = format!("some_name_{}", predicate.name);
            assert_eq!(Predicate::split(&key), Some(("some_name", predicate)), "{key}");
        }
    }

    #[test]
    fn compounds_are_lists_of_what_their_base_compares() {
        for predicate in PREDICATES.iter().filter(|predicate| predicate.compound.is_some()) {
            let (base, _) = predicate.name.rsplit_once('_').unwrap();
            let base = Predicate::named(base).unwrap();
            let operator = match base.operator {
                Operator::In => Operator::Eq,
                Operator::NotIn => Operator::NotEq,
                other => other,
            };
            assert_eq!(
                (predicate.operator, predicate.pattern),
                (operator, base.pattern),
                "{}",
                predicate.name
            );
            assert_eq!(
                (predicate.shape, predicate.negative),
                (Shape::List, base.negative),
                "{}",
                predicate.name
            );
        }
    }

    #[test]
    fn negative_is_what_says_not() {
        for predicate in &PREDICATES {
            let says_not = predicate.name.contains("not_");
            assert_eq!(predicate.negative, says_not, "{}", predicate.name);
        }
    }

    #[test]
    fn opposites_are_mutual_and_patterns_follow_their_operator() {
        for predicate in &PREDICATES {
            assert_eq!(predicate.operator.opposite().opposite(), predicate.operator);
            let like = matches!(predicate.operator, Operator::Like | Operator::NotLike);
            assert_eq!(predicate.pattern.is_some(), like, "{}", predicate.name);
        }
    }

    #[test]
    fn patterns_escape_wildcards_except_raw_ones() {
        assert_eq!(Pattern::Raw.of(r"50%_\"), r"50%_\");
        assert_eq!(Pattern::Contains.of(r"50%_\."), r"%50\%\_\\.%");
        assert_eq!(Pattern::Starts.of("A_"), r"A\_%");
        assert_eq!(Pattern::Ends.of("é."), "%é.");
        assert_eq!(Pattern::ContainsLowered.of("ΟΔΟΣ İ"), "%οδοσ i\u{307}%");
    }

    #[test]
    fn keys_without_a_predicate_do_not_split() {
        for key in ["", "eq", "_eq", "first_name", "name_EQ", "name_eq_", "name_true_any", "nameeq"] {
            assert_eq!(Predicate::split(key), None, "{key}");
        }
    }
}
