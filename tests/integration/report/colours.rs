//! Colours as they come down to each text of the mail: cells inherit them from their row or table,
//! so what a reader sees is worked out here the way a browser does it.

use super::{company, rendered};

/// Elements without an end.
const VOID: [&str; 4] = ["br", "img", "meta", "hr"];

type Rgb = [f64; 3];

/// What an element hands down: its name, the text's colour and what lies behind it.
#[derive(Clone)]
struct Element {
    name: String,
    colour: Option<Rgb>,
    behind: Option<Rgb>,
}

fn rgb(hex: &str) -> Rgb {
    let digits: Vec<f64> =
        hex.chars().map(|digit| f64::from(digit.to_digit(16).unwrap())).collect();
    match digits.len() {
        3 => [0, 1, 2].map(|part| digits[part] * 17.0 / 255.0),
        6 => [0, 1, 2].map(|part| (digits[2 * part] * 16.0 + digits[2 * part + 1]) / 255.0),
        _ => panic!("#{hex} is no colour"),
    }
}

/// A property of an inline style.
fn property(tag: &str, name: &str) -> Option<Rgb> {
    let style = tag.split_once("style=\"")?.1.split('"').next()?;
    let mut declared = style.split(';').filter_map(|one| one.split_once(':'));
    let value = declared.rfind(|(key, _)| key.trim() == name)?.1;
    value.trim().strip_prefix('#').map(rgb)
}

/// The contrast of two colours by WCAG 2.1, 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let linear = |part: f64| {
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |[red, green, blue]: Rgb| {
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

/// Every text of the body with the colours that come down to it.
fn texts(html: &str) -> Vec<(String, Element)> {
    let body = &html[html.find("<body").unwrap()..html.find("</body").unwrap()];
    // What stands in a comment is for Outlook alone, and only frames the mail.
    let body: String = body
        .split("<!--")
        .map(|part| part.split_once("-->").map_or(part, |(_, after)| after))
        .collect();
    let mut open: Vec<Element> = Vec::new();
    let mut texts = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().unwrap().name, name, "elements end in their order");
        } else {
            let name = tag.split_whitespace().next().unwrap();
            let above = open.last();
            let (colour, behind) = (property(tag, "color"), property(tag, "background-color"));
            let element = Element {
                name: name.to_owned(),
                colour: colour.or(above.and_then(|above| above.colour)),
                behind: behind.or(above.and_then(|above| above.behind)),
            };
            if !VOID.contains(&name) {
                open.push(element);
            }
        }
        let text = text.replace("&nbsp;", "");
        if let Some(element) = open.last().filter(|_| !text.trim().is_empty()) {
            texts.push((text.trim().to_owned(), element.clone()));
        }
    }
    texts
}

#[test]
fn every_text_can_be_read_on_what_is_behind_it() {
    let texts = texts(&rendered(&company::figures()).html);
    assert!(texts.len() > 400, "{} texts", texts.len());
    // The line for the list of mails is hidden in the mail itself.
    for (text, element) in texts.iter().skip(1) {
        let colour = element.colour.unwrap_or_else(|| panic!("`{text}` has no colour"));
        let behind = element.behind.unwrap_or_else(|| panic!("nothing is behind `{text}`"));
        let contrast = contrast(colour, behind);
        assert!(contrast >= 4.5, "`{text}` has a contrast of {contrast:.1}");
    }
}

#[test]
fn contrast_is_that_of_the_standard() {
    let round = |one, other| (contrast(rgb(one), rgb(other)) * 100.0).round() / 100.0;
    assert!((round("000", "ffffff") - 21.0).abs() < 0.001);
    assert!((round("777777", "fff") - 4.48).abs() < 0.001, "the grey that just fails");
}
