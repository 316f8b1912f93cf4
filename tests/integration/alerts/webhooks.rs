//! Webhooks by the real program: what they get, what their answers mean, and that nobody sees where
//! they are.

use super::webhook_fake::{Does, SECRET, Webhook};
use super::{import, sandbox};
use crate::harness::{Finished, Sandbox};

fn config(kind: &str) -> String {
    // The shortest lease: a call is given up after five seconds.
    format!(
        "[mail]\nfrom = 'runledger@example.com'\nlease = '10s'\n\
         [alerts]\nrecipients = ['ops']\n\
         [alerts.channels]\nops = {{ kind = '{kind}', url = 'env:HOOK' }}\n"
    )
}

/// A folder with a job that failed, and a webhook that does so.
fn scene(kind: &str, does: Does) -> (Sandbox, Webhook) {
    let webhook = Webhook::start(does);
    let sandbox =
        sandbox(&config(kind)).with("HOOK", &webhook.url()).with("AWS_REGION", "eu-west-1");
    import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
    (sandbox, webhook)
}

fn send(sandbox: &Sandbox, now: &str) -> Finished {
    let done = sandbox.run(&["-vvv", "--now", now, "alerts", "--send"]);
    for part in SECRET.split('/') {
        assert!(!done.stdout.contains(part) && !done.stderr.contains(part), "{}", done.stderr);
        let store = std::fs::read(sandbox.path("runledger.db")).unwrap();
        let part = part.as_bytes();
        assert!(!store.windows(part.len()).any(|bytes| bytes == part), "in the store");
    }
    done
}

#[test]
fn a_post_is_taken_once() {
    for (kind, answer) in
        [("slack", "ok"), ("teams", ""), ("teams", "1"), ("teams", "posted, thanks")]
    {
        let (sandbox, webhook) = scene(kind, Does::Answers(200, answer));
        send(&sandbox, "2026-11-14T12:05:00Z").exits(0);
        send(&sandbox, "2026-11-14T12:10:00Z").exits(0);
        let came = webhook.came();
        assert_eq!(came.len(), 1, "{kind}");
        let (head, body) = &came[0];
        assert!(head.starts_with(&format!("POST /services/{SECRET} HTTP/1.1")), "{head}");
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        assert!(body.to_string().contains("1 run of load failed"), "{body}");
    }
}

#[test]
fn what_was_refused_goes_with_what_is_new_in_one_post() {
    let refusals = [
        (Does::Answers(500, "rollup_error"), "answered 500: rollup_error"),
        (Does::Answers(503, ""), "answered 503"),
        (Does::Answers(429, "slow down"), "answered 429"),
        (Does::Answers(403, "action_prohibited"), "make the webhook"),
        (Does::RepeatsPath(404), "answered 404: no /services/T0SECRET"),
        (Does::Answers(302, ""), "answered 302"),
    ];
    for (does, said) in refusals {
        let (sandbox, webhook) = scene("slack", does);
        let first = send(&sandbox, "2026-11-14T12:05:00Z");
        assert!(matches!(first.code, Some(1 | 5)), "{does:?} {:?}", first.code);
        let said = said.replace("/services/T0SECRET", "/***/***/***/***");
        assert!(first.stderr.contains(&said), "{does:?}: {}", first.stderr);
        import(&sandbox, &[("other", "jr_2", "FAILED", 10)]);
        webhook.now(Does::Answers(200, "ok"));
        let before = webhook.came().len();
        send(&sandbox, "2026-11-14T12:15:00Z").exits(0);
        send(&sandbox, "2026-11-14T12:20:00Z").exits(0);
        let came = webhook.came();
        assert_eq!(came.len(), before + 1, "{does:?}");
        let body = came.last().unwrap().1.to_string();
        assert!(body.contains("load") && body.contains("other"), "{body}");
        assert!(!body.contains("possible duplicate"), "{body}");
    }
}

#[test]
fn what_may_have_arrived_is_sent_again_and_marked() {
    for does in [
        Does::Hangs,
        Does::HangsUp,
        Does::Garbage,
        Does::Endless,
        Does::Answers(200, "<html>Log in</html>"),
        Does::Answers(504, ""),
    ] {
        let (sandbox, webhook) = scene("slack", does);
        let begun = std::time::Instant::now();
        send(&sandbox, "2026-11-14T12:05:00Z").exits(4);
        assert!(begun.elapsed().as_secs() < 30, "{does:?}: {:?}", begun.elapsed());
        webhook.now(Does::Answers(200, "ok"));
        send(&sandbox, "2026-11-14T12:10:00Z").exits(0);
        send(&sandbox, "2026-11-14T12:15:00Z").exits(0);
        let titles: Vec<_> = webhook.came().iter().map(|(_, body)| body["text"].clone()).collect();
        assert_eq!(titles.len(), 2, "{does:?} {titles:?}");
        let marked = |title: &serde_json::Value| title.as_str().unwrap().starts_with("[possible");
        assert_eq!((marked(&titles[0]), marked(&titles[1])), (false, true), "{titles:?}");
    }
}

#[test]
fn a_webhook_that_nobody_listens_at_or_knows_is_told_without_its_address() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("http://{closed}/services/{SECRET}");
    let cases = [
        (unreachable.as_str(), "cannot be reached"),
        ("http://hooks.example.com/services/T0SECRET/B0HIDDEN/Zm9vYmFyYmF6", "no https:// address"),
        ("https://T0SECRET B0HIDDEN/Zm9vYmFyYmF6", "no address"),
        ("  ", "it is empty"),
    ];
    for (url, said) in cases {
        let sandbox = sandbox(&config("teams")).with("HOOK", url).with("AWS_REGION", "eu-west-1");
        import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
        let done = send(&sandbox, "2026-11-14T12:05:00Z");
        assert!(done.stderr.contains(said), "{url}: {}", done.stderr);
        assert!(matches!(done.code, Some(1 | 5)), "{:?}", done.code);
    }
}

#[test]
fn hostile_names_are_inert() {
    let hostile = "<!channel> *x* [l](https://evil.example) <at>all</at>\u{202e}\u{1b}[2J</script>";
    for kind in ["slack", "teams"] {
        let webhook = Webhook::start(Does::Answers(200, if kind == "slack" { "ok" } else { "" }));
        let sandbox =
            sandbox(&config(kind)).with("HOOK", &webhook.url()).with("AWS_REGION", "eu-west-1");
        import(&sandbox, &[(hostile, "jr_1", "FAILED", 0)]);
        send(&sandbox, "2026-11-14T12:05:00Z").exits(0);
        let body = webhook.came()[0].1.to_string();
        assert!(!body.contains(['\u{202e}', '\u{1b}']), "{body}");
        let marked_up =
            ["mrkdwn", "\"TextBlock\"", "entities"].map(|word| body.matches(word).count());
        // Slack's one text with markup is the link that we make.
        assert_eq!(marked_up, [usize::from(kind == "slack"), 0, 0], "{body}");
        assert!(!body.contains("\"url\":\"https://evil"), "{body}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = config("slack").replace("env:HOOK", &format!("https://hooks.slack.com/{SECRET}"));
    let sandbox = sandbox(&text);
    let refused = sandbox.run(&["alerts"]).exits(2);
    assert!(refused.stderr.contains("alerts.channels.ops.url: write where"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("B0HIDDEN"), "{}", refused.stderr);
}
