//! The keys of the one table, which answer every question without a Scan or a secondary index.
//!
//! | what | partition key | sort key | expires |
//! |---|---|---|---|
//! | a run that has ended | `RUN#<UTC end day>#<shard>` | identity | with the run's retention |
//! | a run not yet settled | `OPEN` | identity | with the run's retention |
//! | how far a source was read | `SOURCE` | account, region, engine, `sessions` | never |
//! | a quota's value | `QUOTA` | account, region, quota | never |
//! | a week's peaks of quotas | `PEAKS` | the UTC Monday | after 400 days |
//! | a price of AWS's Price List | `PRICE` | region, usage type, effective day, time read | never |
//! | a job's day | `ROLLUP#<UTC end day>` | account, region, engine, job | after 400 days |
//! | a day that has such items | `DAYS` | UTC day | with them |
//! | that a day changed | `CHANGED` | UTC day, something unique | with the day's first run |
//! | an hour put as metrics | `METRIC#<UTC day>` | the hour | after 400 days |
//! | the reservations of a place | `RESERVE` | account, region, engine | never |
//! | a schedule's due time | `TURN#<schedule>#<month>` | the time | after 400 days |
//! | since when a schedule is looked at | `TURN#<schedule>` | `SINCE` | never |
//! | a run of a task | `TASK#<month>` | when it began, its id | after 400 days |
//! | a delivery | `DELIVERY#...` | see `ledger` | never |
//! | what is known of alerts: its header | `ALERT` | `state` | never |
//! | its chunks | `ALERT#<generation>` | a word of their own, number | with the next one |
//! | a closed month | `CLOSED` | the month | never |
//! | its parts | `CLOSED#<month>` | digest, part, chunk | never |
//! | a late run of a closed month | `LATE#<month>` | identity | retention after it came |
//! | an account whose bill is read | `BILL` | account | never |
//! | a UTC day of a bill | `BILL#<account>#<month>` | day, part | never |
//!
//! Why so: a week is seven or eight UTC days, so a report is a Query per day and shard, in
//! parallel, whatever the report's time zone. The identity as the sort key makes storing
//! idempotent: a run stored twice is one item. The shards keep a day with very many runs from being
//! one hot partition and let its pages be read side by side; their number is part of the stored
//! format. The runs still under way are few and asked for often, so they are one partition of their
//! own. A mark under `CHANGED` is a new item in the transaction that changes a day's runs, and no
//! counter that is raised: a counter would make transactions of one day collide. Only a run whose
//! end day changes (its source first gave no end) costs a look at other days.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{Engine, JobKey, ListPrice, QuotaPlace, RunIdentity, utc_day};

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";
/// DynamoDB's own name for expiry, in epoch seconds.
pub(super) const TTL: &str = "ttl";
/// The partition of runs that have not ended, or of which something is still to be learnt.
pub(super) const OPEN: &str = "OPEN";
pub(super) const SOURCE: &str = "SOURCE";
pub(super) const QUOTA: &str = "QUOTA";
pub(super) const PEAKS: &str = "PEAKS";
/// The prices read of AWS's Price List. The time of reading is part of their key, so that a price
/// that a later list corrects stays on record beside it.
pub(super) const PRICE: &str = "PRICE";
/// The partition of closed months' headers.
pub(super) const CLOSED: &str = "CLOSED";
pub(super) const BILL: &str = "BILL";
pub(super) const DAYS: &str = "DAYS";
pub(super) const CHANGED: &str = "CHANGED";
pub(super) const RESERVE: &str = "RESERVE";
/// The partition of the header of what is known of alerts.
pub(super) const ALERT: &str = "ALERT";

/// How many partitions share a day. Part of the stored format: not a setting.
pub(super) const SHARDS: u32 = 4;

/// DynamoDB's limit for a sort key, in bytes.
pub(super) const SORT_KEY_BYTES_MAX: usize = 1024;

/// The partitions of a UTC day.
pub(super) fn day_partitions(day: Date) -> impl Iterator<Item = String> {
    (0..SHARDS).map(move |shard| partition(day, shard))
}

/// The partition of a run that ended at `end`.
pub(super) fn run_partition(identity_key: &str, end: Timestamp) -> String {
    partition(utc_day(end), shard(identity_key))
}

/// The partition in which a run of that day would be.
pub(super) fn run_partition_on(identity_key: &str, day: Date) -> String {
    partition(day, shard(identity_key))
}

/// The partition of a month of an account's bill. Cost Explorer is paid by the request, so a month
/// is asked for at once; a year's partition would be read whole for every week.
pub(super) fn bill_partition(account: &str, day: Date) -> String {
    format!("{BILL}#{}#{}", escaped(account), day.strftime("%Y-%m"))
}

fn partition(day: Date, shard: u32) -> String {
    format!("RUN#{day}#{shard}")
}

/// The day of a partition of runs; `None` for any other partition.
pub(super) fn day_of_run_partition(partition: &str) -> Option<Date> {
    partition.strip_prefix("RUN#")?.split('#').next()?.parse().ok()
}

/// The partition of a day's roll-ups.
pub(super) fn roll_up_partition(day: Date) -> String {
    format!("ROLLUP#{day}")
}

/// The items among which a day's roll-ups are spread.
const ROLL_UP_BUCKETS: u32 = 64;

/// The item among a day's that holds a job's roll-up.
pub(super) fn roll_up_bucket(job: &JobKey) -> u32 {
    let place = [&job.account, &job.region, job.engine.as_str()].map(escaped).join("#");
    spread(&format!("{place}#{}", job.job)) % ROLL_UP_BUCKETS
}

