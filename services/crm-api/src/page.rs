//! The page of a collection in its answer: its links, its totals, and the cursors of its items.

use actix_web::HttpRequest;
use pulse_jsonapi::document::Links;
use pulse_jsonapi::profile::CURSOR_PAGINATION;
use pulse_jsonapi::query::{Neighbour, Page, cursor_links, page_links};
use pulse_resource::engine::Listing;
use pulse_resource::plan::Plan;
use serde_json::{Map, Value, json};

use crate::answer;

/// The links to the document, which is served at `path`, and to its neighbours. A page that is told by cursors follows
/// the cursor pagination profile, and one that is told by its number does not.
pub(crate) fn links(request: &HttpRequest, path: &str, plan: &Plan, listing: &Listing) -> Links {
    let raw = request.query_string();
    let (after, before) = match plan.page() {
        Page::Number { number, size } => {
            return page_links(path, raw, (*number, *size), listing.total, listing.more);
        }
        Page::Cursor { after, before, .. } => (after.is_some(), before.is_some()),
    };
    let first = listing.records.first().and_then(|record| plan.cursor(record)).map(Neighbour::Before);
    let last = listing.records.last().and_then(|record| plan.cursor(record)).map(Neighbour::After);
    let (prev, next) = match (after, before) {
        (false, false) => (None, last.filter(|_| listing.more)),
        (true, false) => (first, last.filter(|_| listing.more)),
        // In front of nothing there is nothing, so what follows it is everything.
        (false, true) => (first.filter(|_| listing.more), last.or(Some(Neighbour::First))),
        (true, true) => (first, last),
    };
    let profile = answer::profile(request).unwrap_or(CURSOR_PAGINATION);
    cursor_links(path, raw, prev, next).under(Some(profile))
}

/// How much there is: the total in two spellings, the one that clients look for and the one of the profile, and whether
/// there is more between two cursors than is shown.
pub(crate) fn meta(plan: &Plan, listing: &Listing) -> Option<Value> {
    let mut page = Map::new();
    page.extend(listing.total.map(|total| ("total".to_owned(), total.into())));
    if matches!(plan.page(), Page::Cursor { after: Some(_), before: Some(_), .. }) && listing.more {
        page.insert("rangeTruncated".into(), true.into());
    }
    let page = (!page.is_empty()).then_some(page)?;
    Some(match listing.total {
        Some(total) => json!({ "total": total, "page": page }),
        None => json!({ "page": page }),
    })
}

/// Adds its cursor to an item that has just been written.
pub(crate) fn mark(item: &mut Vec<u8>, cursor: Option<String>) {
    if let Some(cursor) = cursor
        && item.pop_if(|last| *last == b'}').is_some()
    {
        item.extend_from_slice(format!(",\"meta\":{{\"page\":{{\"cursor\":\"{cursor}\"}}}}}}").as_bytes());
    }
}
