//! The bill as it was read: a day is one item, or a few where its lines do not fit into one. What
//! was paid for is kept for good, and asked for again only where AWS may know more.
//!
//! A day of several items is written last part first, and every part says when it was read: where a
//! write broke off, the parts disagree, and the day counts as not read.

use std::collections::BTreeMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::item::Item;
use super::keys::{BILL, bill_partition};
use super::sources::{keyed, put, text};
use super::{Store, StoreError};
use crate::model::{BillDay, BillLine, BillSource};

/// Lines of one item: at some 150 bytes each far below DynamoDB's 400 kB.
const LINES_PER_ITEM: usize = 1_000;

impl Store {
    /// The accounts whose bill was ever asked for, in their order.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn bill_sources(&self) -> Result<Vec<BillSource>, StoreError> {
        let items = self.table.query_partition(BILL, None).await?;
        let read = |item: &Item| {
            Some(BillSource {
                account: text(item, "account")?.to_owned(),
                payer: text(item, "payer")? == "true",
                attempted_at: text(item, "attempted_at")?.parse().ok()?,
                problem: text(item, "problem").map(str::to_owned),
                requests: text(item, "requests")?.parse().ok()?,
            })
        };
        let incomplete = |item| self.table.unreadable(item, "a member is missing".into());
        items.iter().map(|item| read(item).ok_or_else(|| incomplete(item))).collect()
    }

    /// Puts on record what became of asking for an account's bill.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_bill_source(&self, source: &BillSource) -> Result<(), StoreError> {
        let mut item = keyed(BILL, &source.account);
        put(&mut item, "account", &source.account);
        put(&mut item, "payer", if source.payer { "true" } else { "false" });
        put(&mut item, "attempted_at", &source.attempted_at.to_string());
        put(&mut item, "requests", &source.requests.to_string());
        if let Some(problem) = &source.problem {
            put(&mut item, "problem", problem);
        }
        self.table.put_item(item).await
    }

    /// The days that were read of an account's bill, of those asked for (the last one excluded).
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn bill_days(
        &self,
        account: &str,
        days: Range<Date>,
    ) -> Result<Vec<BillDay>, StoreError> {
        let mut found = Vec::new();
        let mut month = days.start.first_of_month();
        while month < days.end {
            let items = self.table.query_partition(&bill_partition(account, month), None).await?;
            let mut parts = BTreeMap::<Date, Vec<Part>>::new();
            for item in &items {
                let part = part(item).map_err(|reason| self.table.unreadable(item, reason))?;
                if days.contains(&part.day) {
                    parts.entry(part.day).or_default().push(part);
                }
            }
            found.extend(parts.into_values().filter_map(joined));
            month = month.saturating_add(1.month());
        }
        Ok(found)
    }

    /// Puts a day of an account's bill on record, in place of what was read before.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_bill_day(&self, account: &str, day: &BillDay) -> Result<(), StoreError> {
        let mut chunks: Vec<&[BillLine]> = day.lines.chunks(LINES_PER_ITEM).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let parts = chunks.len();
        for (number, lines) in chunks.into_iter().enumerate().rev() {
            let key = format!("{}#{number:03}", day.day);
            let mut item = keyed(&bill_partition(account, day.day), &key);
            put(&mut item, "day", &day.day.to_string());
            put(&mut item, "part", &number.to_string());
            put(&mut item, "parts", &parts.to_string());
            put(&mut item, "read_at", &day.read_at.to_string());
            put(&mut item, "estimated", if day.estimated { "true" } else { "false" });
            let packed: Vec<Packed<'_>> = lines.iter().map(Packed::of).collect();
            // Strings and numbers as text always serialise.
            let packed = serde_json::to_string(&packed).unwrap_or_default();
            item.insert("lines".to_owned(), AttributeValue::S(packed));
            self.table.put_item(item).await?;
        }
        Ok(())
    }
}

/// One item of a day.
struct Part {
    day: Date,
    number: usize,
    parts: usize,
    read_at: Timestamp,
    estimated: bool,
    lines: Vec<BillLine>,
}

fn part(item: &Item) -> Result<Part, String> {
    let member = |name: &str| text(item, name).ok_or_else(|| format!("it has no `{name}`"));
    let number = |name: &str| {
        member(name)?.parse::<usize>().map_err(|_| format!("its `{name}` is no number"))
    };
    let day = member("day")?.parse().map_err(|_| "its `day` is no day".to_owned())?;
    let estimated = member("estimated")? == "true";
    let packed: Vec<Packed<'_>> =
        serde_json::from_str(member("lines")?).map_err(|error| error.to_string())?;
    Ok(Part {
        day,
        number: number("part")?,
        parts: number("parts")?,
        read_at: member("read_at")?.parse().map_err(|_| "its `read_at` is no time".to_owned())?,
        estimated,
        lines: packed.into_iter().map(|line| line.unpack(day, estimated)).collect(),
    })
}

