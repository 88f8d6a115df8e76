//! What is equal has one normal form, and what is stored can be read by the statements that compare it.

use proptest::prelude::*;
use pulse_jsonapi::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use super::value::normal;
use super::{Field, FieldKind};

fn field(kind: FieldKind) -> Field {
    Field {
        id: Uuid::nil(),
        resource: "contacts".into(),
        key: "f".into(),
        kind,
        choices: vec!["gold".into(), "silver".into(), "bronze".into()],
        required: false,
        unique: false,
    }
}

#[test]
fn values_have_one_normal_form() {
    for (kind, given, expected) in [
        (FieldKind::Text, json!(" a "), json!(" a ")),
        (FieldKind::Integer, json!(i64::MAX), json!(i64::MAX)),
        (FieldKind::Decimal, json!("0012.500"), json!("12.5")),
        (FieldKind::Decimal, json!(1e3), json!("1000")),
        (FieldKind::Decimal, json!("-0.00"), json!("0")),
        (FieldKind::Boolean, json!(false), json!(false)),
        (FieldKind::Date, json!("2026-02-28"), json!("2026-02-28")),
        (FieldKind::DateTime, json!("2026-01-31T14:00:00.5+02:00"), json!("2026-01-31T12:00:00.500000Z")),
        (FieldKind::Choice, json!("gold"), json!("gold")),
        (FieldKind::MultiChoice, json!(["bronze", "gold", "bronze"]), json!(["gold", "bronze"])),
        (FieldKind::Url, json!("HTTPS://Acme.example"), json!("https://acme.example/")),
        (FieldKind::Email, json!("Ada@Acme.example"), json!("ada@acme.example")),
        (FieldKind::Phone, json!(" +44 (20) 7946-0000"), json!("+442079460000")),
    ] {
        assert_eq!(normal(&field(kind), &given), Ok(expected), "{given} as {kind:?}");
    }
}

#[test]
fn what_is_no_value_of_the_kind_is_refused() {
    for (kind, given, code) in [
        (FieldKind::Text, json!(1), Code::WrongKind),
        (FieldKind::Text, json!("x".repeat(256)), Code::TooLong),
        (FieldKind::Integer, json!("1"), Code::WrongKind),
        (FieldKind::Integer, json!(1.5), Code::WrongKind),
        (FieldKind::Integer, json!(u64::MAX), Code::WrongKind),
        (FieldKind::Decimal, json!("1.00001"), Code::Invalid),
        (FieldKind::Decimal, json!("1e99"), Code::Invalid),
        (FieldKind::Decimal, json!([]), Code::WrongKind),
        (FieldKind::Boolean, json!("true"), Code::WrongKind),
        (FieldKind::Date, json!("2026-02-29"), Code::WrongKind),
        (FieldKind::Date, json!("+12026-01-01"), Code::WrongKind),
        (FieldKind::DateTime, json!("2026-01-31"), Code::WrongKind),
        (FieldKind::DateTime, json!("9999-12-31T23:59:59-01:00"), Code::WrongKind),
        (FieldKind::Choice, json!("tin"), Code::Invalid),
        (FieldKind::MultiChoice, json!("gold"), Code::WrongKind),
        (FieldKind::MultiChoice, json!(["tin"]), Code::Invalid),
        (FieldKind::Url, json!("javascript:alert(1)"), Code::WrongKind),
        (FieldKind::Email, json!("ada@"), Code::WrongKind),
        (FieldKind::Phone, json!("call me"), Code::WrongKind),
        (FieldKind::Phone, json!("12"), Code::WrongKind),
    ] {
        let refused = normal(&field(kind), &given).map_err(|(code, _)| code);
        assert_eq!(refused, Err(code), "{given} as {kind:?}");
    }
}

#[test]
fn kinds_have_names() {
    for kind in FieldKind::ALL {
        assert_eq!(FieldKind::named(kind.name()), Some(kind));
    }
    assert_eq!(FieldKind::named("json"), None);
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[-+]?[0-9]{1,16}([.][0-9]{0,6})?([eE][-+]?[0-9]{1,3})?".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?".prop_map(Value::from),
        "[a-z]{1,5}[@:/][/a-z.]{1,9}".prop_map(Value::from),
        proptest::collection::vec("gold|silver|tin", 0..4).prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(value in json_value()) {
        for kind in FieldKind::ALL {
            if let Ok(once) = normal(&field(kind), &value) {
                prop_assert_eq!(normal(&field(kind), &once), Ok(once), "{:?} as {:?}", value, kind);
            }
        }
    }

    #[test]
    fn the_order_of_texts_is_the_order_in_time(one in 0i64..4_000_000_000_000_000, other in 0i64..4_000_000_000_000_000) {
        let stored = |micros: i64| {
            let instant = chrono::DateTime::from_timestamp_micros(micros).expect("within four digits");
            super::value::instant_text(instant)
        };
        prop_assert_eq!(stored(one).cmp(&stored(other)), one.cmp(&other));
    }
}
