//! Looking whether EMR Serverless lets runs be listed: one page of one application, and of one of
//! its runs. Nothing of the answers is kept.

use aws_config::SdkConfig;
use aws_sdk_emrserverless::Client;

use crate::aws::AwsError;
use crate::sources::Probe;

/// Asks in the configuration's region.
pub(in crate::sources) async fn look_at_applications(config: &SdkConfig) -> Probe {
    let client = Client::new(config);
    let permission = "emr-serverless:ListApplications";
    let listed = client.list_applications().max_results(1).send().await;
    let action = "emr-serverless ListApplications";
    let application = match listed.map_err(|error| AwsError::new(action, &error)) {
        Ok(answer) => answer.applications.into_iter().next().map(|application| application.id),
        Err(error) => return Probe { permission, outcome: Err(error) },
    };
    let Some(id) = application else { return Probe { permission, outcome: Ok(()) } };
    let runs = client.list_job_runs().application_id(id).max_results(1).send().await;
    let action = "emr-serverless ListJobRuns";
    let outcome = runs.map(|_| ()).map_err(|error| AwsError::new(action, &error));
    Probe::of("emr-serverless:ListJobRuns", outcome)
}
