//! The prices read of AWS's Price List: kept for ever, because runs are priced by the day on which
//! they ended, and a closed month must stay explainable.

use futures::{StreamExt, TryStreamExt, stream};
use rust_decimal::Decimal;

use super::item::Item;
use super::keys::{PRICE, price_key};
use super::sources::{keyed, put, text};
use super::{Store, StoreError};
use crate::model::ListPrice;

/// Prices written at once.
const WRITES_AT_ONCE: usize = 8;

impl Store {
    /// Every price that was ever read, by region, usage type, effective day and time of reading.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn prices(&self) -> Result<Vec<ListPrice>, StoreError> {
        let items = self.table.query_partition(PRICE, None).await?;
        let incomplete =
            |item| self.table.unreadable(item, "a member is missing or is no price".into());
        items.iter().map(|item| read(item).ok_or_else(|| incomplete(item))).collect()
    }

    /// Puts prices on record. One that is there already, with the same day and time of reading, is
    /// replaced: by itself, or by itself with a newer date of publication. None is ever deleted.
    ///
    /// # Errors
    /// When DynamoDB fails; what was written until then stays, and writing all of it again is safe.
    pub async fn put_prices(&self, prices: &[ListPrice]) -> Result<(), StoreError> {
        let writes = prices.iter().map(|price| self.ledger_table.put_item(item(price)));
        stream::iter(writes).buffer_unordered(WRITES_AT_ONCE).try_collect().await
    }
}

fn item(price: &ListPrice) -> Item {
    let mut item = keyed(PRICE, &price_key(price));
    put(&mut item, "region", &price.region);
    put(&mut item, "usage_type", &price.usage_type);
    put(&mut item, "sku", &price.sku);
    put(&mut item, "operation", &price.operation);
    put(&mut item, "unit", &price.unit);
    put(&mut item, "usd", &price.usd.to_string());
    put(&mut item, "effective", &price.effective.to_string());
    put(&mut item, "published", &price.published.to_string());
    put(&mut item, "source", &price.source);
    put(&mut item, "read_at", &price.read_at.to_string());
    item
}

fn read(item: &Item) -> Option<ListPrice> {
    let owned = |name: &str| text(item, name).map(str::to_owned);
    Some(ListPrice {
        region: owned("region")?,
        usage_type: owned("usage_type")?,
        sku: owned("sku")?,
        operation: owned("operation")?,
        unit: owned("unit")?,
        usd: Decimal::from_str_exact(text(item, "usd")?).ok()?,
        effective: text(item, "effective")?.parse().ok()?,
        published: text(item, "published")?.parse().ok()?,
        source: owned("source")?,
        read_at: text(item, "read_at")?.parse().ok()?,
    })
}
