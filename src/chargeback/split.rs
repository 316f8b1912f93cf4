//! A line's way into the cells that bear it.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::SplitRule;
use super::cell::{CellKey, Nanos};
use crate::model::{Usd, apportion};
use crate::ownership::UNALLOCATED;

/// Decimals of a percent that count.
const PERCENT_DECIMALS: u32 = 9;

/// Where no team bears a share without runs.
#[cfg(test)]
pub(super) static NO_COST_CENTERS: BTreeMap<String, String> = BTreeMap::new();

/// The cells of a month, by key.
pub(super) type Cells = BTreeMap<CellKey, Nanos>;

/// What came of splitting a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What stays unallocated.
    pub(super) left: Usd,
    /// Why something stays, for the reader; `None` where nothing does.
    pub(super) reason: Option<&'static str>,
}

/// Splits an amount over the cells by a rule, and says what stays unallocated. `cost_centers` are
/// those of teams that may bear a share without having run anything. An amount of one
/// account is borne by that account's cells. Weights are the cells' own use alone, so the order of
/// lines makes no difference; every part is exact, by largest remainder.
pub(super) fn split(
    cells: &mut Cells,
    usd: Usd,
    account: Option<&str>,
    rule: &SplitRule,
    cost_centers: &BTreeMap<String, String>,
) -> Outcome {
    let in_account = |key: &CellKey| account.is_none_or(|account| key.account == account);
    let all = Outcome { left: usd, reason: None };
    match rule {
        SplitRule::None => Outcome { reason: Some("the rule is to leave it unallocated"), ..all },
        SplitRule::Proportional => {
            let reason = "no run used anything that it could be split by";
            give(cells, usd, in_account).unwrap_or(Outcome { reason: Some(reason), ..all })
        }
        SplitRule::Even => even(cells, usd, in_account)
            .unwrap_or(Outcome { reason: Some("no team used anything"), ..all }),
        SplitRule::Fixed(shares) => fixed(cells, usd, account, (shares, cost_centers))
            .unwrap_or(Outcome { reason: Some("it is out of range"), ..all }),
    }
}

/// Splits an amount over the chosen cells in proportion to their own use; `None` where none has
/// any.
fn give(cells: &mut Cells, usd: Usd, chosen: impl Fn(&CellKey) -> bool) -> Option<Outcome> {
    let own = |nanos: &Nanos| u128::try_from(nanos.own.nanos()).unwrap_or_default();
    let weights: Vec<u128> =
        cells.iter().map(|(key, nanos)| if chosen(key) { own(nanos) } else { 0 }).collect();
    let parts = apportion(usd.nanos(), &weights)?;
    for (nanos, part) in cells.values_mut().zip(parts) {
        nanos.shared += Usd::from_nanos(part);
    }
    Some(Outcome { left: Usd::ZERO, reason: None })
}

fn even(cells: &mut Cells, usd: Usd, chosen: impl Fn(&CellKey) -> bool) -> Option<Outcome> {
    let used = |(key, nanos): &(&CellKey, &Nanos)| {
        chosen(key) && key.team != UNALLOCATED && nanos.own > Usd::ZERO
    };
    let teams: BTreeSet<String> =
        cells.iter().filter(used).map(|(key, _)| key.team.clone()).collect();
    let parts = apportion(usd.nanos(), &vec![1; teams.len()])?;
    let mut left = Usd::ZERO;
    for (team, part) in teams.iter().zip(parts) {
        let part = Usd::from_nanos(part);
        let given = give(cells, part, |key| chosen(key) && key.team == *team);
        left += given.map_or(part, |outcome| outcome.left);
    }
    Some(Outcome { left, reason: None })
}

fn fixed(
    cells: &mut Cells,
    usd: Usd,
    account: Option<&str>,
    (shares, cost_centers): (&BTreeMap<String, Decimal>, &BTreeMap<String, String>),
) -> Option<Outcome> {
    let weight = |percent: Decimal| {
        let mut percent = percent.round_dp(PERCENT_DECIMALS);
        percent.rescale(PERCENT_DECIMALS);
        u128::try_from(percent.mantissa()).ok()
    };
    let mut weights: Vec<u128> =
        shares.values().map(|percent| weight(*percent)).collect::<Option<_>>()?;
    let given: u128 = weights.iter().sum();
    weights.push(weight(Decimal::ONE_HUNDRED)?.saturating_sub(given));
    let mut parts = apportion(usd.nanos(), &weights)?.into_iter().map(Usd::from_nanos);
    for team in shares.keys() {
        let cost_center = cost_centers.get(team).map(String::as_str);
        bear(cells, parts.next().unwrap_or_default(), (team, cost_center), account);
    }
    let left = parts.next().unwrap_or_default();
    let reason = (!left.is_zero()).then_some("the shares add up to less than 100 percent");
    Some(Outcome { left, reason })
}

