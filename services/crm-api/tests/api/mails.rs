//! Mails: written with what they tell of, sent later, tried again, and sealed meanwhile.

use pulse_testing::{Mailbox, eventually};
use serde_json::json;

use crate::app::App;
use crate::passwords::spawn_with_mail;

const BEN: &str = "ben@pulse.test";

async fn state(app: &App) -> (String, i32, Option<Vec<u8>>) {
    let row = app.database.client().await;
    let row = row.query_one("SELECT state, attempts, sealed FROM mails", &[]).await.expect("one mail");
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test]
async fn a_mail_that_was_sent_is_marked_and_what_it_said_forgotten() {
    let (app, mailbox) = spawn_with_mail().await;
    app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    let mail = mailbox.wait_for_nth(1, BEN).await;
    assert_eq!(mail.header("From"), Some("Pulse <pulse@localhost>"));
    assert!(mail.header("Message-ID").is_some() && mail.header("Date").is_some());
    eventually("the mail is marked", async || {
        (state(&app).await == ("sent".to_owned(), 1, None)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_tried_again_with_the_same_id() {
    let (app, mailbox) = spawn_with_mail().await;
    mailbox.answer(&[451]);
    app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    eventually("the mail waits", async || (state(&app).await.1 == 1).then_some(())).await;
    let (queued, _, sealed) = state(&app).await;
    assert_eq!(queued, "queued");
    let sealed = String::from_utf8_lossy(&sealed.expect("it is kept")).into_owned();
    assert!(!sealed.contains("inv_") && !sealed.contains("invited"), "{sealed}");
    let client = app.database.client().await;
    client.batch_execute("UPDATE mails SET due_at = now(); NOTIFY pulse_mails").await.expect("time passes");
    mailbox.wait_for(1).await;
    assert_eq!(mailbox.offered(), 2);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up() {
    let (app, mailbox) = spawn_with_mail().await;
    mailbox.answer(&[550]);
    app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    eventually("the mail is given up", async || {
        (state(&app).await == ("failed".to_owned(), 1, None)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_a_server_mails_are_files() {
    let directory = std::env::temp_dir().join(format!("pulse-mail-{}", uuid::Uuid::new_v4()));
    let app = App::spawn_with(|settings| settings.mail.directory = Some(directory.clone())).await;
    app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    let text = eventually("a file", async || {
        let file = std::fs::read_dir(&directory).ok()?.next()?.ok()?.path();
        std::fs::read_to_string(file).ok().filter(|text| text.contains("inv_"))
    })
    .await;
    assert!(text.contains("To: ben@pulse.test"), "{text}");
    std::fs::remove_dir_all(&directory).expect("the directory");
}

#[tokio::test]
async fn a_change_that_is_taken_back_mails_nobody() {
    let mailbox = Mailbox::start().await;
    let url = mailbox.url();
    let app = App::spawn_with(|settings| settings.mail.smtp_url = Some(url.into())).await;
    let again = json!({ "name": "Ada", "email": "owner@pulse.test" });
    assert_eq!(app.post_with("users", again, &[]).await.status, 409);
    let count = "SELECT count(*) FROM mails";
    let client = app.database.client().await;
    assert_eq!(client.query_one(count, &[]).await.expect("a count").get::<_, i64>(0), 0);
}
