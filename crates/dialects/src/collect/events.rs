//! The events that there are.

use fanfare_app::event_types::EventTypeDraft;
use fanfare_domain::name::EventTypeName;

/// The original's events, spelled as it spells them: `portalSubmited` and `formSubmited` have one `t`
/// on the wire.
const ORIGINAL: [(&str, &str); 25] = [
    ("created", "A request was made"),
    ("statusChanged", "A request's status changed"),
    ("portalSubmited", "A portal was submitted"),
    ("dueDateChanged", "A request's due date changed"),
    ("portalViewed", "A portal was viewed"),
    ("docUploaded", "A document was uploaded"),
    ("docDeleted", "A document was deleted"),
    ("docParsed", "A document was parsed"),
    ("itemApproved", "An item was approved"),
    ("itemRejected", "An item was rejected"),
    ("itemReopened", "An item was opened again"),
    ("itemCancelValidation", "An item's validation was cancelled"),
    ("formSubmited", "A form was submitted"),
    ("emailSent", "An e-mail was sent"),
    ("emailClicked", "A link in an e-mail was clicked"),
    ("emailBounced", "An e-mail bounced"),
    ("emailOpened", "An e-mail was opened"),
    ("emailMarkedAsSpam", "An e-mail was marked as spam"),
    ("emailBlocked", "An e-mail was blocked"),
    ("emailUnsub", "An e-mail's receiver unsubscribed"),
    ("smsSent", "A text message was sent"),
    ("smsDelivered", "A text message was delivered"),
    ("smsClicked", "A link in a text message was clicked"),
    ("smsFailed", "A text message failed"),
    ("smsUndelivered", "A text message could not be delivered"),
];

/// The events that there are: names, and what people call them.
#[derive(Debug)]
pub(super) struct Events(Vec<(EventTypeName, String)>);

impl Events {
    /// The original's, or those that an operator has in their place.
    pub(super) fn new(given: Option<&[(String, String)]>) -> Result<Self, String> {
        let known = |name: &str, text: &str| match EventTypeName::parse(name) {
            Ok(known) => Ok((known, text.to_owned())),
            Err(cause) => Err(format!("events: the name {name:?} {cause}")),
        };
        let all: Result<_, String> = match given {
            Some(given) => given.iter().map(|(name, text)| known(name, text)).collect(),
            None => ORIGINAL
                .iter()
                .map(|(name, text)| known(name, text))
                .collect(),
        };
        Ok(Self(all?))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &EventTypeName> {
        self.0.iter().map(|(name, _)| name)
    }

    pub(super) fn find(&self, name: &str) -> Option<&EventTypeName> {
        self.names().find(|known| known.as_str() == name)
    }

    /// What must be in the catalogue.
    pub(super) fn catalogue(&self) -> Vec<EventTypeDraft> {
        let draft = |(name, text): &(EventTypeName, String)| EventTypeDraft {
            name: Some(name.to_string()),
            description: Some(text.clone()),
            ..EventTypeDraft::default()
        };
        self.0.iter().map(draft).collect()
    }
}
