//! The SDK's instants as ours, and back.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The instant, or `None` outside the years that a calendar can name.
#[must_use]
pub fn instant(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// The SDK's form of an instant, cut to whole seconds: enough to bound a list.
#[must_use]
pub fn whole_second(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_fraction() {
        let time = DateTime::from_millis(1_602_873_931_255);
        assert_eq!(instant(&time).unwrap().to_string(), "2020-10-16T18:45:31.255Z");
        assert_eq!(whole_second(instant(&time).unwrap()), DateTime::from_secs(1_602_873_931));
    }
}
