//! Cost Explorer in JSON 1.1: bills by day, account, service, usage type and record type, filtered
//! and grouped as they are asked for, in pages. Every request counts, as AWS charges for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Asked, page};

/// A line of what is billed.
#[derive(Clone, Debug)]
pub(crate) struct Billed {
    pub(crate) day: String,
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) usage_type: String,
    pub(crate) record_type: String,
    pub(crate) amount: String,
    pub(crate) quantity: String,
    pub(crate) currency: String,
}

/// What Cost Explorer knows in one account.
pub(crate) struct CostExplorer {
    lines: Vec<Billed>,
    /// Days from this one on are flagged as estimated.
    pub(crate) estimated_from: String,
    /// Groups in a page.
    pub(crate) page: usize,
    /// Errors for the next requests, by code; an empty one goes well.
    pub(crate) errors: Vec<&'static str>,
    /// Tags that are active for cost allocation.
    pub(crate) active_tags: Vec<&'static str>,
}

impl Default for CostExplorer {
    fn default() -> Self {
        let (lines, errors) = (Vec::new(), Vec::new());
        let estimated_from = "9999-12-31".to_owned();
        Self { lines, estimated_from, page: 1_000, errors, active_tags: Vec::new() }
    }
}

impl CostExplorer {
    /// Adds usage of Glue, in dollars.
    pub(crate) fn glue(
        &mut self,
        day: &str,
        account: &str,
        usage_type: &str,
        quantity: &str,
        amount: &str,
    ) -> &mut Billed {
        self.lines.push(Billed {
            day: day.to_owned(),
            account: account.to_owned(),
            service: "AWS Glue".to_owned(),
            usage_type: usage_type.to_owned(),
            record_type: "Usage".to_owned(),
            amount: amount.to_owned(),
            quantity: quantity.to_owned(),
            currency: "USD".to_owned(),
        });
        self.lines.last_mut().unwrap()
    }

    /// Forgets every line.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
    }

    pub(crate) fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.region != "us-east-1" {
            return Answer::error(400, "UnrecognizedClientException", "there is no such endpoint");
        }
        if !self.errors.is_empty() {
            let code = self.errors.remove(0);
            if !code.is_empty() {
                return Answer::error(400, code, "not now");
            }
        }
        match asked.operation.as_str() {
            "GetDimensionValues" => self.values(&asked.input),
            "GetCostAndUsage" => self.cost_and_usage(&asked.input),
            "ListCostAllocationTags" => self.tags(&asked.input),
            other => Answer::error(400, "UnknownOperationException", other),
        }
    }

    fn in_period(&self, input: &Value) -> Vec<&Billed> {
        let bound = |name: &str| input["TimePeriod"][name].as_str().unwrap_or("").to_owned();
        let (start, end) = (bound("Start"), bound("End"));
        self.lines
            .iter()
            .filter(|line| (start.as_str()..end.as_str()).contains(&&*line.day))
            .collect()
    }

    fn values(&self, input: &Value) -> Answer {
        let dimension = input["Dimension"].as_str().unwrap_or("");
        let search = input["SearchString"].as_str().unwrap_or("");
        let mut values: Vec<String> = self
            .in_period(input)
            .into_iter()
            .map(|line| line.dimension(dimension).to_owned())
            .filter(|value| value.to_lowercase().contains(&search.to_lowercase()))
            .collect();
        values.sort();
        values.dedup();
        match page(&values, dimension, input["NextPageToken"].as_str(), self.page) {
            Ok((values, next)) => Answer::ok(&json!({
                "DimensionValues": values.iter().map(|v| json!({ "Value": v })).collect::<Vec<_>>(),
                "NextPageToken": next,
                "ReturnSize": values.len(),
                "TotalSize": values.len(),
            })),
            Err(refused) => refused,
        }
    }

    fn tags(&self, input: &Value) -> Answer {
        assert_eq!(input["Status"], "Active");
        let wanted = input["TagKeys"].as_array().unwrap();
        let active = self.active_tags.iter().filter(|tag| wanted.iter().any(|key| key == *tag));
        let tag = |key: &&str| json!({ "TagKey": key, "Type": "UserDefined", "Status": "Active" });
        Answer::ok(&json!({ "CostAllocationTags": active.map(tag).collect::<Vec<_>>() }))
    }

    fn cost_and_usage(&self, input: &Value) -> Answer {
        assert_eq!(input["Granularity"], "DAILY");
        let keys: Vec<&str> = input["GroupBy"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|group| group["Key"].as_str().unwrap())
            .collect();
        assert!(keys.len() <= 2, "AWS groups by two at most");
        let mut groups = BTreeMap::<(String, Vec<String>), Vec<&Billed>>::new();
        for line in self.in_period(input) {
            if input["Filter"].is_null() || matches(&input["Filter"], line) {
                let group = keys.iter().map(|key| line.dimension(key).to_owned()).collect();
                groups.entry((line.day.clone(), group)).or_default().push(line);
            }
        }
        let groups: Vec<((String, Vec<String>), Value)> = groups
            .into_iter()
            .map(|((day, keys), lines)| ((day, keys.clone()), group(&keys, &lines)))
            .collect();
        let of = keys.join("-");
        let (groups, next) = match page(&groups, &of, input["NextPageToken"].as_str(), self.page) {
            Ok(page) => page,
            Err(_) => return Answer::error(400, "InvalidNextTokenException", "bad token"),
        };
        let results: Vec<Value> = days(input)
            .into_iter()
            .map(|day| {
                let of_day = groups.iter().filter(|((of, _), _)| *of == day);
                json!({
                    "TimePeriod": { "Start": day, "End": day },
                    "Total": {},
                    "Groups": of_day.map(|(_, group)| group.clone()).collect::<Vec<_>>(),
                    "Estimated": day >= self.estimated_from,
                })
            })
            .collect();
        Answer::ok(&json!({ "ResultsByTime": results, "NextPageToken": next }))
    }
}