/// The day that these items make; `None` where they are not of one reading, or not all there.
fn joined(mut parts: Vec<Part>) -> Option<BillDay> {
    parts.sort_by_key(|part| part.number);
    let first = parts.first().filter(|part| part.number == 0)?;
    let (day, wanted, read_at, estimated) =
        (first.day, first.parts, first.read_at, first.estimated);
    // What stood beyond the last part belongs to an earlier, longer reading.
    parts.truncate(wanted);
    let whole = parts.len() == wanted && parts.iter().all(|part| part.read_at == read_at);
    let lines = parts.into_iter().flat_map(|part| part.lines).collect();
    whole.then_some(BillDay { day, read_at, estimated, lines })
}

/// A line as it is kept; the day and its state are the item's.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(rename = "a")]
    account: std::borrow::Cow<'a, str>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    usage_type: Option<std::borrow::Cow<'a, str>>,
    #[serde(rename = "r")]
    record_type: std::borrow::Cow<'a, str>,
    #[serde(rename = "q")]
    quantity: Decimal,
    #[serde(rename = "qu")]
    unit: std::borrow::Cow<'a, str>,
    #[serde(rename = "m")]
    amount: Decimal,
    #[serde(rename = "c")]
    currency: std::borrow::Cow<'a, str>,
}

impl<'a> Packed<'a> {
    fn of(line: &'a BillLine) -> Self {
        Self {
            account: line.account.as_str().into(),
            usage_type: line.usage_type.as_deref().map(Into::into),
            record_type: line.record_type.as_str().into(),
            quantity: line.quantity,
            unit: line.unit.as_str().into(),
            amount: line.amount,
            currency: line.currency.as_str().into(),
        }
    }

    fn unpack(self, day: Date, estimated: bool) -> BillLine {
        BillLine {
            account: self.account.into_owned(),
            day,
            usage_type: self.usage_type.map(std::borrow::Cow::into_owned),
            record_type: self.record_type.into_owned(),
            quantity: self.quantity,
            unit: self.unit.into_owned(),
            amount: self.amount,
            currency: self.currency.into_owned(),
            estimated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreSettings;

    fn day(lines: usize, read_at: &str, estimated: bool) -> BillDay {
        let day = "2026-11-10".parse().unwrap();
        let line = |n: usize| BillLine {
            account: "111122223333".into(),
            day,
            usage_type: n.is_multiple_of(2).then(|| format!("EU-ETL-DPU-Hour-{n}")),
            record_type: "Usage".into(),
            quantity: Decimal::new(1_234_567_890_123, 10),
            unit: "DPU-Hour".into(),
            amount: Decimal::new(-1_234_567_890_123, 12),
            currency: "USD".into(),
            estimated,
        };
        let lines = (0..lines).map(line).collect();
        BillDay { day, read_at: read_at.parse().unwrap(), estimated, lines }
    }

    #[tokio::test]
    async fn a_day_reads_back_as_it_was_put_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.db");
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let november = "2026-11-01".parse().unwrap().."2026-12-01".parse().unwrap();
        let read = async || store.bill_days("111122223333", november.clone()).await.unwrap();
        for (lines, at) in [(2_500, "2026-11-11T00:00:00Z"), (3, "2026-11-12T00:00:00Z")] {
            let day = day(lines, at, lines == 3);
            store.put_bill_day("111122223333", &day).await.unwrap();
            assert_eq!(read().await, [day]);
        }
        assert!(store.bill_days("444455556666", november.clone()).await.unwrap().is_empty());
        let none = day(0, "2026-11-13T00:00:00Z", false);
        store.put_bill_day("111122223333", &none).await.unwrap();
        assert_eq!(read().await, [none]);
    }

    #[test]
    fn parts_of_different_readings_are_no_day() {
        let part = |number, read_at: &str| Part {
            day: "2026-11-10".parse().unwrap(),
            number,
            parts: 2,
            read_at: read_at.parse().unwrap(),
            estimated: false,
            lines: Vec::new(),
        };
        let (first, second) = ("2026-11-11T00:00:00Z", "2026-11-12T00:00:00Z");
        assert!(joined(vec![part(1, first), part(0, first)]).is_some());
        assert!(joined(vec![part(0, first), part(1, second)]).is_none());
        assert!(joined(vec![part(0, first)]).is_none());
        assert!(joined(vec![part(1, first)]).is_none());
    }
}