/// The sort key of a mark that runs of a day changed.
pub(super) fn mark_key(day: Date) -> String {
    format!("{day}#{}", unique())
}

/// A word that nobody else has. The hasher's keys are random: 128 bits of them.
pub(super) fn unique() -> String {
    let half = || RandomState::new().hash_one(PARTITION_KEY);
    format!("{:016x}{:016x}", half(), half())
}

/// The day of a mark; `None` where it is none.
pub(super) fn day_of_mark(key: &str) -> Option<Date> {
    key.split('#').next()?.parse().ok()
}

/// The partition of the hours of a day that were put as metrics.
pub(super) fn metric_partition(hour: Timestamp) -> String {
    format!("METRIC#{}", utc_day(hour))
}

fn shard(identity_key: &str) -> u32 {
    spread(identity_key) % SHARDS
}

/// FNV-1a, because the standard library's hash may change between versions and this one is stored.
fn spread(key: &str) -> u32 {
    let hash = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash >> 16
}

/// The partition of a closed month's parts.
pub(super) fn closed_partition(month: &str) -> String {
    format!("CLOSED#{month}")
}

/// The partition of what was known of alerts after an evaluation.
pub(super) fn alert_partition(generation: u64) -> String {
    format!("{ALERT}#{generation}")
}

/// The partition of runs of a closed month that came too late to be stored as runs.
pub(super) fn late_partition(month: &str) -> String {
    format!("LATE#{month}")
}

/// The sort key of a run: `account#region#engine#application#attempt#run id`. The run id comes
/// last, so whatever it contains needs no escaping.
pub(super) fn identity_key(identity: &RunIdentity) -> String {
    let RunIdentity { account, region, engine, application_id, run_id, attempt } = identity;
    let application = application_id.as_deref().unwrap_or_default();
    format!(
        "{}#{}#{}#{}#{attempt}#{run_id}",
        escaped(account),
        escaped(region),
        escaped(engine.as_str()),
        escaped(application),
    )
}

/// What the sort keys of runs of an account and a region begin with.
pub(super) fn place_prefix(account: &str, region: &str) -> String {
    format!("{}#{}#", escaped(account), escaped(region))
}

/// The sort key of a price.
pub(super) fn price_key(price: &ListPrice) -> String {
    let ListPrice { region, usage_type, effective, read_at, .. } = price;
    format!("{}#{}#{effective}#{read_at}", escaped(region), escaped(usage_type))
}

/// The identity of which `key` is the sort key; `None` where it is none.
pub(super) fn parse_identity(key: &str) -> Option<RunIdentity> {
    let mut parts = key.splitn(6, '#');
    let mut part = || parts.next().map(unescaped);
    let (account, region, engine, application) = (part()?, part()?, part()?, part()?);
    let attempt = parts.next()?.parse().ok()?;
    let run_id = parts.next()?.to_owned();
    let application_id = (!application.is_empty()).then_some(application);
    let engine = Engine::from(engine.as_str());
    Some(RunIdentity { account, region, engine, application_id, run_id, attempt })
}

/// The sort key of a place: `account#region#engine`.
pub(super) fn place_key(place: &QuotaPlace) -> String {
    let QuotaPlace { account, region, engine } = place;
    format!("{}#{}#{}", escaped(account), escaped(region), escaped(engine.as_str()))
}

/// What the sort keys of the runs of a place begin with, and no others.
pub(super) fn runs_of_place(place: &QuotaPlace) -> String {
    place_key(place) + "#"
}

/// The place of which `key` is the sort key; `None` where it is none.
pub(super) fn parse_place(key: &str) -> Option<QuotaPlace> {
    let mut parts = key.split('#').map(unescaped);
    let (account, region, engine) = (parts.next()?, parts.next()?, parts.next()?);
    let engine = Engine::from(engine.as_str());
    parts.next().is_none().then_some(QuotaPlace { account, region, engine })
}

fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['#', '%']) {
        text.replace('%', "%25").replace('#', "%23").into()
    } else {
        text.into()
    }
}

fn unescaped(text: &str) -> String {
    if text.contains('%') { text.replace("%23", "#").replace("%25", "%") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_identity_reads_back_from_its_key(
            parts in prop::array::uniform5("[#%a-z0-9_-]{1,6}"), attempt in 1_u32..9, glue: bool
        ) {
            let [account, region, engine, application, run_id] = parts;
            let identity = RunIdentity {
                account,
                region,
                engine: Engine::from(engine.as_str()),
                application_id: (!glue).then_some(application),
                run_id,
                attempt,
            };
            let key = identity_key(&identity);
            prop_assert_eq!(parse_identity(&key), Some(identity.clone()));
            let RunIdentity { account, region, engine, .. } = identity;
            let place = QuotaPlace { account, region, engine };
            prop_assert!(key.starts_with(&runs_of_place(&place)));
            prop_assert_eq!(parse_place(&place_key(&place)), Some(place));
        }
    }

    #[test]
    fn shards_are_used_evenly_and_never_change() {
        let key = |n: u32| format!("111122223333#eu-west-1#glue##1#jr_{n:064x}");
        let mut counts = [0_u32; SHARDS as usize];
        for n in 0..4000 {
            counts[shard(&key(n)) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        assert_eq!((shard("a"), shard("run"), shard(&key(7))), (0, 1, shard(&key(7))));
    }
}
