//! One comparison: a column, reached by a path, with what was given.

use pulse_jsonapi::ransack::{Compound, Kind, Operand, Operator, Value};

use super::name::Column;
use crate::declare::Hop;
use crate::statement::{Bind, List, Statement};

/// A comparison of a column at the end of a path.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// From the record that the condition is about.
    pub(super) path: Vec<Hop>,
    column: Column,
    pub(super) operator: Operator,
    pub(super) values: Vec<Value>,
    pub(super) compound: Option<Compound>,
    negative: bool,
}

/// Which records at the end of its path a comparison is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// One that meets the other conditions on the path too.
    Shared,
    /// Any one, whatever the others ask for.
    Alone,
    /// All of them: none may be otherwise.
    Every,
}

impl Comparison {
    pub(super) fn new(
        path: Vec<Hop>,
        column: Column,
        operand: Operand,
        compound: Option<Compound>,
        negative: bool,
    ) -> Self {
        let Operand { mut operator, mut values } = operand;
        let mut compound = compound;
        for value in &mut values {
            column.adapt(value);
            if let Value::Text(text) = value
                && matches!(operator, Operator::Eq | Operator::NotEq | Operator::In | Operator::NotIn)
                && let Some(name) = column.type_of_class(text)
            {
                name.clone_into(text);
            }
        }
        if column.kind() == Kind::Json {
            // There are no arrays of JSON among the values that are bound.
            (operator, compound) = match operator {
                Operator::In => (Operator::Eq, Some(Compound::Any)),
                Operator::NotIn => (Operator::NotEq, Some(Compound::All)),
                other => (other, compound),
            };
        }
        Self { path, column, operator, values, compound, negative }
    }

    /// A negative predicate over a to-many relationship means that no member violates it; only that something is there
    /// asks for a member all the same.
    pub(super) fn reach(&self) -> Reach {
        match self.path.last() {
            Some(last) if self.negative && !last.relationship.to_one() => match self.operator {
                Operator::NotNull => Reach::Alone,
                _ => Reach::Every,
            },
            _ => Reach::Shared,
        }
    }

    /// The comparison that holds where this one does not, nulls aside.
    pub(super) fn opposite(self) -> Self {
        let compound = self.compound.map(|compound| match compound {
            Compound::Any => Compound::All,
            Compound::All => Compound::Any,
        });
        Self { operator: self.operator.opposite(), compound, negative: false, ..self }
    }

    /// Whether it holds where the path leads to no record: all columns are null there.
    pub(super) fn holds_for_nothing(&self) -> bool {
        let mut nulls = self.values.iter().map(|value| self.asks_for_null(self.operator, value));
        match self.compound {
            _ if matches!(self.operator, Operator::Null | Operator::Blank) => true,
            Some(Compound::Any) => nulls.any(|null| null),
            _ => !self.values.is_empty() && nulls.all(|null| null),
        }
    }

    /// What the lenient reading makes of a date that is none equals null, but a malformed id equals nothing.
    fn asks_for_null(&self, operator: Operator, value: &Value) -> bool {
        operator == Operator::Eq && *value == Value::Null && self.column.kind() != Kind::Uuid
    }

    /// Writes the comparison of the column in the row behind `alias`.
    pub(super) fn write(&self, alias: &str, sql: &mut Statement) {
        let Some(compound) = self.compound else {
            return self.write_one(alias, &self.values, sql);
        };
        sql.sql("(");
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                sql.sql(match compound {
                    Compound::Any => " OR ",
                    Compound::All => " AND ",
                });
            }
            self.write_one(alias, std::slice::from_ref(value), sql);
        }
        sql.sql(")");
    }

    fn write_one(&self, alias: &str, values: &[Value], sql: &mut Statement) {
        let value = values.first().unwrap_or(&Value::Null);
        let null = *value == Value::Null && self.column.kind() != Kind::Uuid;
        if let Operator::Eq | Operator::NotEq = self.operator
            && !null
            && self.column.write_equality(alias, value, self.operator == Operator::Eq, sql)
        {
            return;
        }
        let simple = match self.operator {
            Operator::Eq if null => return self.test(alias, " IS NULL", sql),
            Operator::NotEq if null => return self.test(alias, " IS NOT NULL", sql),
            Operator::Eq => " = ",
            Operator::NotEq => " <> ",
            Operator::Lt => " < ",
            Operator::Lteq => " <= ",
            Operator::Gt => " > ",
            Operator::Gteq => " >= ",
            Operator::Like => " ILIKE ",
            Operator::NotLike => " NOT ILIKE ",
            Operator::In | Operator::NotIn => return self.write_list(alias, values, sql),
            Operator::True => return self.test(alias, " = TRUE", sql),
            Operator::NotTrue => return self.test(alias, " <> TRUE", sql),
            Operator::False => return self.test(alias, " = FALSE", sql),
            Operator::NotFalse => return self.test(alias, " <> FALSE", sql),
            Operator::Present if self.column.kind() == Kind::Text => {
                sql.sql("(");
                self.test(alias, " IS NOT NULL AND ", sql);
                self.test(alias, " <> '')", sql);
                return;
            }
            Operator::Blank if self.column.kind() == Kind::Text => {
                sql.sql("(");
                self.test(alias, " IS NULL OR ", sql);
                self.test(alias, " = '')", sql);
                return;
            }
            Operator::Present | Operator::NotNull => return self.test(alias, " IS NOT NULL", sql),
            Operator::Blank | Operator::Null => return self.test(alias, " IS NULL", sql),
        };
        self.test(alias, simple, sql);
        sql.bind(value.clone());
    }

    fn test(&self, alias: &str, behind: &str, sql: &mut Statement) {
        self.column.write(alias, sql);
        sql.sql(behind);
    }

    /// Whether the value is one of a list. What cannot be in the column (null, or infinity where there are decimal
    /// numbers) is left out of it; but nothing is known to be none of a list with a null.
    fn write_list(&self, alias: &str, values: &[Value], sql: &mut Statement) {
        let decimal = matches!(self.column.kind(), Kind::Decimal { .. });
        let impossible =
            |value: &Value| *value == Value::Null || (decimal && matches!(value, Value::Float(_)));
        let possible: Vec<Value> = values.iter().filter(|value| !impossible(value)).cloned().collect();
        let within = self.operator == Operator::In;
        if !within && values.contains(&Value::Null) {
            sql.sql("FALSE");
            return;
        }
        match List::of(possible) {
            Some(list) => {
                self.test(alias, if within { " = ANY (" } else { " <> ALL (" }, sql);
                sql.bind(Bind::List(list)).sql(")");
            }
            None if within => {
                sql.sql("FALSE");
            }
            None => self.test(alias, " IS NOT NULL", sql),
        }
    }
}
