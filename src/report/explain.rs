//! `explain`: how one run's cost came about, and from a total down to the lines that make it.
//!
//! Pure composition: what pricing, ownership and naming decided is told by them, and here it gets
//! its words. [`Explanation`] is what `--format json` shows; `text` puts the same on a screen.

mod cost;
mod facts;
mod place;
mod text;
mod total;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;

pub use place::Sent;
pub use text::{explanation_text, total_text};
pub use total::{Piece, TotalExplanation, TotalLine, TotalSum};

use crate::analysis::Books;
use crate::model::{Engine, JobRun, Usd};
use crate::pricing;
use crate::store::StoredRun;

/// What is known around a run when it is explained.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The run.
    pub stored: &'a StoredRun,
    /// Runs before and after it in its chain.
    pub relatives: &'a [JobRun],
    /// The rules.
    pub books: &'a Books,
    /// Where the report's weeks begin.
    pub zone: &'a TimeZone,
    /// The report whose weeks are meant.
    pub report: &'a str,
    /// Whether that report of the run's week was sent.
    pub sent: Sent,
    /// What closed months have booked for it, in sentences.
    pub booked: &'a [String],
    /// Days for which a run is kept after its end.
    pub retention_days: u32,
}

/// How a run's cost came about.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Which run.
    pub run: RunName,
    /// Who told of it, each with the first time.
    pub told_by: Vec<Told>,
    /// When it was first stored.
    pub first_stored_at: Timestamp,
    /// What is known of it.
    pub facts: Vec<Fact>,
    /// What is not known and matters, in sentences.
    pub missing: Vec<String>,
    /// How it became a run of its job, in sentences.
    pub job: Vec<String>,
    /// What it cost.
    pub price: PriceExplanation,
    /// Its cost on the basis `used`: by UTC day and component. Adds up to the cost.
    pub days: Vec<DayExplanation>,
    /// The runs before and after it, in sentences.
    pub chain: Vec<String>,
    /// What of its cost is waste, and why.
    pub waste: Waste,
    /// Where it is counted, in sentences.
    pub counted: Vec<String>,
    /// What closed months have booked for it, in sentences: those do not change with what is known
    /// now.
    pub booked: Vec<String>,
    /// Who pays.
    pub owner: OwnerExplanation,
    /// What the bill changed of it.
    pub true_up: String,
}

/// Which run.
#[derive(Clone, Debug, Serialize)]
pub struct RunName {
    /// The account.
    pub account: String,
    /// What the account is called, where it has a name.
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: Engine,
    /// The EMR Serverless application.
    pub application_id: Option<String>,
    /// The run's id.
    pub run_id: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Its job.
    pub job: String,
    /// AWS's word for where it stands.
    pub state: String,
}

/// Who told of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// `glue-api`, `emr-serverless-api`, `event`, `file`, `demo`.
    pub source: String,
    /// The first time.
    pub first_at: Timestamp,
}

/// Something that is known of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// What.
    pub name: &'static str,
    /// As it is known; hostile text.
    pub value: String,
    /// When it was so, by the source's own time; `None` where the source gave none.
    pub as_of: Option<Timestamp>,
    /// Whether it was so when the run had ended.
    pub at_end: bool,
    /// Whether the run's job or application says it, rather than the run.
    pub of_job: bool,
}

/// What a run cost, and why so.
#[derive(Clone, Debug, Serialize)]
pub struct PriceExplanation {
    /// How the quantity came about: `billed`, `metered`, ... or `unpriced`.
    pub basis: String,
    /// Why it has no price, if it has none.
    pub unpriced: Option<String>,
    /// The sum of the lines.
    pub cost_usd: Option<Usd>,
    /// What of it the billing minimum added.
    pub minimum_extra_usd: Usd,
    /// The rules that were chosen, in sentences.
    pub rules: Vec<String>,
    /// The lines.
    pub lines: Vec<LineExplanation>,
}

/// A cost line's arithmetic.
#[derive(Clone, Debug, Serialize)]
pub struct LineExplanation {
    /// What was used.
    pub component: &'static str,
    /// How much, in `unit`s.
    pub quantity: Decimal,
    /// The unit.
    pub unit: &'static str,
    /// What is paid per unit.
    pub rate_usd: Decimal,
    /// What the price list says.
    pub list_rate_usd: Decimal,
    /// What it came to.
    pub amount_usd: Usd,
    /// The arithmetic, digit by digit.
    pub arithmetic: String,
    /// Where the rate comes from.
    pub rate: String,
}

/// What a run used on a UTC day.
#[derive(Clone, Debug, Serialize)]
pub struct DayExplanation {
    /// The day.
    pub day: jiff::civil::Date,
    /// What was used.
    pub component: &'static str,
    /// How much.
    pub quantity: Decimal,
    /// The unit.
    pub unit: &'static str,
    /// What it cost.
    pub amount_usd: Usd,
}

/// What of a run's cost is waste.
#[derive(Clone, Debug, Serialize)]
pub struct Waste {
    /// How much, once.
    pub usd: Usd,
    /// Why, in a sentence.
    pub because: String,
}

/// Who pays, with what says so.
#[derive(Clone, Debug, Serialize)]
pub struct OwnerExplanation {
    /// The team.
    pub team: Attributed,
    /// The cost centre.
    pub cost_center: Option<Attributed>,
    /// The environment.
    pub environment: Option<Attributed>,
}

/// A part of the answer to who pays.
#[derive(Clone, Debug, Serialize)]
pub struct Attributed {
    /// In its one spelling.
    pub value: String,
    /// What says so, in a sentence.
    pub because: String,
}

impl Explanation {
    /// Explains a run.
    #[must_use]
    pub fn of(about: &About<'_>) -> Self {
        let (run, books) = (&about.stored.run, about.books);
        let job = books.job(run);
        let (priced, reasoning) = pricing::explain(run, &books.card, &books.pricing);
        let identity = &run.identity;
        let told = |(teller, at): (&crate::model::Teller, &Timestamp)| Told {
            source: teller.to_string(),
            first_at: *at,
        };
        Self {
            told_by: run.told_by.iter().map(told).collect(),
            first_stored_at: about.stored.first_stored,
            facts: facts::facts(run),
            missing: facts::missing(run),
            job: place::job(run, books, &job),
            price: cost::price(run, &priced, &reasoning, books),
            days: cost::days(run, &priced.price),
            chain: place::chain(about),
            waste: place::waste(about, &priced.price),
            counted: place::counted(about, &priced.price),
            booked: about.booked.to_vec(),
            owner: place::owner(run, &job, &books.ownership),
            true_up: cost::true_up(),
            run: RunName {
                account: identity.account.clone(),
                account_name: books.ownership.account_name(&identity.account).map(str::to_owned),
                region: identity.region.clone(),
                engine: identity.engine.clone(),
                application_id: identity.application_id.clone(),
                run_id: identity.run_id.clone(),
                attempt: identity.attempt,
                job,
                state: run.state.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
