//! Header fields as they came in, and the dictionaries of byte sequences among them.

use std::borrow::Cow;
use std::convert::Infallible;

use sfv::visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor};
use sfv::{BareItemFromInput, KeyRef, Parser};

use super::SignatureError;

/// The most bytes of a structured field that are read, so that nothing hostile is long.
const FIELD_BYTES_MAX: usize = 4_096;

/// The headers of a request.
pub trait Headers {
    /// The lines of the field with this name in lower case, in the order in which they came.
    fn lines<'a>(&'a self, name: &str) -> FieldLines<'a>;
}

/// The lines of one header field; collects from an iterator over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldLines<'a> {
    /// The field was not sent.
    Absent,
    /// It was sent once.
    One(&'a [u8]),
    /// It was sent several times.
    Many(Vec<&'a [u8]>),
}

impl FieldLines<'_> {
    /// Whether the field was not sent.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'a> FieldLines<'a> {
    /// The lines as one, joined as RFC 9110 §5.3 says.
    ///
    /// # Errors
    /// If they are longer than any that this profile needs.
    pub(super) fn joined(self) -> Result<Option<Cow<'a, [u8]>>, SignatureError> {
        let whole = match self {
            Self::Absent => return Ok(None),
            Self::One(line) => Cow::Borrowed(line),
            Self::Many(lines) => Cow::Owned(lines.join(&b", "[..])),
        };
        if FIELD_BYTES_MAX < whole.len() {
            return Err(SignatureError::Malformed("its headers are too long"));
        }
        Ok(Some(whole))
    }
}

impl<'a> FromIterator<&'a [u8]> for FieldLines<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(lines: I) -> Self {
        let mut lines = lines.into_iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(line), None) => Self::One(line),
            (Some(first), Some(second)) => {
                Self::Many([first, second].into_iter().chain(lines).collect())
            }
        }
    }
}

/// The signature under this label of the `Signature` header.
pub(super) fn byte_sequence(field: &[u8], label: &str) -> Result<Vec<u8>, SignatureError> {
    let reason = "the Signature header has no byte sequence under the label of Signature-Input";
    byte_sequences(field)
        .and_then(|members| members.into_iter().find(|(name, _)| *name == label))
        .and_then(|(_, bytes)| bytes)
        .ok_or(SignatureError::Malformed(reason))
}

/// The name of a dictionary's member, and its bytes if it is a byte sequence.
pub(super) type ByteMember<'a> = (&'a str, Option<Vec<u8>>);

/// The members of a dictionary of byte sequences; a member that is something else has no bytes.
///
/// `None` if the field is not a dictionary, or has two members of one name: RFC 9651 would take the
/// last one and somebody else may take the first.
pub(super) fn byte_sequences(field: &[u8]) -> Option<Vec<ByteMember<'_>>> {
    let members =
        Parser::new(field).parse_dictionary_with_visitor(Members(Vec::with_capacity(2))).ok()?;
    let is_repeated = |(place, (name, _)): (usize, &(&str, _))| {
        members[..place].iter().any(|(earlier, _)| earlier == name)
    };
    if members.iter().enumerate().any(is_repeated) { None } else { Some(members) }
}

struct Members<'a>(Vec<ByteMember<'a>>);

impl<'a> DictionaryVisitor<'a> for Members<'a> {
    type Out = Vec<ByteMember<'a>>;
    type Error = Infallible;

    fn entry(&mut self, key: &'a KeyRef) -> Result<impl EntryVisitor<'a>, Infallible> {
        let (_, bytes) = self.0.push_mut((key.as_str(), None));
        Ok(Member(bytes))
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        Ok(self.0)
    }
}

struct Member<'m>(&'m mut Option<Vec<u8>>);

impl<'a> EntryVisitor<'a> for Member<'_> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'a>, Infallible> {
        let slot = self.0;
        Ok(move |item: BareItemFromInput<'a>| {
            if let BareItemFromInput::ByteSequence(bytes) = item {
                *slot = Some(bytes);
            }
            Ok::<_, Infallible>(Ignored)
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, Infallible> {
        Ok(Ignored)
    }
}
