//! The two forms of `createdAt`: the original's page has one in its example and another in its schema.

use fanfare_domain::time::Timestamp;

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateForm {
    /// `2022-07-13 15:01:38 UTC`.
    Page,
    /// `2022-07-13T15:01:38Z`.
    Rfc3339,
}

impl DateForm {
    pub(super) fn write(self, time: Timestamp) -> String {
        let text = Timestamp::from_seconds(time.seconds()).to_string();
        let whole = text.trim_end_matches(".000Z");
        match self {
            Self::Page => format!("{} UTC", whole.replace('T', " ")),
            Self::Rfc3339 => format!("{whole}Z"),
        }
    }
}

#[test]
fn a_time_is_written_as_on_the_original_pages() {
    let time = Timestamp::parse("2022-07-13T15:01:38.999Z").unwrap();
    assert_eq!(DateForm::Page.write(time), "2022-07-13 15:01:38 UTC");
    assert_eq!(DateForm::Rfc3339.write(time), "2022-07-13T15:01:38Z");
}
