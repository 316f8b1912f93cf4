//! The price in words: the rules that were chosen, each line's arithmetic, and the days.

use rust_decimal::Decimal;

use super::{DayExplanation, LineExplanation, PriceExplanation};
use crate::analysis::Books;
use crate::model::{Basis, CostLine, JobKind, JobRun, Price, PricedRun, Usd};
use crate::pricing::{
    CapacityFrom, EmrReasoning, GlueQuantity, GlueReasoning, KindFrom, Origin, Rate, Reasoning,
    by_day,
};
use crate::report::format::exact;

const SECONDS_PER_HOUR: u32 = 3600;

/// What a run cost and why so.
pub(super) fn price(
    run: &JobRun,
    priced: &PricedRun,
    reasoning: &Reasoning,
    books: &Books,
) -> PriceExplanation {
    let dpu_seconds = match reasoning {
        Reasoning::Glue(_) => Some(priced.usage.dpu_seconds),
        _ => None,
    };
    let mut rules = match reasoning {
        Reasoning::Glue(glue) => of_glue(run, glue, books),
        Reasoning::EmrServerless(emr) => of_emr_serverless(emr),
        Reasoning::Imported => vec!["its cost came with the import, and is taken as it is".into()],
        Reasoning::NotPriced => {
            vec![
                "Runledger has no rates for this engine; its cost has to come with the import"
                    .into(),
            ]
        }
    };
    let (basis, minimum_extra_usd, lines, unpriced) = match &priced.price {
        Price::Priced { lines, basis, minimum_extra } => {
            rules.push(of_basis(*basis));
            (basis.as_str(), *minimum_extra, lines.as_slice(), None)
        }
        Price::Unpriced(reason) => ("unpriced", Usd::ZERO, &[][..], Some(reason.to_string())),
    };
    PriceExplanation {
        basis: basis.to_owned(),
        unpriced,
        cost_usd: priced.price.cost(),
        minimum_extra_usd,
        rules,
        lines: lines.iter().map(|line| explained(line, dpu_seconds, books)).collect(),
    }
}

fn of_glue(run: &JobRun, glue: &GlueReasoning, books: &Books) -> Vec<String> {
    let kind = glue.kind.as_str();
    let kind = match glue.kind_from {
        KindFrom::Run => format!("it is a {kind} run, as it says itself"),
        KindFrom::Command => format!("it is a {kind} run, by its job's command"),
        KindFrom::WorkerType => format!("it is a {kind} run: only these have such workers"),
        KindFrom::Capacity => {
            format!("it is a {kind} run: no workers, and a capacity of at most one DPU")
        }
        KindFrom::Assumed => {
            format!("its job's command is not known; it is taken for a {kind} run, as most are")
        }
    };
    let minimum = exact(glue.minimum_seconds.into());
    let quantity = glue.quantity.map(|quantity| match quantity {
        GlueQuantity::Metered { dpu_seconds } => {
            let sum = exact(dpu_seconds);
            let setting = books.pricing.minimum_applies_to_metered;
            let short = run.execution_seconds.is_some_and(|seconds| seconds < glue.minimum_seconds);
            let note = match (short, setting) {
                (true, false) => format!(
                    "; it ran for less than the minimum of {minimum} s, which by \
                     `minimum_applies_to_metered = false` is not added"
                ),
                _ => String::new(),
            };
            format!("AWS metered {sum} DPU-seconds, which are the quantity as they stand{note}")
        }
        GlueQuantity::Raised { dpu_seconds, seconds } => format!(
            "AWS tells {} DPU-seconds for {} s, and at least {minimum} s are billed: {0} x \
             {minimum} / {1} DPU-seconds",
            exact(dpu_seconds),
            exact(seconds.into())
        ),
        GlueQuantity::Provisioned { capacity, capacity_from, seconds } => {
            let unit = if crate::pricing::is_memory_optimised(run) { "M-DPU" } else { "DPU" };
            let capacity = match capacity_from {
                CapacityFrom::MaxCapacity => format!("{} {unit} (MaxCapacity)", exact(capacity)),
                CapacityFrom::Workers { factor, workers } => {
                    format!("{} {unit} ({workers} workers of {})", exact(capacity), exact(factor))
                }
            };
            let used = exact(seconds.into());
            if seconds < glue.minimum_seconds {
                format!(
                    "no metered DPU-seconds, so capacity x time: {capacity} x {minimum} s, the \
                     minimum; {used} s were used"
                )
            } else {
                format!(
                    "no metered DPU-seconds, so capacity x time: {capacity} x {used} s, at least \
                     the minimum of {minimum} s"
                )
            }
        }
        GlueQuantity::Nothing => "it used no time, so it owes nothing, whatever the rate".into(),
    });
    let quantity = quantity.or_else(|| Some("no quantity can be made out".to_owned()));
    let class = (glue.kind != JobKind::Session).then(|| match &run.execution_class {
        Some(class) => format!("its execution class is {}", class.as_str()),
        None => "no execution class is told, which to AWS means STANDARD".to_owned(),
    });
    std::iter::once(kind).chain(quantity).chain(class).collect()
}

