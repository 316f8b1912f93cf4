//! What Runledger itself costs, in one line of the foot.

use crate::analysis::{OwnCost, OwnPart};
use crate::model::Usd;
use crate::report::format;

/// The sum and what it is made of, and beside it what has no rate.
pub(super) fn line(cost: &OwnCost) -> String {
    let mut priced: Vec<(&str, Usd)> = Vec::new();
    let mut unpriced = Vec::new();
    for part in &cost.parts {
        let Some(usd) = part.usd else {
            unpriced.push(format!("{} {}", what(part), quantity(part)));
            continue;
        };
        // Reads and writes, processors and memory are one thing to whoever pays.
        match priced.last_mut() {
            Some((last, sum)) if *last == what(part) => *sum += usd,
            _ => priced.push((what(part), usd)),
        }
    }
    let priced: Vec<String> =
        priced.iter().map(|(what, usd)| format!("{what} {}", format::dollars(*usd))).collect();
    let sum = cost.usd.map(|usd| format!("{} ({})", format::dollars(usd), priced.join(", ")));
    let without =
        (!unpriced.is_empty()).then(|| format!("without a rate: {}", unpriced.join(", ")));
    let told: Vec<String> = [sum, without].into_iter().flatten().collect();
    let told = told.join("; ");
    format!(
        "Runledger itself, in the {} days before, estimated: {told}. Logs, storage and network \
         are not in it.",
        cost.days
    )
}

fn quantity(part: &OwnPart) -> String {
    let unit = if part.quantity == "1" { part.unit.trim_end_matches('s') } else { part.unit };
    format!("{} {unit}", part.quantity)
}

fn what(part: &OwnPart) -> &'static str {
    part.part.split(',').next().unwrap_or(part.part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: &'static str, usd: Option<&str>) -> OwnPart {
        let usd = usd.map(|usd| usd.parse().unwrap());
        OwnPart { part, quantity: "5".to_owned(), unit: "units", usd }
    }

    #[test]
    fn what_belongs_together_is_one_amount_and_what_has_no_rate_is_named() {
        let usd = "1.32".parse().unwrap();
        let parts = vec![
            part("containers, vCPU", Some("1.10")),
            part("containers, memory", Some("0.20")),
            part("Cost Explorer", Some("0.02")),
            part("SES", None),
        ];
        let told = line(&OwnCost { days: 7, usd: Some(usd), parts });
        let expected = "Runledger itself, in the 7 days before, estimated: $1.32 (containers \
                        $1.30, Cost Explorer $0.02); without a rate: SES 5 units. Logs,";
        assert!(told.starts_with(expected), "{told}");
        let told = line(&OwnCost { days: 7, usd: None, parts: vec![part("SES", None)] });
        assert!(told.contains("estimated: without a rate: SES 5 units. Logs"), "{told}");
        let one = OwnPart { quantity: "1".to_owned(), unit: "mails", ..part("SES", None) };
        let told = line(&OwnCost { days: 7, usd: None, parts: vec![one] });
        assert!(told.contains("SES 1 mail. Logs"), "{told}");
    }
}
