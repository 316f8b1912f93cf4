//! The peaks of quotas by week, kept for longer than the runs that they were counted from.
//!
//! One item a UTC week, with every account, region and quota of which something was held: a trend
//! is a handful of items in one request. What was counted is never added to. An item says which
//! generations of which days it was counted from, so whoever finds another generation counts anew;
//! of two who do so at once, the one whose write comes second leaves it to the first.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::item::{Item, VERSION};
use super::keys::{PEAKS, SORT_KEY, TTL};
use super::query::key_of;
use super::transact::Transacted;
use super::{Store, StoreError};
use crate::model::QuotaPeak;

const WEEK: &str = "week";
/// As long as roll-ups are.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// What is on record of one UTC week.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekPeaks {
    /// The week's Monday.
    pub monday: Date,
    /// The peaks, in no order. A quota of which nothing was held is not there.
    pub peaks: Vec<QuotaPeak>,
    /// When they were counted.
    pub counted_at: Timestamp,
    /// The generations of the week's days, and of the seven days after it, as they were before the
    /// runs were read; 0 for a day without runs.
    pub generations: Vec<u64>,
    /// Tells this write from those before it; `None` where there was none.
    version: Option<u64>,
}

/// The item's text: short, for there may be thousands of peaks.
#[derive(Serialize, Deserialize)]
struct Packed {
    at: Timestamp,
    from: Vec<u64>,
    /// Account, region, quota, peak.
    peaks: Vec<(String, String, String, f64)>,
}

impl WeekPeaks {
    /// A week of which nothing is known yet.
    #[must_use]
    pub const fn unknown(monday: Date) -> Self {
        let counted_at = Timestamp::UNIX_EPOCH;
        Self { monday, peaks: Vec::new(), counted_at, generations: Vec::new(), version: None }
    }

    fn packed(&self) -> Packed {
        let peak = |peak: &QuotaPeak| {
            let QuotaPeak { account, region, quota, peak } = peak.clone();
            (account, region, quota, peak)
        };
        Packed {
            at: self.counted_at,
            from: self.generations.clone(),
            peaks: self.peaks.iter().map(peak).collect(),
        }
    }
}

impl Store {
    /// What is on record of the weeks of these Mondays, in their order; weeks that were never
    /// counted are not there.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn week_peaks(
        &self,
        mondays: impl IntoIterator<Item = Date>,
        now: Timestamp,
    ) -> Result<Vec<WeekPeaks>, StoreError> {
        let keys: Vec<String> = mondays.into_iter().map(|monday| monday.to_string()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let items = self.table.items(PEAKS, &keys).await?;
        let read = |item: &Item| {
            let week = read(item);
            week.map_err(|reason| self.table.unreadable(item, reason))
        };
        let alive = items.iter().filter(|item| expiry(item).is_none_or(|at| at > now.as_second()));
        let mut weeks: Vec<WeekPeaks> = alive.map(read).collect::<Result<_, _>>()?;
        weeks.sort_by_key(|week| week.monday);
        Ok(weeks)
    }

    /// Puts a week on record, in place of what was read of it; `false` where somebody else did so
    /// meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails, or the peaks do not fit into an item.
    pub async fn put_week_peaks(&self, week: &WeekPeaks) -> Result<bool, StoreError> {
        let text = serde_json::to_string(&week.packed());
        let text = text.map_err(|error| self.table.refused("PutItem", &error.to_string()))?;
        let start = week.monday.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
        let until = start.unwrap_or(Timestamp::MIN).as_second() + KEPT_SECONDS;
        let version = week.version.map_or(1, |version| version + 1);
        let mut item = key_of(PEAKS, &week.monday.to_string());
        item.insert(TTL.to_owned(), AttributeValue::N(until.to_string()));
        item.insert(VERSION.to_owned(), AttributeValue::N(version.to_string()));
        item.insert(WEEK.to_owned(), AttributeValue::S(text));
        let put = self.table.put_seen(item, week.version)?;
        Ok(self.table.transact(vec![put]).await? == Transacted::Done)
    }
}

fn read(item: &Item) -> Result<WeekPeaks, String> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let monday = text(SORT_KEY).and_then(|key| key.parse().ok()).ok_or("its key is no day")?;
    let version = item.get(VERSION).and_then(|value| value.as_n().ok()?.parse().ok());
    let packed: Packed =
        serde_json::from_str(text(WEEK).ok_or("no peaks")?).map_err(|error| error.to_string())?;
    let peak = |(account, region, quota, peak)| QuotaPeak { account, region, quota, peak };
    Ok(WeekPeaks {
        monday,
        peaks: packed.peaks.into_iter().map(peak).collect(),
        counted_at: packed.at,
        generations: packed.from,
        version: Some(version.ok_or("no version")?),
    })
}

fn expiry(item: &Item) -> Option<i64> {
    item.get(TTL)?.as_n().ok()?.parse().ok()
}
