//! SNS, Parameter Store and Secrets Manager as moto has built them, and mail by a server that takes
//! what SES takes.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use runledger::delivery::{
    Cause, Channel, ChannelSettings, Draft, Form, Post, PostGroup, PostItem, PostSection,
    SendError, Transport,
};

use super::webhook_fake::{Does, Webhook};
use super::{import, sandbox};
use crate::harness::{http_get, moto_url, ses_url, skipped};

async fn config(url: &str) -> SdkConfig {
    let keys = aws_credential_types::Credentials::new("test", "test", None, None, "tests");
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

fn channel(settings: &str, config: &SdkConfig) -> Channel {
    let settings: ChannelSettings = toml::from_str(settings).unwrap();
    settings.check().unwrap();
    Channel::new(&settings, config, Duration::from_secs(20))
}

/// A post of a hundred thousand alerts, of which two hundred are at hand.
fn post(form: Form) -> Post {
    let item = PostItem {
        text: format!("new: {}", "ü".repeat(400)),
        lines: vec!["x".repeat(400); 2],
        link: None,
    };
    let group = PostGroup { name: "läd".into(), place: "glue".into(), items: vec![item] };
    let groups = vec![group; 200];
    Post {
        form,
        title: "100,000 critical: läd\nfailed".into(),
        intro: "As of now.".into(),
        sections: vec![PostSection { title: "Critical".into(), total: 100_000, groups }],
        whole: "All are in the mail.".into(),
        date: jiff::Timestamp::UNIX_EPOCH,
        key: "k".into(),
    }
}

#[tokio::test]
async fn sns_takes_the_largest_post_and_says_when_a_topic_is_gone() {
    let Some(url) = moto_url() else { return skipped("no moto") };
    let config = config(&url).await;
    let (sns, sqs) = (aws_sdk_sns::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let topic = sns.create_topic().name("alerts-largest").send().await.unwrap().topic_arn.unwrap();
    let queue = sqs.create_queue().queue_name("alerts-largest").send().await.unwrap();
    let endpoint =
        format!("arn:aws:sqs:eu-west-1:{}:alerts-largest", topic.split(':').nth(4).unwrap());
    let to_queue = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(endpoint);
    to_queue.send().await.unwrap();
    let ready = post(Form::Text).render(usize::MAX).unwrap();
    assert!(ready.bytes.len() > 100_000, "{}", ready.bytes.len());
    let settings = |topic: &str| format!("kind = 'sns'\ntopic = '{topic}'");
    let accepted = channel(&settings(&topic), &config).send(&ready).await.unwrap();
    assert!(!accepted.message_id.is_empty());
    let came = sqs.receive_message().queue_url(queue.queue_url.unwrap()).send().await.unwrap();
    let came: serde_json::Value = serde_json::from_str(came.messages()[0].body().unwrap()).unwrap();
    assert_eq!(came["Message"].as_str().unwrap().as_bytes(), ready.bytes);
    assert_eq!(came["Subject"], "100,000 critical: l?d?failed");

    let gone = channel(&settings("arn:aws:sns:eu-west-1:123456789012:no-such-topic"), &config);
    let error = gone.send(&ready).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { cause: Cause::Gone, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_read_where_they_are() {
    let Some(url) = moto_url() else { return skipped("no moto") };
    let config = config(&url).await;
    let webhook = tokio::task::block_in_place(|| Webhook::start(Does::Answers(200, "ok")));
    let parameters = aws_sdk_ssm::Client::new(&config);
    let put = parameters.put_parameter().name("/runledger/slack").value(webhook.url());
    put.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let create = secrets.create_secret().name("runledger/slack").secret_string(webhook.url());
    create.send().await.unwrap();
    let ready = post(Form::Slack).render(usize::MAX).unwrap();
    for at in ["ssm:/runledger/slack", "secretsmanager:runledger/slack"] {
        let settings = format!("kind = 'slack'\nurl = '{at}'");
        channel(&settings, &config).send(&ready).await.unwrap();
    }
    for at in ["ssm:/no/such", "secretsmanager:no/such"] {
        let settings = format!("kind = 'slack'\nurl = '{at}'");
        let error = channel(&settings, &config).send(&ready).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, SendError::Refused { cause: Cause::Secret, .. }), "{error:?}");
        assert!(said.contains(at) && said.contains("NotFound"), "{said}");
    }
    assert_eq!(webhook.came().len(), 2);
    tokio::task::block_in_place(|| drop(webhook));
}

#[test]
fn a_mail_of_alerts_goes_to_ses_as_it_is() {
    let Some(url) = ses_url() else { return skipped("no SES") };
    let sandbox = sandbox(
        "[mail]\nvia = 'ses'\nfrom = 'runledger@example.com'\n\
         [alerts]\nrecipients = ['alerts-by-ses@example.com']\n",
    );
    let sandbox = sandbox
        .with("AWS_ENDPOINT_URL_SESV2", &url)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test")
        .with("AWS_REGION", "us-east-1");
    let jobs = ["a", "b", "c", "d", "e", "f"].map(|letter| format!("<b>load-{letter}</b>"));
    let runs: Vec<_> = jobs.iter().map(|job| (job.as_str(), job.as_str(), "FAILED", 0)).collect();
    import(&sandbox, &runs);
    for _ in 0..2 {
        sandbox.run(&["--now", "2026-11-14T12:05:00Z", "alerts", "--send"]).exits(0);
    }
    let (_, store) = http_get(&url, "/store");
    let store: serde_json::Value = serde_json::from_str(&store).unwrap();
    let mails: Vec<_> = store["emails"].as_array().unwrap().iter().collect();
    let ours = |mail: &&&serde_json::Value| mail.to_string().contains("alerts-by-ses@example.com");
    let mails: Vec<_> = mails.iter().filter(ours).collect();
    assert_eq!(mails.len(), 1, "once");
    let html = mails[0]["body"]["html"].as_str().unwrap();
    assert!(html.contains("&lt;b&gt;load-a&lt;") && !html.contains("<b>load-a"), "{html}");
    let files = mails[0]["attachments"].to_string();
    assert!(files.contains("alerts-2026-11-14T12-05.csv"), "{files}");
}
