//! A post as Slack takes it at an incoming webhook: JSON of blocks. Everything of others stands in
//! `plain_text`, in which Slack looks for no markup, mention, link or emoji.
//!
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks> (50 blocks, 150 characters of a
//! header, 3,000 of a section's text, 2,000 of a field).

use serde_json::{Value, json};

use super::post::{Post, PostGroup, PostItem, cut, safe_link};

/// Things that are shown at most: with titles and notices they stay below 50 blocks.
pub(super) const ITEMS_MAX: usize = 35;
/// The most bytes of a post. Beside the limits of each block Slack has one for all of them, which
/// its documentation does not name: blocks of 13,172 characters were taken and longer ones refused
/// with `msg_blocks_too_long`, their own markup counted
/// (<https://github.com/slackapi/bolt-js/issues/2509>). What Slack adds to each block counts too.
pub(super) const BYTES_MAX: usize = 11_000;
const HEADER_CHARS_MAX: usize = 150;
const TEXT_CHARS_MAX: usize = 3_000;

/// The JSON that the webhook is given.
pub(super) fn blocks(post: &Post) -> Value {
    let mut blocks = vec![header(&post.title), context(&post.intro)];
    for section in post.sections.iter().filter(|section| section.total > 0) {
        blocks.push(header(&section.heading()));
        for group in &section.groups {
            let items = group.items.iter().enumerate();
            blocks.extend(items.map(|(place, item)| thing(group, item, place == 0)));
        }
    }
    blocks.extend(post.cut_notice().map(|notice| context(&notice)));
    // What notifications show. Slack reads markup in it, so what begins any is spelled out.
    let title = post.title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": cut(&title, TEXT_CHARS_MAX), "unfurl_links": false, "blocks": blocks })
}

fn plain(text: &str, chars_max: usize) -> Value {
    // Slack refuses a text of none.
    let text = if text.trim().is_empty() { "-" } else { text };
    json!({ "type": "plain_text", "text": cut(text, chars_max), "emoji": false })
}

fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain(text, HEADER_CHARS_MAX) })
}

fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [plain(text, TEXT_CHARS_MAX)] })
}

fn thing(group: &PostGroup, item: &PostItem, is_first: bool) -> Value {
    let mut lines: Vec<String> = is_first.then(|| group.heading()).into_iter().collect();
    lines.push(format!("• {}", item.text));
    lines.extend(item.lines.iter().map(|line| format!("   {line}")));
    let mut block = json!({ "type": "section", "text": plain(&lines.join("\n"), TEXT_CHARS_MAX) });
    if let Some(link) = item.link.as_deref().and_then(safe_link) {
        let text = format!("<{link}|Open in the console>");
        block["fields"] = json!([{ "type": "mrkdwn", "text": text }]);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::super::post::Form;
    use super::super::post::tests::{post, strings};
    use super::*;

    #[test]
    fn nothing_of_others_is_read_as_markup() {
        let hostile = "<!channel> <https://evil.example|x> *b* :tada: <@U012>";
        let value = blocks(&post(Form::Slack, 1, hostile));
        let mut types = Vec::new();
        for block in value["blocks"].as_array().unwrap() {
            for text in [&block["text"], &block["elements"][0]].into_iter().filter(|t| !t.is_null())
            {
                types.push(text["type"].as_str().unwrap());
                assert_eq!(text["emoji"], false);
            }
        }
        assert!(types.iter().all(|kind| *kind == "plain_text"), "{types:?}");
        assert!(!value["text"].as_str().unwrap().contains(['<', '>']));
        // The one text that is markup is ours.
        let mut texts = Vec::new();
        strings(&value["blocks"][3]["fields"], "text", &mut texts);
        let ours = "<https://eu-west-1.console.aws.amazon.com/glue/x|Open in the console>";
        assert_eq!(texts, [ours]);
    }

    #[test]
    fn the_limits_of_blocks_hold_whatever_is_said() {
        let long = "ü".repeat(5_000);
        let mut large = post(Form::Slack, ITEMS_MAX, "x");
        large.title = long.clone();
        large.sections[0].groups[0].items[0].lines = vec![long; 3];
        large.sections = vec![large.sections.remove(0)];
        let value = blocks(&large);
        let blocks = value["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50, "{} blocks", blocks.len());
        for block in blocks {
            let limit = if block["type"] == "header" { 150 } else { 3_000 };
            let text = block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str());
            let chars = text.unwrap().chars().count();
            assert!((1..=limit).contains(&chars), "{chars} characters");
        }
    }
}
