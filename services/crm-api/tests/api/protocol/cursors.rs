//! The cursor pagination profile (section 19).

use serde_json::{Value, json};

use super::{JSON_API, get};
use crate::app::{Answer, App, errors};

const PROFILE: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination";

/// Companies with nulls and equals among what they are sorted by.
async fn companies(app: &App) {
    for (name, employees, industry) in [
        ("a", json!(5), json!("x")),
        ("b", json!(null), json!("x")),
        ("c", json!(5), json!(null)),
        ("d", json!(7), json!("y")),
        ("e", json!(null), json!(null)),
        ("f", json!(1), json!("x")),
        ("g", json!(7), json!("y")),
    ] {
        app.create("companies", json!({ "name": name, "employees": employees, "industry": industry })).await;
    }
}

fn names(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.json);
    let data = page.json["data"].as_array().expect("a collection");
    data.iter().map(|item| item["attributes"]["name"].as_str().expect("a name").to_owned()).collect()
}

fn cursor(page: &Answer, index: usize) -> String {
    page.json["data"][index]["meta"]["page"]["cursor"].as_str().expect("a cursor").to_owned()
}

/// Follows a link until there is none, or the page is empty.
async fn walk(app: &App, start: &str, link: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut at = Some(start.to_owned());
    while let Some(path) = at {
        let page = app.get(&path).await;
        let found = names(&page);
        assert_eq!(page.header("content-type"), Some(format!("{JSON_API};profile=\"{PROFILE}\"").as_str()));
        at = page.json["links"][link].as_str().filter(|_| !found.is_empty()).map(str::to_owned);
        pages.push(found);
        assert!(pages.len() < 20, "an endless walk");
    }
    pages
}

#[tokio::test]
async fn a_walk_along_cursors_finds_everything_once_in_the_order_of_the_list() {
    let app = App::spawn().await;
    companies(&app).await;
    for query in [
        "",
        "sort=name",
        "sort=-name",
        "sort=employees",
        "sort=-employees",
        "sort=employees,-industry",
        "sort=-industry,employees,-name",
        "sort=id",
        "sort=-updated_at",
        "sort=annual_revenue",
        "sort=industry&q[name_not_eq]=d",
        "q[s]=industry+desc",
    ] {
        let list = format!("/api/v1/companies?{query}");
        let whole = names(&app.get(&list).await);
        for size in [1, 2, 3, 7, 20] {
            let first = app.get(&format!("{list}&page[after]=&page[size]={size}")).await;
            assert_eq!(first.status, 400, "an empty text is no cursor");
            let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
            let first = get(&app, &format!("{list}&page[size]={size}"), &[("Accept", &accept)]).await;
            assert_eq!(first.json["links"]["prev"], Value::Null, "19.5");
            let mut pages = vec![names(&first)];
            let Some(next) = first.json["links"]["next"].as_str() else {
                assert_eq!(pages.concat(), whole, "{query} {size}");
                continue;
            };
            pages.extend(walk(&app, next, "next").await);
            assert!(pages[..pages.len() - 1].iter().all(|page| page.len() == size), "19.3 {query} {size}");
            assert_eq!(pages.concat(), whole, "{query} {size}");

            // And all the way back from the end.
            let last = pages.len() - 1;
            let end = get(&app, &format!("{list}&page[size]=100"), &[("Accept", &accept)]).await;
            let before = cursor(&end, whole.len() - 1);
            let back = walk(&app, &format!("{list}&page[before]={before}&page[size]={size}"), "prev").await;
            let back: Vec<String> = back.into_iter().rev().flatten().collect();
            assert_eq!(back, whole[..whole.len() - 1], "{query} {size} {last}");
        }
    }
}

#[tokio::test]
async fn a_sort_through_a_relationship_is_walked_too() {
    let app = App::spawn().await;
    for company in [Some("Acme"), None, Some("Zeta"), Some("Acme")] {
        let contact = app.create("contacts", json!({ "first_name": "x" })).await;
        if let Some(name) = company {
            let company = app.create("companies", json!({ "name": name })).await;
            let link = json!({ "data": { "type": "companies", "id": company } });
            app.patch(&format!("/api/v1/contacts/{contact}/relationships/company"), link).await;
        }
    }
    for sort in ["company.name", "-company.name", "first_name,-company.name"] {
        let whole = app.get(&format!("/api/v1/contacts?sort={sort}")).await.ids();
        let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
        let mut page =
            get(&app, &format!("/api/v1/contacts?sort={sort}&page[size]=1"), &[("Accept", &accept)]).await;
        let mut found = page.ids();
        while let Some(next) = page.json["links"]["next"].as_str().map(str::to_owned) {
            page = app.get(&next).await;
            found.extend(page.ids());
        }
        assert_eq!(found, whole, "{sort}");
    }
}

#[tokio::test]
async fn what_comes_and_goes_meanwhile_neither_repeats_nor_hides_anything() {
    let app = App::spawn().await;
    companies(&app).await;
    let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
    let page = get(&app, "/api/v1/companies?sort=name&page[size]=3", &[("Accept", &accept)]).await;
    assert_eq!(names(&page), ["a", "b", "c"]);
    let next = page.json["links"]["next"].as_str().expect("a next page").to_owned();
    // The record that the cursor fell on is gone, and another has come in front of it.
    app.delete(&format!("/api/v1/companies/{}", page.ids()[2])).await;
    app.create("companies", json!({ "name": "aa" })).await;
    let page = app.get(&next).await;
    assert_eq!(names(&page), ["d", "e", "f"]);
    let prev = page.json["links"]["prev"].as_str().expect("a page before").to_owned();
    assert_eq!(names(&app.get(&prev).await), ["a", "aa", "b"]);
}

