//! A post as Microsoft Teams takes it at a webhook of its workflows: a message with one adaptive
//! card. Everything of others stands in text runs, in which Teams looks for no markup.
//!
//! Limits: <https://learn.microsoft.com/microsoftteams/limits-specifications-teams> (28 KB a
//! message); `TextRun`: <https://adaptivecards.io/explorer/TextRun.html> ("Markdown is not
//! supported").

use serde_json::{Value, json};

use super::post::{Post, PostGroup, PostItem, cut, safe_link};

/// Things that are shown at most.
pub(super) const ITEMS_MAX: usize = 40;
/// The most bytes of a post: Teams takes 28 KB, what it wraps around it included, and twenty are
/// the most that somebody told of (<https://stackoverflow.com/questions/78034694>, where it also
/// stands that without a character set named each letter counts twice).
pub(super) const BYTES_MAX: usize = 20_000;
const TITLE_CHARS_MAX: usize = 250;
const TEXT_CHARS_MAX: usize = 2_000;

/// The JSON that the webhook is given.
pub(super) fn card(post: &Post) -> Value {
    let title = json!({ "size": "Large", "weight": "Bolder" });
    let mut body = vec![
        rich(vec![run(&cut(&post.title, TITLE_CHARS_MAX), &title)], "None"),
        rich(vec![run(&post.intro, &json!({ "isSubtle": true }))], "None"),
    ];
    for section in post.sections.iter().filter(|section| section.total > 0) {
        let heading = json!({ "size": "Medium", "weight": "Bolder" });
        body.push(rich(vec![run(&section.heading(), &heading)], "Large"));
        body.extend(section.groups.iter().flat_map(group));
    }
    body.extend(post.cut_notice().map(|notice| rich(vec![run(&notice, &json!({}))], "Large")));
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
    });
    json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": content,
    }] })
}

fn group(group: &PostGroup) -> Vec<Value> {
    let mut name = vec![run(&group.name, &json!({ "weight": "Bolder" }))];
    if !group.place.is_empty() {
        name.push(run(&format!("  {}", group.place), &json!({ "isSubtle": true })));
    }
    std::iter::once(rich(name, "Medium")).chain(group.items.iter().flat_map(thing)).collect()
}

/// A run has no line breaks, so each line is a block of its own.
fn thing(item: &PostItem) -> Vec<Value> {
    let mut blocks = vec![rich(vec![run(&item.text, &json!({}))], "None")];
    let quiet = json!({ "isSubtle": true, "size": "Small" });
    blocks.extend(item.lines.iter().map(|line| rich(vec![run(line, &quiet)], "None")));
    if let Some(link) = item.link.as_deref().and_then(safe_link) {
        let open = json!({ "type": "Action.OpenUrl", "url": link });
        let style = json!({ "size": "Small", "selectAction": open });
        blocks.push(rich(vec![run("Open in the console", &style)], "None"));
    }
    blocks
}

fn rich(inlines: Vec<Value>, spacing: &str) -> Value {
    json!({ "type": "RichTextBlock", "spacing": spacing, "inlines": inlines })
}

fn run(text: &str, style: &Value) -> Value {
    let mut run = style.clone();
    run["type"] = json!("TextRun");
    run["text"] = json!(cut(text, TEXT_CHARS_MAX));
    run
}

#[cfg(test)]
mod tests {
    use super::super::post::Form;
    use super::super::post::tests::{post, strings};
    use super::*;

    #[test]
    fn nothing_of_others_is_read_as_markup() {
        let hostile = "[x](https://evil.example) **b** <at>all</at> <b>";
        let value = card(&post(Form::Teams, 1, hostile));
        let body = value["attachments"][0]["content"]["body"].as_array().unwrap();
        for block in body {
            assert_eq!(block["type"], "RichTextBlock");
            for inline in block["inlines"].as_array().unwrap() {
                assert_eq!(inline["type"], "TextRun");
            }
        }
        let (mut texts, mut links) = (Vec::new(), Vec::new());
        strings(&value, "text", &mut texts);
        strings(&value, "url", &mut links);
        assert!(texts.contains(&hostile), "{texts:?}");
        assert_eq!(links, ["https://eu-west-1.console.aws.amazon.com/glue/x"]);
        assert_eq!(value["attachments"][0]["content"]["msteams"].get("entities"), None);
    }
}
