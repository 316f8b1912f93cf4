//! What is known of the bill of some days, out of the bills of several accounts: whose bill speaks
//! for an account, which days it knows, and in which currency.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::model::{BillDay, BillLine, USD};

/// The bill of an account, or of all accounts that a payer pays for, as far as it was read.
#[derive(Clone, Debug)]
pub struct AccountBill {
    /// The account that Cost Explorer was asked in.
    pub account: String,
    /// Whether its bill names others.
    pub payer: bool,
    /// The days that were read, in any order.
    pub days: Vec<BillDay>,
}

/// What the bill knows of a day of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it was not read.
    Unread,
    /// What AWS may still change.
    Unsettled,
    /// What AWS calls final.
    Settled,
    /// Nothing, and it never will: no bill speaks for the account.
    Nowhere,
    /// Amounts in another currency, which are not compared.
    Foreign,
}

/// Bills of several accounts as one.
pub(super) struct KnownBill<'a> {
    bills: &'a [AccountBill],
    /// The accounts that each payer's bill names.
    named: Vec<BTreeSet<&'a str>>,
    days: BTreeMap<(usize, Date), &'a BillDay>,
    /// What is billed in other currencies, by account and currency.
    pub(super) foreign: BTreeMap<(&'a str, &'a str), Decimal>,
}

impl<'a> KnownBill<'a> {
    pub(super) fn new(bills: &'a [AccountBill], wanted: &Range<Date>) -> Self {
        let mut known = Self {
            bills,
            named: vec![BTreeSet::new(); bills.len()],
            days: BTreeMap::new(),
            foreign: BTreeMap::new(),
        };
        for (index, bill) in bills.iter().enumerate() {
            for day in bill.days.iter().filter(|day| wanted.contains(&day.day)) {
                known.days.insert((index, day.day), day);
                known.named[index].extend(day.lines.iter().map(|line| line.account.as_str()));
            }
        }
        let mut foreign = BTreeMap::new();
        for line in known.lines().filter(|line| line.currency != USD && !line.amount.is_zero()) {
            let sum: &mut Decimal =
                foreign.entry((line.account.as_str(), line.currency.as_str())).or_default();
            *sum = sum.saturating_add(line.amount);
        }
        known.foreign = foreign;
        known
    }

    /// The lines of the bill that speaks for their account; whatever currency they are in.
    fn lines(&self) -> impl Iterator<Item = &'a BillLine> {
        self.days.iter().flat_map(|((index, _), day)| {
            let speaks = |line: &&BillLine| self.speaker(&line.account) == Some(*index);
            day.lines.iter().filter(speaks).collect::<Vec<_>>()
        })
    }

    /// The lines that can be compared.
    pub(super) fn dollar_lines(&self) -> impl Iterator<Item = &'a BillLine> {
        self.lines().filter(|line| !self.is_foreign(&line.account))
    }

    pub(super) fn is_foreign(&self, account: &str) -> bool {
        self.foreign.keys().any(|(foreign, _)| *foreign == account)
    }

    /// Whose bill speaks for an account: its own, else that of a payer that names it.
    fn speaker(&self, account: &str) -> Option<usize> {
        let own = self.bills.iter().position(|bill| bill.account == account);
        own.or_else(|| {
            let names =
                |index: &usize| self.bills[*index].payer && self.named[*index].contains(account);
            (0..self.bills.len()).find(names)
        })
    }

    pub(super) fn known(&self, day: Date, account: &str) -> Known {
        if self.is_foreign(account) {
            return Known::Foreign;
        }
        let Some(speaker) = self.speaker(account) else {
            // A payer whose bill is not there yet may still come to name the account.
            let unread = |index: usize| {
                self.bills[index].payer && !self.days.keys().any(|(read, _)| *read == index)
            };
            let any_unread = (0..self.bills.len()).any(unread);
            return if any_unread { Known::Unread } else { Known::Nowhere };
        };
        match self.days.get(&(speaker, day)) {
            None => Known::Unread,
            Some(read) if read.is_settled() => Known::Settled,
            Some(_) => Known::Unsettled,
        }
    }

    /// How many of the days were read in every account, and how many are settled in every account.
    pub(super) fn counts(&self, wanted: &Range<Date>) -> (usize, usize) {
        let count = |is: &dyn Fn(&BillDay) -> bool| {
            let whole = |day: &Date| {
                !self.bills.is_empty()
                    && (0..self.bills.len())
                        .all(|index| self.days.get(&(index, *day)).is_some_and(|day| is(day)))
            };
            days(wanted).filter(whole).count()
        };
        (count(&|_| true), count(&BillDay::is_settled))
    }

    /// Whether any account's bill is in dollars, or empty.
    pub(super) fn has_dollars(&self) -> bool {
        self.lines().any(|line| !self.is_foreign(&line.account))
    }

    /// Whether anything was read at all.
    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

/// Whether bills speak, in dollars, for every one of these accounts.
#[must_use]
pub fn speaks_for<'a>(
    bills: &[AccountBill],
    days: &Range<Date>,
    mut accounts: impl Iterator<Item = &'a str>,
) -> bool {
    let known = KnownBill::new(bills, days);
    accounts
        .all(|account| !matches!(known.known(days.start, account), Known::Nowhere | Known::Foreign))
}

pub(super) fn days(range: &Range<Date>) -> impl Iterator<Item = Date> + use<> {
    let end = range.end;
    range.start.series(1.day()).take_while(move |day| *day < end)
}
