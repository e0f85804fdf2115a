//! People: who they are, how they are reached, what they agreed to.
//!
//! The engine enrols and erases, since that must not happen beside what is posted; here is what
//! happens beside it: codes, profiles by hand, views, files of other systems.

pub mod codes;
pub mod import;
pub mod messages;
pub mod phone;
pub mod profile;
pub mod view;

use std::sync::Arc;

use messages::Carrier;
use phone::Region;

/// What reaching people needs.
#[derive(Clone)]
pub struct Reaching {
    /// The region of phones that are written without a country.
    pub region: Region,
    /// Who carries codes; none: nobody does.
    pub carrier: Option<Arc<dyn Carrier>>,
    /// The text of a code's message.
    pub text: String,
}

impl Reaching {
    /// Whether messages are shown to tests, and go nowhere.
    pub fn shows_messages(&self) -> bool {
        self.carrier.as_ref().is_some_and(|carrier| carrier.shown().is_some())
    }
}
