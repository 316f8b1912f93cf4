//! Glue's interactive sessions: they cost money, and no job's runs tell of them. `ListSessions`
//! tells all of a session but its tags, in an order that AWS does not document; so every page is
//! read, and for each session that matters its tags are asked for.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{GlueSweep, PAGES_MAX};
use crate::aws::{Answer, AwsError, Trouble};
use crate::model::{Definition, JobRun};
use crate::sources::glue_session_convert::GlueSession;
use crate::sources::json::Members;
use crate::sources::sweep::{SourceError, Swept, unreadable};

/// Sessions in a page; AWS's model names no limit, and other lists of Glue take a hundred.
const SESSIONS_PAGE: i32 = 100;

/// The answer to `ListSessions`, its sessions untouched.
#[derive(Deserialize)]
struct SessionsAnswer<'a> {
    #[serde(borrow, rename = "Sessions", default)]
    sessions: Option<Vec<&'a RawValue>>,
}

/// The answer to `GetSession`, its session untouched.
#[derive(Deserialize)]
struct SessionAnswer<'a> {
    #[serde(borrow, rename = "Session")]
    session: &'a RawValue,
}

impl GlueSweep<'_> {
    /// Reads every session, and asks for the known ones that the list did not tell of.
    pub(in crate::sources) async fn sessions(&self) -> Result<Swept, SourceError> {
        let mut swept = Swept::default();
        let mut known: BTreeSet<String> = self
            .sweep
            .open
            .iter()
            .filter(|known| known.is_session)
            .map(|known| known.identity.run_id.clone())
            .collect();
        let mut token = None;
        for page in 0.. {
            if page == PAGES_MAX {
                let list = self.action("ListSessions");
                return Err(SourceError::Endless { list, pages: PAGES_MAX });
            }
            let (sessions, next) = self.list_sessions(token, &mut swept).await?;
            let wanted = sessions.into_iter().filter(|run| {
                let was_open = known.remove(&run.identity.run_id);
                was_open || self.sweep.wants(run.state.is_terminal(), run.end())
            });
            self.hand_over_tagged(wanted.collect(), &mut swept).await?;
            token = next;
            if token.is_none() {
                break;
            }
        }
        for id in known {
            match self.get_session(&id, &mut swept).await {
                Ok(run) => self.hand_over_tagged(run.into_iter().collect(), &mut swept).await?,
                Err(error) if error.trouble == Trouble::NotFound => {
                    swept.vanished.push(self.identity(id));
                }
                Err(error) => swept.survive(error)?,
            }
        }
        Ok(swept)
    }

    /// Hands sessions over with their tags, where these may be read. A session is its own
    /// definition: what it is tagged with is asked for apart from it, and frozen at its end.
    async fn hand_over_tagged(
        &self,
        sessions: Vec<JobRun>,
        swept: &mut Swept,
    ) -> Result<(), SourceError> {
        let mut answers = stream::iter(sessions)
            .map(|run| async move {
                let tags = self.tags("session", &run.identity.run_id).await;
                (run, tags)
            })
            .buffered(self.sweep.concurrency);
        let mut tagged = Vec::new();
        while let Some((mut run, tags)) = answers.next().await {
            let tags = swept.tags_or_note(tags)?;
            let observed_at = self.sweep.now;
            run.define(Definition { observed_at, tags, ..Definition::default() });
            tagged.push(run);
        }
        self.batches.hand_over(tagged).await
    }

    async fn list_sessions(
        &self,
        token: Option<String>,
        swept: &mut Swept,
    ) -> Result<(Vec<JobRun>, Option<String>), AwsError> {
        let action = self.action("ListSessions");
        let body = Answer::default();
        let answer = self
            .client
            .list_sessions()
            .max_results(SESSIONS_PAGE)
            .set_next_token(token)
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        let body = body.take();
        let page: SessionsAnswer<'_> =
            serde_json::from_slice(&body).map_err(|error| unreadable(&action, &error))?;
        let sessions = page.sessions.unwrap_or_default().into_iter();
        let sessions = sessions.filter_map(|json| self.session(json.get(), &action, swept));
        let next = answer.next_token.filter(|token| !token.is_empty());
        Ok((sessions.collect(), next))
    }

    async fn get_session(&self, id: &str, swept: &mut Swept) -> Result<Option<JobRun>, AwsError> {
        let action = self.action_on("GetSession", id);
        let body = Answer::default();
        self.client
            .get_session()
            .id(id)
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        let body = body.take();
        let answer: SessionAnswer<'_> =
            serde_json::from_slice(&body).map_err(|error| unreadable(&action, &error))?;
        Ok(self.session(answer.session.get(), &action, swept))
    }

    /// A session in Runledger's words. One that cannot be read does not hide the others.
    fn session(&self, json: &str, action: &str, swept: &mut Swept) -> Option<JobRun> {
        let run = Members::parse(json).map_err(|error| error.to_string()).and_then(|members| {
            GlueSession::from_json(&members)
                .and_then(|s| s.into_run(self.account, self.region, Some(self.sweep.now)))
                .map_err(|error| error.to_string())
        });
        run.map_err(|reason| {
            swept.unread.push(format!("{action}: a session that cannot be read: {reason}"));
        })
        .ok()
    }
}
