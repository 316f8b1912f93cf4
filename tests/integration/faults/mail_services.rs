//! A mail service on the wire that takes its time, and what it has taken.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::Chance;
use crate::delivery::ses_fake::{Answer, FakeSes};
use crate::harness::Sandbox;

/// The fake of SES and the threads that it runs on.
pub(super) struct MailService {
    fake: FakeSes,
    _runtime: tokio::runtime::Runtime,
}

impl MailService {
    /// Answers each recipient as told, at once.
    pub(super) fn answering(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::reacting(move |recipient| (Duration::ZERO, answer(recipient)))
    }

    /// Answers everybody alike, each after that time.
    pub(super) fn taking(time: Duration, answer: Answer) -> Self {
        Self::reacting(move |_| (time, answer.clone()))
    }

    /// Takes every mail, each after a time of its own.
    pub(super) fn slow(seed: u64, delay_max: Duration) -> Self {
        let chance = Mutex::new(Chance(seed));
        Self::reacting(move |_| (chance.lock().unwrap().within(delay_max), Answer::Accept))
    }

    fn reacting(react: impl Fn(&str) -> (Duration, Answer) + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
        let react = move |request: &Value| react(recipient(request));
        let fake = runtime.block_on(FakeSes::reacting(react));
        Self { fake, _runtime: runtime }
    }

    /// The sandbox, with the SDK pointed here, where any credentials will do.
    pub(super) fn serving(&self, sandbox: Sandbox) -> Sandbox {
        sandbox
            .with("AWS_ENDPOINT_URL_SESV2", &self.fake.url)
            .with("AWS_ACCESS_KEY_ID", "test")
            .with("AWS_SECRET_ACCESS_KEY", "test")
            .with("AWS_REGION", "us-east-1")
    }

    /// The address, as `AWS_ENDPOINT_URL_SESV2` takes it.
    pub(super) fn url(&self) -> &str {
        &self.fake.url
    }

    /// The mails that came for each recipient, as they were encoded.
    pub(super) fn letters(&self) -> BTreeMap<String, Vec<String>> {
        let mut letters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, request) in self.fake.requests() {
            let letter = request["Content"]["Raw"]["Data"].as_str().unwrap().to_owned();
            letters.entry(recipient(&request).to_owned()).or_default().push(letter);
        }
        letters
    }

    /// How many requests came for each recipient.
    pub(super) fn mails(&self) -> BTreeMap<String, usize> {
        let mut mails = BTreeMap::new();
        for (_, request) in self.fake.requests() {
            *mails.entry(recipient(&request).to_owned()).or_default() += 1;
        }
        mails
    }
}

fn recipient(request: &Value) -> &str {
    request["Destination"]["ToAddresses"][0].as_str().unwrap()
}