/// A team bears its fixed share whether it ran anything or not: on its cells of the account, else
/// on all its cells, else on a cell of its own, under the cost centre that its other cells or the
/// configuration have.
fn bear(
    cells: &mut Cells,
    usd: Usd,
    (team, cost_center): (&str, Option<&str>),
    account: Option<&str>,
) {
    let ours = |key: &CellKey| key.team == team;
    let here = |key: &CellKey| ours(key) && account.is_none_or(|account| key.account == account);
    if give(cells, usd, here).is_some() || give(cells, usd, ours).is_some() {
        return;
    }
    let mut known = cells.keys().filter(|key| ours(key)).map(|key| key.cost_center.as_str());
    let cost_center = known.find(|cost_center| !cost_center.is_empty()).or(cost_center);
    let key = CellKey {
        cost_center: cost_center.unwrap_or_default().to_owned(),
        team: team.to_owned(),
        account: account.unwrap_or_default().to_owned(),
        region: String::new(),
        engine: String::new(),
        job: String::new(),
    };
    cells.entry(key).or_default().shared += usd;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(team: &str, account: &str, job: &str) -> CellKey {
        CellKey {
            cost_center: String::new(),
            team: team.into(),
            account: account.into(),
            region: "eu-west-1".into(),
            engine: "glue".into(),
            job: job.into(),
        }
    }

    fn cells(own: &[(&str, &str, &str, i128)]) -> Cells {
        let cell = |(team, account, job, own): &(&str, &str, &str, i128)| {
            let nanos = Nanos { own: Usd::from_nanos(*own), ..Nanos::default() };
            (key(team, account, job), nanos)
        };
        own.iter().map(cell).collect()
    }

    fn shared(cells: &Cells) -> Vec<i128> {
        cells.values().map(|nanos| nanos.shared.nanos()).collect()
    }

    fn of(nanos: i128) -> Usd {
        Usd::from_nanos(nanos)
    }

    fn parted(cells: &mut Cells, usd: Usd, account: Option<&str>, rule: &SplitRule) -> Outcome {
        split(cells, usd, account, rule, &[("y".to_owned(), "300".to_owned())].into())
    }

    #[test]
    fn in_proportion_and_within_the_account() {
        let mut all = cells(&[("a", "1", "x", 30), ("a", "2", "y", 10), ("b", "1", "z", 10)]);
        let done = parted(&mut all, of(100), None, &SplitRule::Proportional);
        assert_eq!((done.left, shared(&all)), (Usd::ZERO, vec![60, 20, 20]));
        parted(&mut all, of(-40), Some("1"), &SplitRule::Proportional);
        assert_eq!(shared(&all), [30, 20, 10]);
        let done = parted(&mut all, of(7), Some("3"), &SplitRule::Proportional);
        assert_eq!((done.left, done.reason.is_some()), (of(7), true));
    }

    #[test]
    fn evenly_over_teams_and_not_over_nobody() {
        let mut all = cells(&[
            (UNALLOCATED, "1", "w", 500),
            ("a", "1", "x", 30),
            ("a", "2", "y", 10),
            ("b", "1", "z", 10),
            ("c", "1", "idle", 0),
        ]);
        parted(&mut all, of(80), None, &SplitRule::Even);
        // In the order of keys: the capital comes first.
        assert_eq!(shared(&all), [0, 30, 10, 40, 0]);
        let mut nobody = cells(&[(UNALLOCATED, "1", "w", 500)]);
        assert_eq!(parted(&mut nobody, of(80), None, &SplitRule::Even).left, of(80));
    }

    #[test]
    fn fixed_shares_reach_teams_that_ran_nothing() {
        let mut all = cells(&[("a", "1", "x", 30), ("a", "2", "y", 10)]);
        let percent = |number: i64| Decimal::new(number, 0);
        let shares = [("a".to_owned(), percent(50)), ("z".to_owned(), percent(30))].into();
        let done = parted(&mut all, of(100), Some("2"), &SplitRule::Fixed(shares));
        assert_eq!((done.left, shared(&all)), (of(20), vec![0, 50, 30]));
        let none = all.keys().next_back().unwrap();
        assert_eq!((&*none.team, &*none.account, &*none.job), ("z", "2", ""));
    }

    /// By its other cells where there are any, else by the configuration, else none.
    #[test]
    fn a_team_that_used_nothing_bears_its_share_under_its_cost_center() {
        let all_of = |team: &str, all: &mut Cells| {
            let shares = [(team.to_owned(), Decimal::ONE_HUNDRED)].into();
            parted(all, of(100), Some("2"), &SplitRule::Fixed(shares));
            let bearer = all.iter().find(|(_, nanos)| !nanos.shared.is_zero()).unwrap().0;
            (bearer.team.clone(), bearer.cost_center.clone())
        };
        let mut idle = key("x", "1", "idle");
        idle.cost_center = "200".into();
        let pair = |team: &str, cost_center: &str| (team.to_owned(), cost_center.to_owned());
        let mut known: Cells = [(idle, Nanos::default())].into();
        assert_eq!(all_of("x", &mut known), pair("x", "200"));
        assert_eq!(all_of("y", &mut Cells::new()), pair("y", "300"));
        assert_eq!(all_of("z", &mut Cells::new()), pair("z", ""));
    }
}
