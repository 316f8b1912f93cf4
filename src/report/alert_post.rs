//! A message of alerts as a post for a channel: the same strings as the mail's, shorter.

use super::alerts::{GroupView, Item, View};
use crate::alerts::{Message, SHOWN_MAX};
use crate::delivery::{Form, Post, PostGroup, PostItem, PostSection};

/// Where all of a message is that a channel has no room for.
const WHOLE: &str = "All are in the mails of this evaluation, and in `runledger alerts`.";

/// A message as a post of that form. Its key is the delivery's to give.
#[must_use]
pub fn alert_post(message: &Message, form: Form) -> Post {
    let view = View::of(message, SHOWN_MAX);
    let sections = view.sections.iter().map(|section| PostSection {
        title: section.title.to_owned(),
        total: section.total,
        groups: section.groups.iter().map(group).collect(),
    });
    Post {
        form,
        title: format!("{}: {}", view.counts, view.lead),
        intro: view.headline.clone(),
        sections: sections.collect(),
        whole: WHOLE.to_owned(),
        date: message.at,
        key: String::new(),
    }
}

fn group(group: &GroupView) -> PostGroup {
    PostGroup {
        name: group.name.clone(),
        place: group.place.clone(),
        items: group.items.iter().map(item).collect(),
    }
}

fn item(item: &Item) -> PostItem {
    let lines = [&item.measure, &item.advice].into_iter().filter(|line| !line.is_empty());
    PostItem {
        text: format!("{}: {}", item.notice, item.message),
        lines: lines.cloned().collect(),
        link: item.link.as_ref().map(|link| link.href.clone()),
    }
}