#[tokio::test]
async fn a_range_ends_at_its_cursors_and_says_where_it_was_cut() {
    let app = App::spawn().await;
    companies(&app).await;
    let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
    let all = get(&app, "/api/v1/companies?sort=name", &[("Accept", &accept)]).await;
    let (b, f) = (cursor(&all, 1), cursor(&all, 5));
    let range = format!("/api/v1/companies?sort=name&page[after]={b}&page[before]={f}");
    let whole = app.get(&range).await;
    assert_eq!(names(&whole), ["c", "d", "e"]);
    assert_eq!(whole.json["meta"], json!({ "total": 7, "page": { "total": 7 } }));
    let cut = app.get(&format!("{range}&page[size]=2&page[total]=false")).await;
    assert_eq!(
        (names(&cut), &cut.json["meta"]),
        (vec!["c".into(), "d".into()], &json!({ "page": { "rangeTruncated": true } }))
    );
    assert_eq!(names(&app.get(cut.json["links"]["next"].as_str().expect("more")).await), ["e", "f"]);
    let none = app.get(&format!("/api/v1/companies?sort=name&page[after]={f}&page[before]={b}")).await;
    assert_eq!(names(&none), Vec::<String>::new());
    assert_eq!((&none.json["links"]["prev"], &none.json["links"]["next"]), (&Value::Null, &Value::Null));
    // In front of the first there is nothing, and what follows that is everything.
    let start = app.get(&format!("/api/v1/companies?sort=name&page[before]={}", cursor(&all, 0))).await;
    assert_eq!((names(&start).len(), &start.json["links"]["prev"]), (0, &Value::Null));
    assert_eq!(names(&app.get(start.json["links"]["next"].as_str().expect("a next page")).await).len(), 7);
    let end = app.get(&format!("/api/v1/companies?sort=name&page[after]={}", cursor(&all, 6))).await;
    assert_eq!((names(&end).len(), &end.json["links"]["next"]), (0, &Value::Null));
}

#[tokio::test]
async fn related_records_and_linkage_have_cursors_too() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let mut links = Vec::new();
    for name in ["a", "b", "c"] {
        links.push(json!({ "type": "tags", "id": app.create("tags", json!({ "name": name })).await }));
    }
    app.post(&format!("/api/v1/contacts/{ada}/relationships/tags"), json!({ "data": links })).await;
    let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
    for path in ["tags", "relationships/tags"] {
        let mut found = Vec::new();
        let mut next = Some(format!("/api/v1/contacts/{ada}/{path}?page[size]=2"));
        while let Some(path) = next {
            let page = get(&app, &path, &[("Accept", &accept)]).await;
            found.extend(page.ids());
            cursor(&page, 0);
            next = page.json["links"]["next"].as_str().map(str::to_owned);
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 3, "{path}");
    }
}

#[tokio::test]
async fn what_the_profile_forbids_is_refused_as_it_says() {
    let app = App::spawn().await;
    companies(&app).await;
    let accept = format!("{JSON_API};profile=\"{PROFILE}\"");
    let all = get(&app, "/api/v1/companies?sort=name", &[("Accept", &accept)]).await;
    let ours = cursor(&all, 2);
    let tag = app.create("tags", json!({ "name": "x" })).await;
    assert!(!tag.is_empty());
    for query in [
        format!("companies?sort=-name&page[after]={ours}"),
        format!("companies?page[after]={ours}"),
        format!("tags?sort=name&page[after]={ours}"),
        format!("companies?sort=name&page[after]={}", &ours[..ours.len() - 1]),
        "companies?page[after]=nonsense".to_owned(),
    ] {
        let answer = app.get(&format!("/api/v1/{query}")).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (400, errors([("invalid_cursor", "page[after]")])),
            "{query}"
        );
    }
    let large = app.get("/api/v1/companies?page[size]=101").await;
    assert_eq!((large.status, large.errors()), (400, errors([("page_too_large", "page[size]")])));
    let error = &large.json["errors"][0];
    assert_eq!(error["meta"]["page"]["maxSize"], 100);
    assert_eq!(error["links"]["type"], format!("{PROFILE}/max-size-exceeded"));
    for size in ["0", "-1", "x", "1.5"] {
        let answer = app.get(&format!("/api/v1/companies?page[size]={size}")).await;
        assert_eq!((answer.status, answer.errors()), (400, errors([("invalid_page", "page[size]")])));
    }
    let both = app.get(&format!("/api/v1/companies?sort=name&page[after]={ours}&page[number]=2")).await;
    assert_eq!((both.status, both.errors()), (400, errors([("invalid_page", "page[number]")])));
    // A cursor is of use to whoever has it, and shows them nothing of anybody else.
    let other = app.as_another_workspace().await;
    let answer = other.get(&format!("/api/v1/companies?sort=name&page[after]={ours}")).await;
    assert_eq!(answer.ids(), Vec::<String>::new());
}
