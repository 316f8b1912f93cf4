//! Saying which rate is missing, so that whoever reads it can add it.

use super::rate_card::RateCard;
use super::rate_index::Wanted;
use super::rate_use::known;
use crate::model::{Architecture, Engine, ExecutionClass, JobKind, JobRun, MissingRate, Unpriced};

/// The reason of a run whose rates, all of one place and class, the card does not have.
pub(super) fn missing_rate(
    run: &JobRun,
    kind: &JobKind,
    architecture: Option<&Architecture>,
    card: &RateCard,
    missing: &[Wanted<'_>],
) -> Unpriced {
    let is_glue = run.identity.engine == Engine::Glue;
    let class = run.execution_class.as_ref().unwrap_or(&ExecutionClass::Standard);
    let other_days = missing.iter().find_map(|wanted| card.find_on_other_days(wanted));
    let glue = |text: &str| is_glue.then(|| text.to_owned());
    Unpriced::NoRate(Box::new(MissingRate {
        engine: known::ENGINES[usize::from(!is_glue)].0,
        region: run.identity.region.clone(),
        components: missing.iter().map(|wanted| wanted.component).collect(),
        kind: glue(kind.as_str()),
        version: run.version.as_deref().and_then(glue),
        execution_class: glue(class.as_str()),
        architecture: architecture.map(|architecture| architecture.as_str().to_owned()),
        other_days: other_days.map(|rate| rate.days),
    }))
}