fn of_emr_serverless(emr: &EmrReasoning) -> Vec<String> {
    let architecture = emr.architecture.as_str();
    let mut rules = vec![
        "what AWS billed is the quantity; it has the one-minute minimum of each worker and storage \
         beyond 20 GB in it, and no idle workers that were kept ready"
            .to_owned(),
        if emr.architecture_is_known {
            format!("its application's architecture is {architecture}")
        } else {
            format!(
                "its application is not known; `assumed_architecture` makes it {architecture}"
            )
        },
    ];
    if emr.flex {
        rules.push(
            "its executors ran on discounted capacity (Flex), which AWS does not tell apart: it is \
             priced at the standard rates, and cannot have cost more"
                .to_owned(),
        );
    }
    if emr.later_attempt {
        rules.push(
            "it is a later attempt, and AWS does not say whether its figures include the earlier \
             ones'; a report that knows every attempt calls it billed"
                .to_owned(),
        );
    }
    rules
}

fn of_basis(basis: Basis) -> String {
    let means = match basis {
        Basis::Billed => "AWS says what it billed",
        Basis::Metered => "AWS metered the quantity",
        Basis::Provisioned => "capacity times time, with the billing minimum",
        Basis::UpperBound => "certainly not more than this",
        Basis::Imported => "the cost came with the run",
    };
    format!("basis {}: {means}", basis.as_str())
}

fn explained(line: &CostLine, dpu_seconds: Option<Decimal>, books: &Books) -> LineExplanation {
    let rate = line.rate_index.and_then(|index| books.card.rates().get(index));
    LineExplanation {
        component: line.component,
        quantity: line.quantity,
        unit: line.unit,
        rate_usd: line.rate,
        list_rate_usd: line.list_rate,
        amount_usd: line.amount,
        arithmetic: match line.rate_index {
            Some(_) => arithmetic(line, dpu_seconds),
            None => format!("{}, as it was imported", line.amount),
        },
        rate: rate.map_or_else(
            || "no rate: the cost was imported".to_owned(),
            |rate| origin(rate, books),
        ),
    }
}

/// A line's arithmetic, digit by digit: from the seconds, where AWS counts them.
fn arithmetic(line: &CostLine, dpu_seconds: Option<Decimal>) -> String {
    let rate = line.rate.normalize();
    let (quantity, divisor, words) = match dpu_seconds {
        Some(seconds) => {
            let unit = line.unit.trim_end_matches("-Hours");
            let words = format!("{} {unit}-seconds / 3,600", exact(seconds));
            (seconds, SECONDS_PER_HOUR, words)
        }
        None => (line.quantity, 1, format!("{} {}", exact(line.quantity), line.unit)),
    };
    let amount = line.amount;
    match Usd::usage_digits(quantity, divisor, line.rate) {
        Ok((digits, true)) if digits == amount.to_string() => {
            format!("{words} x {rate} = {digits}")
        }
        Ok((digits, ends)) => {
            let more = if ends { "" } else { "…" };
            format!(
                "{words} x {rate} = {digits}{more}, rounded half to even at nine decimals: {amount}"
            )
        }
        Err(_) => format!("{words} x {rate} = {amount}"),
    }
}

/// Where a rate comes from, what it is for, and since when.
fn origin(rate: &Rate, books: &Books) -> String {
    let version =
        |version: Option<(u32, u32)>| version.map(|(major, minor)| format!("{major}.{minor}"));
    let mut for_what = vec![format!("{} {}", rate.engine, rate.component)];
    if !rate.kinds.is_empty() {
        for_what.push(rate.kinds.join(" and "));
    }
    for_what.extend(version(rate.versions.0).map(|from| format!("from Glue {from}")));
    for_what.extend(version(rate.versions.1).map(|below| format!("below Glue {below}")));
    for_what.extend(rate.execution_class.clone());
    for_what.extend(rate.architecture.clone());
    for_what.extend(rate.account.as_ref().map(|account| format!("account {account} alone")));
    let force = match rate.days {
        (None, None) => "on every day".to_owned(),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(to)) => format!("before {to}"),
        (Some(from), Some(to)) => format!("from {from} to before {to}"),
    };
    let whose = match rate.origin {
        Origin::Shipped => "shipped with Runledger",
        Origin::PriceList => "read from AWS's Price List",
        Origin::Configuration => "from the configuration",
    };
    let sku = rate.sku.as_ref().map_or_else(String::new, |sku| format!(" (SKU {sku})"));
    let as_of = rate.as_of.as_ref().map_or_else(
        || "a source without a date".to_owned(),
        |as_of| format!("a source as of {as_of}"),
    );
    let discount = rate.discounted.as_ref().map_or_else(String::new, |discounted| {
        let percent = exact(discounted.percent);
        let list = books.card.rates().get(discounted.list_index);
        let list = list.map_or_else(String::new, |list| format!(" {}", list.usd.normalize()));
        format!("; {percent}% off the list's{list}")
    });
    format!(
        "{} in {}, in force {force}; {whose}{sku}{discount}; {as_of}: {}",
        for_what.join(", "),
        rate.region,
        rate.source
    )
}

/// The run's cost lines by UTC day.
pub(super) fn days(run: &JobRun, price: &Price) -> Vec<DayExplanation> {
    let Price::Priced { lines, .. } = price else { return Vec::new() };
    let shares = by_day(run, price).into_iter();
    shares
        .filter_map(|share| {
            let line = lines.get(share.line)?;
            Some(DayExplanation {
                day: share.day,
                component: line.component,
                quantity: share.quantity,
                unit: line.unit,
                amount_usd: share.amount,
            })
        })
        .collect()
}

/// What the bill changed of a run's cost. The one place where that is told.
pub(super) fn true_up() -> String {
    "none, ever: what AWS's bill differs by is told in named lines beside the runs, and no run's \
     cost is scaled to fit it"
        .to_owned()
}
