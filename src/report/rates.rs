//! The rates in force, lined up for a terminal.

use super::words::{visible, width};
use crate::analysis::RateFigure;

const GAP: usize = 2;

/// A line for each rate, under a heading. What is paid stands beside the list's price where the two
/// differ.
#[must_use]
pub fn rates_text(rates: &[RateFigure]) -> String {
    let heading = ["REGION", "RATE FOR", "USD", "LIST", "ORIGIN", "FROM", "TO", "AS OF", "SOURCE"];
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rates.iter().map(cells));
    let mut widths = [0; 9];
    for line in &lines {
        for (cell, columns) in line.iter().zip(&mut widths) {
            *columns = width(cell).max(*columns);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut written = String::new();
        for (place, cell) in line.iter().enumerate() {
            let padding = " ".repeat(widths[place] - width(cell));
            // Numbers line up at their right end.
            let is_number = (2..=3).contains(&place);
            let (left, right) = if is_number { (&*padding, "") } else { ("", &*padding) };
            written += &format!("{left}{cell}{right}{}", " ".repeat(GAP));
        }
        text += written.trim_end();
        text.push('\n');
    }
    text
}

fn cells(rate: &RateFigure) -> [String; 9] {
    let engine = if rate.engine == "glue" { "Glue" } else { "EMR Serverless" };
    let account = rate.account.as_ref().map(|account| format!(" for {account}"));
    let list = rate.list_usd.filter(|list| *list != rate.usd);
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    [
        visible(&rate.region),
        visible(&format!("{engine} {}{}", rate.what, account.unwrap_or_default())),
        rate.usd.to_string(),
        list.map(|list| list.to_string()).unwrap_or_default(),
        rate.origin.as_str().to_owned(),
        day(rate.from),
        day(rate.to),
        visible(rate.as_of.as_deref().unwrap_or("undated")),
        visible(&rate.source),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rates_in_force;
    use crate::pricing::{PricingSettings, RateCard};

    #[test]
    fn what_is_paid_stands_beside_the_list() {
        let settings: PricingSettings = toml::from_str(
            "[[discounts]]\nsource = \"EDP\"\npercent = \"25\"\nregion = \"sa-east-1\"\n\
             component = \"DPU\"\n",
        )
        .unwrap();
        let card = RateCard::new(&[], &settings).unwrap();
        let day = "2026-11-16".parse().unwrap();
        let rates = rates_in_force(&card, day, &["sa-east-1".to_owned()]);
        let text = rates_text(&rates);
        let lines: Vec<_> = text.lines().filter(|line| line.contains("DPU")).collect();
        // By hand: 0.69 less a quarter. The list's own price is paid by nobody any more.
        let [python_shell, spark] = &lines[..] else { panic!("{text}") };
        assert!(python_shell.contains("Glue DPU python-shell STANDARD  "), "{text}");
        assert!(spark.contains("  0.5175  0.69  configuration"), "{text}");
        assert!(spark.ends_with("undated  25 % off: EDP"), "{text}");
        assert_eq!(rates.iter().filter(|rate| rate.engine == "glue").count(), 2);
    }
}