impl Billed {
    fn dimension(&self, key: &str) -> &str {
        match key {
            "SERVICE" => &self.service,
            "USAGE_TYPE" => &self.usage_type,
            "RECORD_TYPE" => &self.record_type,
            "LINKED_ACCOUNT" => &self.account,
            other => panic!("{other} is no dimension that is asked for"),
        }
    }
}

fn days(input: &Value) -> Vec<String> {
    let bound = |name: &str| -> jiff::civil::Date {
        input["TimePeriod"][name].as_str().unwrap().parse().unwrap()
    };
    let end = bound("End");
    bound("Start")
        .series(jiff::ToSpan::day(1))
        .take_while(|day| *day < end)
        .map(|day| day.to_string())
        .collect()
}

/// An expression with exactly one root, as AWS demands.
fn matches(filter: &Value, line: &Billed) -> bool {
    let members = filter.as_object().unwrap();
    assert_eq!(members.len(), 1, "Expression has more than one roots");
    let (root, operand) = members.iter().next().unwrap();
    let all = || operand.as_array().unwrap();
    match root.as_str() {
        "And" => all().iter().all(|one| matches(one, line)),
        "Or" => all().iter().any(|one| matches(one, line)),
        "Not" => !matches(operand, line),
        "Dimensions" => {
            let value = line.dimension(operand["Key"].as_str().unwrap());
            operand["Values"].as_array().unwrap().iter().any(|wanted| wanted == value)
        }
        other => panic!("{other} is no root"),
    }
}

/// The sums of a group. Amounts of several currencies are not added: AWS bills each in its own.
fn group(keys: &[String], lines: &[&Billed]) -> Value {
    let sum = |of: fn(&Billed) -> &str| {
        lines.iter().map(|line| of(line).parse::<rust_decimal::Decimal>().unwrap()).sum::<_>()
    };
    let cost: rust_decimal::Decimal = sum(|line| &line.amount);
    let quantity: rust_decimal::Decimal = sum(|line| &line.quantity);
    json!({
        "Keys": keys,
        "Metrics": {
            "UnblendedCost": { "Amount": cost.to_string(), "Unit": lines[0].currency },
            "UsageQuantity": { "Amount": quantity.to_string(), "Unit": "N/A" },
        },
    })
}
