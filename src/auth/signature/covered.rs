//! Reads `Signature-Input`: what a signature covers, and its parameters.
//!
//! The field may hold signatures that are meant for others, so that a fault is kept with its entry
//! and refuses the request only if that entry is the one which is used.

use std::borrow::Cow;
use std::convert::Infallible;

use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
};
use sfv::{BareItemFromInput, KeyRef, ListSerializer, Parser, StringRef};

use super::{SignatureError, TAG};

/// The entry of one signature in `Signature-Input`.
#[derive(Debug)]
pub struct Covered<'a> {
    label: &'a str,
    components: Vec<Cow<'a, StringRef>>,
    parameters: Vec<(&'a KeyRef, BareItemFromInput<'a>)>,
    fault: Option<&'static str>,
}

impl<'a> Covered<'a> {
    /// The entry with our tag, or the only one if it has no tag.
    ///
    /// # Errors
    /// If there is none, if there are several, or if it is not one that can be computed.
    pub fn select(field: &'a [u8]) -> Result<Self, SignatureError> {
        let malformed = |reason| Err(SignatureError::Malformed(reason));
        let entries = Parser::new(field).parse_dictionary_with_visitor(Entries(Vec::new()));
        let Ok(mut entries) = entries else {
            return malformed("Signature-Input is not a dictionary");
        };
        let mut places = (0..entries.len()).filter(|&place| entries[place].has_our_tag());
        let place = match (places.next(), places.next()) {
            (Some(place), None) => place,
            (Some(_), Some(_)) => return malformed("two signatures have our tag"),
            (None, _) if entries.len() == 1 && !entries[0].has_parameter("tag") => 0,
            (None, _) => return Err(SignatureError::Missing),
        };
        let label = entries[place].label;
        if entries.iter().filter(|entry| entry.label == label).count() != 1 {
            return malformed("two signatures have one label");
        }
        let chosen = entries.swap_remove(place);
        chosen.fault.map_or(Ok(chosen), malformed)
    }

    /// The signature's label.
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// Whether a component is covered.
    pub fn covers(&self, name: &str) -> bool {
        self.components().any(|component| component == name)
    }

    /// The names of what is covered, in order.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.components.iter().map(|name| name.as_str())
    }

    /// An integer among the parameters.
    ///
    /// # Errors
    /// If it is something else.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, SignatureError> {
        let reason = "created and expires are integers";
        let integer = |item: &BareItemFromInput<'_>| item.as_integer().map(i64::from);
        self.parameter(name)
            .map(|item| integer(item).ok_or(SignatureError::Malformed(reason)))
            .transpose()
    }

    /// A text among the parameters.
    ///
    /// # Errors
    /// If it is something else.
    pub fn text(&self, name: &str) -> Result<Option<&str>, SignatureError> {
        let reason = "keyid, nonce, alg and tag are strings in double quotes";
        self.parameter(name)
            .map(|item| item.as_string().ok_or(SignatureError::Malformed(reason)))
            .map(|text| text.map(StringRef::as_str))
            .transpose()
    }

    /// Writes the value of `@signature-params`: the entry serialised by RFC 9651, whatever spaces
    /// it came with.
    pub(super) fn write_to(&self, text: &mut String) {
        let mut serializer = ListSerializer::with_buffer(text);
        let mut list = serializer.inner_list();
        for name in &self.components {
            let _ = list.bare_item(&**name);
        }
        let parameters = self.parameters.iter().map(|(name, item)| (*name, item));
        let _ = list.finish().parameters(parameters);
    }

    fn parameter(&self, name: &str) -> Option<&BareItemFromInput<'a>> {
        self.parameters.iter().find(|(key, _)| key.as_str() == name).map(|(_, item)| item)
    }

    fn has_parameter(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn has_our_tag(&self) -> bool {
        let is_ours =
            |item: &BareItemFromInput<'_>| item.as_string().is_some_and(|tag| tag.as_str() == TAG);
        self.parameters.iter().any(|(key, item)| key.as_str() == "tag" && is_ours(item))
    }
}

/// Collects the dictionary's entries, repeated labels included.
struct Entries<'a>(Vec<Covered<'a>>);

impl<'a> DictionaryVisitor<'a> for Entries<'a> {
    type Out = Vec<Covered<'a>>;
    type Error = Infallible;

    fn entry(&mut self, key: &'a KeyRef) -> Result<impl EntryVisitor<'a>, Infallible> {
        Ok(self.0.push_mut(Covered {
            label: key.as_str(),
            components: Vec::with_capacity(8),
            parameters: Vec::with_capacity(8),
            fault: None,
        }))
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        Ok(self.0)
    }
}

impl<'a> EntryVisitor<'a> for &mut Covered<'a> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'a>, Infallible> {
        self.fault = Some("its entry in Signature-Input is not a list in parentheses");
        Ok(Ignored)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, Infallible> {
        Ok(self)
    }
}

impl<'a> InnerListVisitor<'a> for &mut Covered<'a> {
    type Error = Infallible;

    fn item(&mut self) -> Result<impl ItemVisitor<'a>, Infallible> {
        Ok(Component(self))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'a>, Infallible> {
        Ok(self)
    }
}

/// The parameters of the signature itself.
impl<'a> ParameterVisitor<'a> for &mut Covered<'a> {
    type Out = ();
    type Error = Infallible;

    fn parameter(
        &mut self,
        key: &'a KeyRef,
        value: BareItemFromInput<'a>,
    ) -> Result<(), Infallible> {
        if self.has_parameter(key.as_str()) {
            self.fault = Some("a parameter is given twice");
        }
        self.parameters.push((key, value));
        Ok(())
    }

    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// One component; none of those with parameters can be computed here.
struct Component<'c, 'a>(&'c mut Covered<'a>);

impl<'a> ItemVisitor<'a> for Component<'_, 'a> {
    type Out = ();
    type Error = Infallible;

    fn bare_item(
        self,
        item: BareItemFromInput<'a>,
    ) -> Result<impl ParameterVisitor<'a, Out = ()>, Infallible> {
        match item {
            BareItemFromInput::String(name) if self.0.components.contains(&name) => {
                self.0.fault = Some("a component is covered twice");
            }
            BareItemFromInput::String(name) => self.0.components.push(name),
            _ => self.0.fault = Some("a component's name is a string in double quotes"),
        }
        Ok(self)
    }
}

impl<'a> ParameterVisitor<'a> for Component<'_, 'a> {
    type Out = ();
    type Error = Infallible;

    fn parameter(&mut self, _: &'a KeyRef, _: BareItemFromInput<'a>) -> Result<(), Infallible> {
        self.0.fault = Some("components with parameters are not supported");
        Ok(())
    }

    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}
