//! The teams of the company, an online retailer: where they work, what their data is about, and
//! how differently each writes its name into a tag.

use std::collections::BTreeMap;

use super::chance::Chance;

/// A team and its home.
#[derive(Debug)]
pub(super) struct Team {
    /// The team's name, as its tags should say it.
    pub(super) name: &'static str,
    /// What the names of its jobs begin with.
    pub(super) prefix: &'static str,
    /// The cost centre that finance charges.
    pub(super) cost_center: &'static str,
    /// The account in which its jobs run.
    pub(super) account: &'static str,
    /// The region in which they run.
    pub(super) region: &'static str,
    /// What its data is about.
    pub(super) subjects: [&'static str; 12],
}

/// The account of what customers do: orders, payments, fraud.
pub(super) const SHOP: &str = "111122223333";
/// The account of goods: catalogue, logistics, claims.
pub(super) const GOODS: &str = "222233334444";
/// The account of numbers: marketing, insight, finance.
pub(super) const NUMBERS: &str = "333344445555";
/// The region of most teams.
pub(super) const VIRGINIA: &str = "us-east-1";
/// The region of the others.
pub(super) const IRELAND: &str = "eu-west-1";

/// The nine teams. The order is part of what a seed means: jobs are dealt out along it.
pub(super) const TEAMS: [Team; 9] = [
    Team {
        name: "orders",
        prefix: "orders",
        cost_center: "CC-204",
        account: SHOP,
        region: VIRGINIA,
        subjects: [
            "baskets",
            "checkouts",
            "returns",
            "backorders",
            "subscriptions",
            "gift-cards",
            "lines",
            "events",
            "promises",
            "cancellations",
            "invoices",
            "pickups",
        ],
    },
    Team {
        name: "payments",
        prefix: "payments",
        cost_center: "CC-211",
        account: SHOP,
        region: VIRGINIA,
        subjects: [
            "captures",
            "refunds",
            "settlements",
            "ledger",
            "wallets",
            "payouts",
            "disputes",
            "fees",
            "tokens",
            "fx-rates",
            "installments",
            "mandates",
        ],
    },
    Team {
        name: "fraud",
        prefix: "fraud",
        cost_center: "CC-214",
        account: SHOP,
        region: VIRGINIA,
        subjects: [
            "signals",
            "devices",
            "chargebacks",
            "velocity",
            "rules",
            "scores",
            "watchlists",
            "accounts",
            "logins",
            "coupons",
            "addresses",
            "cases",
        ],
    },
    Team {
        name: "catalog",
        prefix: "catalog",
        cost_center: "CC-302",
        account: GOODS,
        region: VIRGINIA,
        subjects: [
            "products",
            "prices",
            "images",
            "categories",
            "attributes",
            "reviews",
            "suppliers",
            "stock",
            "bundles",
            "translations",
            "search-terms",
            "variants",
        ],
    },
    Team {
        name: "logistics",
        prefix: "logistics",
        cost_center: "CC-310",
        account: GOODS,
        region: IRELAND,
        subjects: [
            "tracking",
            "parcels",
            "carriers",
            "routes",
            "warehouses",
            "pick-lists",
            "inbound",
            "customs",
            "pallets",
            "slots",
            "returns",
            "freight",
        ],
    },
    Team {
        name: "claims",
        prefix: "claims",
        cost_center: "CC-315",
        account: GOODS,
        region: IRELAND,
        subjects: [
            "damages",
            "warranties",
            "repairs",
            "replacements",
            "photos",
            "letters",
            "insurers",
            "recalls",
            "parts",
            "vouchers",
            "surveys",
            "escalations",
        ],
    },
    Team {
        name: "marketing",
        prefix: "marketing",
        cost_center: "CC-408",
        account: NUMBERS,
        region: IRELAND,
        subjects: [
            "campaigns",
            "clicks",
            "impressions",
            "newsletters",
            "audiences",
            "attribution",
            "coupons",
            "partners",
            "keywords",
            "push",
            "landing-pages",
            "spend",
        ],
    },
    Team {
        name: "customer-insight",
        prefix: "insight",
        cost_center: "CC-412",
        account: NUMBERS,
        region: VIRGINIA,
        subjects: [
            "sessions",
            "profiles",
            "segments",
            "churn",
            "lifetime-value",
            "cohorts",
            "surveys",
            "paths",
            "funnels",
            "households",
            "loyalty",
            "consent",
        ],
    },
    Team {
        name: "finance-reporting",
        prefix: "finance",
        cost_center: "CC-500",
        account: NUMBERS,
        region: VIRGINIA,
        subjects: [
            "revenue",
            "margin",
            "tax",
            "accruals",
            "cost-centres",
            "intercompany",
            "receivables",
            "payables",
            "budget",
            "consolidation",
            "audit",
            "assets",
        ],
    },
];

/// The names of the teams. Some tags spell them with a capital letter (`Orders`), so a
/// configuration for this company has each name as an alias of itself.
pub fn team_names() -> impl Iterator<Item = &'static str> {
    TEAMS.iter().map(|team| team.name)
}

/// The team of that name.
pub(super) fn team(name: &str) -> &'static Team {
    // A name of no team is a slip in this room's own tables, which its tests find.
    TEAMS.iter().find(|team| team.name == name).unwrap_or(&TEAMS[0])
}

impl Team {
    /// The tags that somebody of the team gave a job: the same team under the keys and in the
    /// spellings that years of different hands leave behind.
    pub(super) fn tags(&self, chance: &mut Chance) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        let (key, value) = match chance.between(0, 9) {
            0..=5 => ("team", self.name.to_owned()),
            6 | 7 => ("owner-team", self.name.to_owned()),
            _ => ("Team", capitalised(self.name)),
        };
        tags.insert(key.to_owned(), value);
        if chance.happens(0.7) {
            tags.insert("cost-center".to_owned(), self.cost_center.to_owned());
        }
        tags
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_team_is_found_by_its_name_and_pays_from_its_own_cost_center() {
        for one in &TEAMS {
            assert_eq!(team(one.name).cost_center, one.cost_center);
            let sharing = TEAMS.iter().filter(|other| other.cost_center == one.cost_center);
            assert_eq!(sharing.count(), 1);
        }
    }

    #[test]
    fn a_team_is_tagged_under_several_keys() {
        let mut chance = Chance::of(1, "tags", 0);
        let keys: std::collections::BTreeSet<String> =
            (0..100).flat_map(|_| TEAMS[0].tags(&mut chance).into_keys()).collect();
        for key in ["team", "Team", "owner-team", "cost-center"] {
            assert!(keys.contains(key), "{key}");
        }
    }
}
