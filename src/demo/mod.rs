//! A simulated company, for those who have no AWS account at hand.
//!
//! An online retailer: nine teams, some 300 jobs, three accounts, two regions, both engines. Its
//! runs are facts as the sources would tell them ([`crate::model::JobRun`]); everything after that
//! (storing, pricing, reporting) is the production code's. Nothing here knows a price but the bill.
//!
//! | file | concern |
//! |---|---|
//! | `company` | the settings, the calendar, and [`runs`] |
//! | `teams` | who works there, where, and how each tags its jobs |
//! | `patterns`, `applications`, `catalogue` | the kinds of jobs, and how they are dealt out |
//! | `stories`, `plots` | what happens in the last complete week, and the jobs it happens to |
//! | `job` | what a job is |
//! | `rhythm` | when jobs start |
//! | `weather`, `mishaps` | what goes wrong, for all at once and for each alone |
//! | `chain` | how one start comes out, with its retries and reruns |
//! | `facts` | runs in the engines' words |
//! | `bill` | what all of that is billed at, with what no run tells of |
//! | `chance` | the seeded numbers behind all of that |
//!
//! Floating-point numbers stand for times and probabilities here, never for money or quantities.

mod applications;
mod bill;
mod catalogue;
mod chain;
mod chance;
mod company;
mod facts;
mod job;
mod mishaps;
mod patterns;
mod plots;
mod rhythm;
mod stories;
mod teams;
mod weather;

pub use bill::{DemoBill, PAYER};
pub use company::{DemoSettings, runs};
pub use stories::{Quota, Story, quotas, stories};
pub use teams::team_names;
