//! JSON attributes that handlers work with: read into types of their own, every fault a problem at its place.

use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Changes;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads an attribute; `None` where it was not given, is null, or is at fault.
pub(super) fn one<T: DeserializeOwned>(
    changes: &Changes,
    attribute: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let value = changes.value(attribute).filter(|value| !value.is_null())?;
    read(value, attribute, &pointer(&["data", "attributes", attribute]), problems)
}

/// Reads the members of an attribute that is an array of at most so many, each with its place in it.
pub(super) fn each<T: DeserializeOwned>(
    changes: &Changes,
    attribute: &str,
    most: usize,
    problems: &mut Vec<Problem>,
) -> Vec<(usize, T)> {
    let Some(value) = changes.value(attribute).filter(|value| !value.is_null()) else { return Vec::new() };
    let at = pointer(&["data", "attributes", attribute]);
    let Some(members) = value.as_array() else {
        problems.push(Problem::new(Code::WrongKind, format!("{attribute} is an array.")).at_pointer(at));
        return Vec::new();
    };
    if members.len() > most {
        let detail = format!("{attribute} has at most {most} members.");
        problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        return Vec::new();
    }
    let members = members.iter().enumerate().filter_map(|(index, member)| {
        let what = format!("A member of {attribute}");
        Some((index, read(member, &what, &format!("{at}/{index}"), problems)?))
    });
    members.collect()
}

fn read<T: DeserializeOwned>(value: &Value, what: &str, at: &str, problems: &mut Vec<Problem>) -> Option<T> {
    T::deserialize(value)
        .map_err(|fault| {
            let detail = format!("{what} is not as it should be: {fault}.");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        })
        .ok()
}
