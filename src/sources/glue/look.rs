//! Looking whether Glue lets runs be listed: one page of one job, and of one of its runs. Nothing
//! of the answers is kept.

use aws_config::SdkConfig;
use aws_sdk_glue::Client;

use crate::aws::AwsError;
use crate::sources::Probe;

/// Asks in the configuration's region.
pub(in crate::sources) async fn look_at_jobs(config: &SdkConfig) -> Probe {
    let client = Client::new(config);
    let permission = "glue:GetJobs";
    let jobs = client.get_jobs().max_results(1).send().await;
    let job = match jobs.map_err(|error| AwsError::new("glue GetJobs", &error)) {
        Ok(answer) => answer.jobs.unwrap_or_default().into_iter().find_map(|job| job.name),
        Err(error) => return Probe { permission, outcome: Err(error) },
    };
    let Some(job) = job else { return Probe { permission, outcome: Ok(()) } };
    let runs = client.get_job_runs().job_name(job).max_results(1).send().await;
    let outcome = runs.map(|_| ()).map_err(|error| AwsError::new("glue GetJobRuns", &error));
    Probe::of("glue:GetJobRuns", outcome)
}
