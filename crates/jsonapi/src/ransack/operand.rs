//! What a condition compares each of its attributes with, once the kinds of the attributes are known.

use super::predicate::Operator;
use super::resolve::{Condition, Given};
use super::value::{Kind, Value, cast, cast_leniently};
use super::{Pattern, Strictness};
use crate::{Code, Problem};

/// The right-hand side of one attribute's comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// The predicate's operator, or its opposite where a flag says no.
    pub operator: Operator,
    /// None for a flag, one for a single value, any number for a list; patterns are spelled out.
    pub values: Vec<Value>,
}

impl Condition {
    /// Casts what was given by the kind of each attribute, one operand per attribute in their order; nothing
    /// if the condition has no usable value, which the first attribute decides.
    ///
    /// # Errors
    ///
    /// When the predicate makes no sense for a kind, or (under [`Strictness::Strict`]) a value cannot be read
    /// as it.
    pub fn operands(&self, kinds: &[Kind], strictness: Strictness) -> Result<Option<Vec<Operand>>, Problem> {
        let mut operands = Vec::with_capacity(kinds.len());
        for (index, kind) in kinds.iter().enumerate() {
            let operand = match strictness {
                Strictness::Strict => Some(self.operand(*kind)?),
                Strictness::Lenient => self.operand_if_usable(*kind, index == 0)?,
            };
            let Some(operand) = operand else { return Ok(None) };
            operands.push(operand);
        }
        Ok(Some(operands))
    }

    fn operand(&self, kind: Kind) -> Result<Operand, Problem> {
        self.check(kind)?;
        let values = self.texts().iter().map(|text| match self.predicate.pattern {
            Some(pattern) => Ok(Value::Text(pattern.of(text))),
            None => cast(text, kind),
        });
        match values.collect::<Result<_, _>>() {
            Ok(values) => Ok(Operand { operator: self.operator(), values }),
            Err(unreadable) => Err(self.refuse(unreadable.to_string())),
        }
    }

    fn operand_if_usable(&self, kind: Kind, decides: bool) -> Result<Option<Operand>, Problem> {
        let texts = match &self.given {
            // The gem compares a text with the list's own text, and drops the condition on anything else.
            Given::Misplaced(members) if kind == Kind::Text => vec![listing(members)],
            Given::Misplaced(_) => return Ok(None),
            _ => self.texts().to_vec(),
        };
        let values: Vec<Option<Value>> = texts.iter().map(|text| cast_leniently(text, kind)).collect();
        if decides && !values.is_empty() && values.iter().all(Option::is_none) {
            return Ok(None);
        }
        self.check(kind)?;
        let pattern = |value| match (self.predicate.pattern, value) {
            (Some(pattern), Value::Text(text)) => Value::Text(Pattern::of(pattern, &text)),
            (_, value) => value,
        };
        let values = values.into_iter().map(|value| pattern(value.unwrap_or(Value::Null))).collect();
        Ok(Some(Operand { operator: self.operator(), values }))
    }

    fn check(&self, kind: Kind) -> Result<(), Problem> {
        if self.predicate.applies_to(kind) {
            return Ok(());
        }
        Err(self.refuse(format!(
            "{} does not work on an attribute that holds {}",
            self.predicate.name,
            kind.noun()
        )))
    }

    fn operator(&self) -> Operator {
        match self.given {
            Given::Flag(false) => self.predicate.operator.opposite(),
            _ => self.predicate.operator,
        }
    }

    fn texts(&self) -> &[String] {
        match &self.given {
            Given::Flag(_) => &[],
            Given::One(text) => std::slice::from_ref(text),
            Given::List(texts) | Given::Misplaced(texts) => texts,
        }
    }

    fn refuse(&self, detail: String) -> Problem {
        Problem::new(Code::InvalidFilter, detail).at_parameter(&self.parameter)
    }
}

