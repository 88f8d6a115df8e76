//! A session that was ended at one replica is refused by another on its very next request, a thousand times of a
//! thousand, while both have other things to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::Utc;
use futures_util::future::{join, join_all};
use pulse_domain::claims::{ISSUER, SESSION_AUDIENCE, Session};
use pulse_domain::{WorkspaceId, token};
use pulse_service::credential::SessionKeys;
use reqwest::Method;
use uuid::Uuid;

use crate::api::Api;
use crate::stack::{CRM_API, REPLICA, SESSION_KEY, Stack};

const SESSIONS: usize = 1_000;
/// Sessions that are ended at a time.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn at_one_replica_is_refused_by_the_other() {
    let mut stack = Stack::start().await;
    stack.run(REPLICA, &[]).await;
    let owner = Api::sign_up(&stack).await;
    let sessions = open(&stack, &owner).await;
    let (here, there) = (owner.at(stack.address(CRM_API)), owner.at(stack.address(REPLICA)));
    let (done, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = join_all([&here, &there, &here, &there].map(async |api| {
        let mut answered = 0_usize;
        while !done.load(Ordering::Relaxed) {
            api.get("/api/v1/users?sort=name").await.expect(200);
            answered += 1;
        }
        answered
    }));
    let ending = async {
        for batch in sessions.chunks(AT_ONCE) {
            join_all(batch.iter().map(async |(id, token)| {
                let mine = there.with_token(token);
                mine.get("/api/v1/auth/session").await.expect(200);
                let path = format!("/api/v1/user_sessions/{id}");
                here.send(Method::DELETE, &path, &[], "").await.expect(200);
                let next = mine.get("/api/v1/contacts").await.expect(401);
                assert_eq!(next.error(), ("session_revoked".into(), "Authorization".into()));
                refused.fetch_add(1, Ordering::Relaxed);
            }))
            .await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (answered, ()) = join(load, ending).await;
    assert_eq!(refused.load(Ordering::Relaxed), SESSIONS);
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
}

/// Opens sessions of the owner: rows and tokens, as sign-in writes and signs them, without a password for each.
async fn open(stack: &Stack, owner: &Api) -> Vec<(Uuid, String)> {
    let client = stack.database.client().await;
    let row = client.query_one("SELECT workspace_id, id FROM users", &[]).await.expect("one user");
    let (workspace, user): (Uuid, Uuid) = (row.get(0), row.get(1));
    let keys = SessionKeys::new(&SESSION_KEY.into(), []).expect("a key");
    // Whatever else a session token has to say is the same for all sessions of a user.
    let like = keys.verify(owner.token()).expect("a token of ours");
    assert_eq!((like.workspace, like.sub), (WorkspaceId(workspace), user));
    let insert = "INSERT INTO user_sessions (workspace_id, id, user_id, jti_digest, refresh_digest, device, expires_at) \
                  VALUES ($1, $2, $3, $4, $4, 'test', now() + interval '1 day')";
    let insert = client.prepare(insert).await.expect("a statement");
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let (id, jti) = (Uuid::now_v7(), Uuid::new_v4());
        let digest = token::digest(&jti.to_string()).to_vec();
        client.execute(&insert, &[&workspace, &id, &user, &digest]).await.expect("a session");
        let claims = Session {
            iss: ISSUER.into(),
            aud: SESSION_AUDIENCE.into(),
            jti,
            exp: Utc::now().timestamp() + 3_600,
            ..like.clone()
        };
        sessions.push((id, keys.sign(&claims).expect("it can be signed")));
    }
    sessions
}
