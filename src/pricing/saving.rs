//! What a change of configuration would save, at the card's rates.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::rate::{Version, parse_version};
use super::rate_card::RateCard;
use super::rate_index::Wanted;
use super::rate_use::Use;
use crate::model::{Engine, ExecutionClass, JobKind, Usd};

const GLUE_6: Version = (6, 0);

impl RateCard {
    /// What a cost of Glue Spark runs before 6.0 would have been less at the 6.0 rate of its region
    /// and class, for the same DPU time; `None` where that rate is not known or is no lower, or the
    /// runs are no Spark runs before 6.0. What is agreed for single accounts is left out of it.
    #[must_use]
    pub fn saving_on_glue_6(
        &self,
        region: &str,
        worker_type: &str,
        execution_class: &str,
        version: &str,
        cost: Usd,
        at: Timestamp,
    ) -> Option<Usd> {
        let version = parse_version(version).filter(|version| *version < GLUE_6)?;
        let family = worker_type.split_once('.').map_or(worker_type, |(family, _)| family);
        let component = match family {
            "G" | "Standard" => "DPU",
            "R" => "M-DPU",
            _ => return None,
        };
        let class = ExecutionClass::from(execution_class);
        let rate = |version| {
            let wanted = Wanted {
                engine: &Engine::Glue,
                account: "",
                region,
                component,
                what: Use::glue(&JobKind::Spark, Some(&class)),
                version: Some(version),
                at: Some(at),
            };
            self.find(&wanted).map(|found| found.rate.usd)
        };
        let (old, new) = same_scale(rate(version)?, rate(GLUE_6)?)?;
        (new < old).then(|| cost.scaled(old - new, old)).flatten()
    }
}

/// Two rates in units of the last decimal of the finer one.
fn same_scale(a: Decimal, b: Decimal) -> Option<(u64, u64)> {
    let scale = a.scale().max(b.scale());
    let at = |mut rate: Decimal| {
        rate.rescale(scale);
        u64::try_from(rate.mantissa()).ok()
    };
    Some((at(a)?, at(b)?))
}
