//! What FOCUS calls a region and a resource: names and ARNs.

use crate::model::{Engine, JobRun};

/// The names of regions, as AWS's pages list them.
const REGIONS: [(&str, &str); 34] = [
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"),
    ("ap-southeast-5", "Asia Pacific (Malaysia)"),
    ("ap-southeast-7", "Asia Pacific (Thailand)"),
    ("ca-central-1", "Canada (Central)"),
    ("ca-west-1", "Canada West (Calgary)"),
    ("cn-north-1", "China (Beijing)"),
    ("cn-northwest-1", "China (Ningxia)"),
    ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-central-2", "Europe (Zurich)"),
    ("eu-north-1", "Europe (Stockholm)"),
    ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"),
    ("eu-west-1", "Europe (Ireland)"),
    ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"),
    ("il-central-1", "Israel (Tel Aviv)"),
    ("me-central-1", "Middle East (UAE)"),
    ("me-south-1", "Middle East (Bahrain)"),
    ("mx-central-1", "Mexico (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
];

/// A region's name, or its id where the name is not known.
pub(super) fn region_name(region: &str) -> &str {
    REGIONS.iter().find(|(id, _)| *id == region).map_or(region, |(_, name)| name)
}

/// What a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its ARN.
    pub(super) id: String,
    /// Its name.
    pub(super) name: Option<String>,
    /// What it is.
    pub(super) kind: &'static str,
}

/// The Glue job or EMR Serverless application of a run; `None` where that is not known, and for
/// other engines. Forms of the ARNs: the services' pages on resource ARNs.
pub(super) fn resource(run: &JobRun) -> Option<Resource> {
    let (region, account) = (&run.identity.region, &run.identity.account);
    let partition = match region.split('-').take(2).collect::<Vec<_>>()[..] {
        ["cn", _] => "aws-cn",
        ["us", "gov"] => "aws-us-gov",
        _ => "aws",
    };
    let arn = |service: &str, path: String| {
        format!("arn:{partition}:{service}:{region}:{account}:{path}")
    };
    match &run.identity.engine {
        Engine::Glue => {
            let name = run.job_name.as_deref().filter(|name| !name.is_empty())?;
            let id = arn("glue", format!("job/{name}"));
            Some(Resource { id, name: Some(name.to_owned()), kind: "Glue job" })
        }
        Engine::EmrServerless => {
            let application = run.identity.application_id.as_deref()?;
            let id = arn("emr-serverless", format!("/applications/{application}"));
            let name = run.definition.as_ref().and_then(|d| d.application_name.clone());
            Some(Resource { id, name, kind: "EMR Serverless application" })
        }
        Engine::Other(_) => None,
    }
}
