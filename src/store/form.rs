//! The number of the stored form, which is on record in the table: so that a program that is put
//! back after an upgrade says that it is too old, rather than misread what a newer one wrote.
//!
//! What may be added without a new number: a kind of item that older programs never look at, and a
//! member or attribute of a run, which [`Beyond`](super::beyond::Beyond) keeps through an older
//! program's hands, and a member of a day's roll-ups, whose own form is on record with the day: one
//! that an older program makes anew is made anew again by the newer. Whatever else an older program
//! would lose or misread takes a new number. Items of every number that ever was stay readable;
//! `tests/data/stored` has some of each.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;
use super::keys::{PARTITION_KEY, SORT_KEY};
use super::{StoreError, Table};

/// The stored form that this program writes, and the newest that it reads.
pub const FORM: u32 = 1;

/// Where the number is: partition and sort key.
pub(super) const PLACE: (&str, &str) = ("FORM", "form");

/// The attribute that has it.
const NUMBER: &str = "form";

/// What the table says about its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredForm(Option<u32>);

impl StoredForm {
    /// The number; none while no program has put one on record, as before there were numbers.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        self.0
    }

    /// Whether this program's form is newer than what is on record.
    #[must_use]
    pub fn is_behind(self) -> bool {
        self.0.is_none_or(|number| number < FORM)
    }

    /// One that is as new as this program, for a table that is too busy to say.
    #[must_use]
    pub const fn current() -> Self {
        Self(Some(FORM))
    }
}

impl Table {
    /// Reads the form out of the item that has it, if there is one.
    ///
    /// # Errors
    /// When a newer program has written to the table.
    pub(super) fn form_of(&self, item: Option<&Item>) -> Result<StoredForm, StoreError> {
        let number = item.and_then(|item| item.get(NUMBER)).and_then(|value| value.as_n().ok());
        let number = number.and_then(|number| number.parse().ok());
        match (item, number) {
            (None, _) => Ok(StoredForm(None)),
            (Some(_), Some(number)) if number <= FORM => Ok(StoredForm(Some(number))),
            // A number that cannot be read is none that this program wrote.
            (Some(_), number) => Err(StoreError::Newer { table: self.name.clone(), form: number }),
        }
    }

    /// Puts this program's form on record, before it writes anything else. Nothing is lost where
    /// two do so at once.
    ///
    /// # Errors
    /// When DynamoDB fails, or a newer program has written to the table meanwhile.
    pub async fn record_form(&self) -> Result<(), StoreError> {
        let number = AttributeValue::N(FORM.to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .item(PARTITION_KEY, AttributeValue::S(PLACE.0.to_owned()))
            .item(SORT_KEY, AttributeValue::S(PLACE.1.to_owned()))
            .item(NUMBER, number.clone())
            .condition_expression("attribute_not_exists(#form) OR #form < :form")
            .expression_attribute_names("#form", NUMBER)
            .expression_attribute_values(":form", number);
        if !self.written(put.send().await)? {
            self.reach().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreSettings};

    #[tokio::test]
    async fn a_newer_form_is_refused_and_an_older_one_raised() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let table = store.table();
        let form = table.reach().await.unwrap();
        assert_eq!((form.number(), form.is_behind()), (None, true));
        table.record_form().await.unwrap();
        table.record_form().await.unwrap();
        let form = table.reach().await.unwrap();
        assert_eq!((form.number(), form.is_behind()), (Some(FORM), false));
        let put = async |number: AttributeValue| {
            let key = super::super::query::key_of(PLACE.0, PLACE.1);
            let item = key.into_iter().chain([(NUMBER.to_owned(), number)]).collect();
            table.put_item(item).await.unwrap();
        };
        put(AttributeValue::N("0".into())).await;
        assert!(table.reach().await.unwrap().is_behind());
        put(AttributeValue::N((FORM + 1).to_string())).await;
        let error = table.reach().await.unwrap_err();
        assert!(error.to_string().contains("form 2"), "{error}");
        // Nobody lowers what is on record.
        assert!(matches!(table.record_form().await, Err(StoreError::Newer { .. })));
        put(AttributeValue::S("two".into())).await;
        assert!(matches!(table.reach().await, Err(StoreError::Newer { form: None, .. })));
    }
}
