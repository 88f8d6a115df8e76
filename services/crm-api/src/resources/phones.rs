//! The attribute `phone_e164`, which follows from `phone`.

use pulse_domain::phone;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes};

/// Sets `phone_e164` where `phone` is given.
pub(super) fn follow(changes: &mut Changes) {
    if changes.value("phone").is_some() {
        let number = changes.text("phone").and_then(phone::e164);
        changes.set("phone_e164", number.map_or(Bind::Null, Bind::Text));
    }
}

/// The same, for a resource that prepares nothing else.
pub(super) fn prepare<'a>(
    _: &'a mut Transaction,
    _: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    follow(changes);
    Box::pin(async { Ok(()) })
}
