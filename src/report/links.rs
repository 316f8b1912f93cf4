//! Links into the AWS console, for a run that somebody should look at.
//!
//! Names go into a link percent-encoded down to the unreserved characters of RFC 3986, so a
//! hostile one can neither leave its place in the path nor end the attribute that holds it.

use std::fmt::Write as _;

use crate::model::{Engine, RunIdentity};

/// The console's page for a run of a job; `None` for engines that have none, and where what would
/// become part of the host's name is no region.
///
/// A Glue run has a page of its own in Glue Studio. An EMR Serverless run's page lies in an EMR
/// Studio whose address the run does not tell, so the link leads to its application, where the
/// run's id finds it.
#[must_use]
pub fn console(run: &RunIdentity, job: &str) -> Option<String> {
    let region = region(&run.region)?;
    let host = format!("https://{region}.{}", console_domain(region));
    match (&run.engine, &run.application_id) {
        (Engine::Glue, _) => Some(format!(
            "{host}/gluestudio/home?region={region}#/job/{}/run/{}",
            encoded(job),
            encoded(&run.run_id)
        )),
        (Engine::EmrServerless, Some(application)) => Some(format!(
            "{host}/emr/home?region={region}#/serverless/applications/{}",
            encoded(application)
        )),
        _ => None,
    }
}

/// The region, if it looks like one: it stands in the host's name, where no encoding helps.
fn region(region: &str) -> Option<&str> {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (region.contains('-') && region.len() <= 32 && region.bytes().all(is_part)).then_some(region)
}

/// Each partition of AWS has a console of its own.
fn console_domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else {
        "console.aws.amazon.com"
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(engine: Engine, region: &str, application: Option<&str>) -> RunIdentity {
        RunIdentity {
            account: "123456789012".into(),
            region: region.into(),
            engine,
            application_id: application.map(str::to_owned),
            run_id: "jr_1a2b".into(),
            attempt: 1,
        }
    }

    #[test]
    fn a_glue_run_has_its_own_page_in_each_partition() {
        let link = |region| console(&run(Engine::Glue, region, None), "orders load").unwrap();
        let page = "/gluestudio/home?region=";
        let path = "#/job/orders%20load/run/jr_1a2b";
        assert_eq!(
            link("eu-west-1"),
            format!("https://eu-west-1.console.aws.amazon.com{page}eu-west-1{path}")
        );
        assert_eq!(
            link("cn-north-1"),
            format!("https://cn-north-1.console.amazonaws.cn{page}cn-north-1{path}")
        );
        assert_eq!(
            link("us-gov-west-1"),
            format!("https://us-gov-west-1.console.amazonaws-us-gov.com{page}us-gov-west-1{path}")
        );
    }

    #[test]
    fn an_emr_serverless_run_leads_to_its_application() {
        let link = console(&run(Engine::EmrServerless, "eu-west-1", Some("00f1")), "x").unwrap();
        assert!(link.ends_with("/emr/home?region=eu-west-1#/serverless/applications/00f1"));
        assert_eq!(console(&run(Engine::EmrServerless, "eu-west-1", None), "x"), None);
        assert_eq!(console(&run(Engine::Other("dbt".into()), "eu-west-1", None), "x"), None);
    }

    #[test]
    fn hostile_names_stay_in_their_place() {
        let link =
            console(&run(Engine::Glue, "eu-west-1", None), "a/../b?c#d\"><script>é\n").unwrap();
        assert!(link.contains("/job/a%2F..%2Fb%3Fc%23d%22%3E%3Cscript%3E%C3%A9%0A/run/jr_1a2b"));
        assert_eq!(console(&run(Engine::Glue, "evil.example/-", None), "x"), None);
        assert_eq!(console(&run(Engine::Glue, "", None), "x"), None);
    }
}