/// A list as Ruby prints it: `["a", "b"]`.
fn listing(members: &[String]) -> String {
    let quoted: Vec<String> = members.iter().map(|member| format!("{member:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ransack::{AttributePath, Combinator, Predicate};

    const MONEY: Kind = Kind::Decimal { scale: 2 };

    fn operands(
        predicate: &str,
        given: Given,
        kinds: &[Kind],
        strictness: Strictness,
    ) -> Result<Option<Vec<Operand>>, Problem> {
        let attribute = AttributePath { associations: vec![], attribute: "a".into() };
        Condition {
            attributes: vec![attribute; kinds.len()],
            combinator: Combinator::Or,
            predicate: Predicate::named(predicate).unwrap(),
            given,
            parameter: format!("q[a_{predicate}]"),
        }
        .operands(kinds, strictness)
    }

    fn one(text: &str) -> Given {
        Given::One(text.into())
    }

    fn list(texts: &[&str]) -> Given {
        Given::List(texts.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn each_attribute_gets_the_value_of_its_kind() {
        let found = operands("eq", one("1"), &[Kind::Integer, Kind::Text, MONEY], Strictness::Strict)
            .unwrap()
            .unwrap();
        let values: Vec<&Value> = found.iter().map(|operand| &operand.values[0]).collect();
        assert_eq!(
            values,
            [&Value::Integer(1), &Value::Text("1".into()), &Value::Decimal("1.00".parse().unwrap())]
        );
    }

    #[test]
    fn patterns_are_spelled_out_and_flags_folded_in() {
        let found = operands("not_cont", one("5%"), &[Kind::Text], Strictness::Strict).unwrap().unwrap();
        assert_eq!(
            found,
            [Operand { operator: Operator::NotLike, values: vec![Value::Text(r"%5\%%".into())] }]
        );
        for (predicate, flag, expected) in [
            ("null", true, Operator::Null),
            ("null", false, Operator::NotNull),
            ("true", false, Operator::NotTrue),
            ("not_false", false, Operator::False),
            ("blank", false, Operator::Present),
        ] {
            let found = operands(predicate, Given::Flag(flag), &[Kind::Boolean], Strictness::Strict)
                .unwrap()
                .unwrap();
            assert_eq!(found, [Operand { operator: expected, values: vec![] }], "{predicate}");
        }
    }

    #[test]
    fn patterns_and_truth_need_their_kind_in_both_readings() {
        for (predicate, given, kind) in [
            ("cont", one("4"), Kind::Integer),
            ("matches_any", list(&["4"]), Kind::Uuid),
            ("start", one("true"), Kind::Boolean),
            ("true", Given::Flag(true), Kind::Text),
            ("gt", one("x"), Kind::Json),
        ] {
            for strictness in [Strictness::Strict, Strictness::Lenient] {
                let problem = operands(predicate, given.clone(), &[kind], strictness).unwrap_err();
                assert_eq!(problem.code, Code::InvalidFilter, "{predicate}");
            }
        }
        // The gem casts first, and drops what is no date before it can fail.
        assert_eq!(operands("cont", one("2024"), &[Kind::DateTime], Strictness::Lenient), Ok(None));
    }

    #[test]
    fn unreadable_values_are_told_or_dropped() {
        let problem = operands("eq", one("garbage"), &[Kind::Date], Strictness::Strict).unwrap_err();
        assert_eq!(problem.detail, "\"garbage\" is not a date like 2026-01-31");
        assert_eq!(problem.source, Some(crate::Source::Parameter("q[a_eq]".into())));
        assert_eq!(operands("eq", one("garbage"), &[Kind::Date], Strictness::Lenient), Ok(None));
        assert_eq!(operands("in", list(&["x", "y"]), &[Kind::Boolean], Strictness::Lenient), Ok(None));
    }

    #[test]
    fn one_usable_member_keeps_a_list_and_the_first_attribute_decides() {
        let found = operands("not_in", list(&["x", "2000-02-29"]), &[Kind::Date], Strictness::Lenient)
            .unwrap()
            .unwrap();
        assert_eq!(found[0].values[0], Value::Null);
        let found =
            operands("eq", one("abc"), &[Kind::Text, Kind::Date], Strictness::Lenient).unwrap().unwrap();
        assert_eq!(found[1].values, [Value::Null]);
        assert_eq!(operands("eq", one("abc"), &[Kind::Date, Kind::Text], Strictness::Lenient), Ok(None));
    }

    #[test]
    fn a_list_in_the_place_of_one_text_is_its_own_text() {
        let misplaced = || Given::Misplaced(vec!["a".into(), "b\"".into()]);
        let found = operands("eq", misplaced(), &[Kind::Text], Strictness::Lenient).unwrap().unwrap();
        assert_eq!(found[0].values, [Value::Text(r#"["a", "b\""]"#.into())]);
        assert_eq!(operands("eq", misplaced(), &[Kind::Integer], Strictness::Lenient), Ok(None));
    }
}
