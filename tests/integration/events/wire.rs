//! The same against SQS as others have built it.

use aws_sdk_sqs::types::QueueAttributeName;

use super::*;
use crate::harness::{moto_url, skipped};

async fn config(url: &str) -> aws_config::SdkConfig {
    let keys = aws_credential_types::Credentials::new("test", "test", None, None, "tests");
    aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

#[tokio::test]
async fn a_queue_of_motos_is_drained_and_its_dead_letters_have_reasons() {
    let Some(url) = moto_url() else { return skipped("no moto") };
    let mut scene = Scene::new().await;
    let config = config(&url).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let mut urls = Vec::new();
    for name in ["drain-events", "drain-dead"] {
        let queue = sqs.create_queue().queue_name(name).send().await.unwrap();
        urls.push(queue.queue_url.unwrap());
    }
    let events: Vec<serde_json::Value> = serde_json::from_str(EVENTS).unwrap();
    for event in &events {
        sqs.send_message()
            .queue_url(&urls[0])
            .message_body(event.to_string())
            .send()
            .await
            .unwrap();
    }
    sqs.send_message().queue_url(&urls[0]).message_body("nonsense").send().await.unwrap();
    let [events_url, dead_url] = [&urls[0], &urls[1]].map(|url| address(url));
    scene.settings.queue = Some(events_url.clone());
    let queue = EventQueue::new(&config, events_url, Some(dead_url));
    let mut drain = Drain::new(&scene.store, queue, &scene.settings);
    drain.expect(vec![runledger::sources::Target {
        account: HOME.into(),
        role_arn: None,
        external_id: None,
        regions: vec![REGION.into()],
    }]);
    let drained = drain.to_the_end(at(NOW)).await.unwrap();
    assert_eq!((drained.received, drained.poison, drained.undeleted), (5, 1, 0), "{drained:?}");
    assert_eq!(drained.failure, None);
    let left = sqs
        .get_queue_attributes()
        .queue_url(&urls[0])
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap();
    for count in ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] {
        assert_eq!(left[&QueueAttributeName::from(count)], "0", "{count}");
    }
    let dead = sqs
        .receive_message()
        .queue_url(&urls[1])
        .message_attribute_names("All")
        .send()
        .await
        .unwrap();
    let [letter] = dead.messages() else { panic!("{dead:?}") };
    assert_eq!(letter.body(), Some("nonsense"));
    let reason = letter.message_attributes.as_ref().unwrap()["RunledgerReason"].string_value();
    assert!(reason.unwrap().contains("not a JSON object"), "{reason:?}");
}
