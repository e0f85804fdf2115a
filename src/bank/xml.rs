//! XML from strangers, walked element by element within limits.
//!
//! What a document can do to its reader is refused: a document type (and with it every entity that
//! is not one of the five of XML itself, and every outside reference), deep nesting, long texts.
//! Elements of other namespaces than the root's are walked over, but not shown.

use std::fmt::Display;

use encoding_rs::{Encoding, UTF_8};
use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

/// How much a document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// The longest document, in bytes.
    pub bytes_max: usize,
    /// The deepest nesting of elements.
    pub depth_max: usize,
    /// The longest text or tag of one element, in bytes.
    pub text_max: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self { bytes_max: 64 * 1024 * 1024, depth_max: 32, text_max: 16 * 1024 }
    }
}

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// More bytes than the limit.
    #[error("the file has more than {0} bytes: ask the bank for smaller files")]
    TooLarge(usize),
    /// The bytes are not what the encoding that they declare allows.
    #[error("the file is not in the encoding that it declares, or in one that is not read: {0}")]
    Encoding(String),
    /// A document type, which could define entities or point outside.
    #[error("the file declares a document type, which a bank's file never needs")]
    DocumentType,
    /// An entity besides the five of XML.
    #[error("the file uses the entity \"{0}\", which is not one of XML's own five")]
    Entity(String),
    /// A character that XML 1.0 does not allow.
    #[error("the file has a character that XML does not allow, at byte {0}")]
    Character(u64),
    /// Elements in elements in elements, beyond the limit.
    #[error("the file nests elements deeper than {0}")]
    TooDeep(usize),
    /// A text or a tag beyond the limit.
    #[error("an element of the file is longer than {0} bytes")]
    TooLong(usize),
    /// Not well-formed.
    #[error("the file is no well-formed XML, at byte {at}: {reason}")]
    Malformed {
        /// Where reading stopped.
        at: u64,
        /// What was wrong there.
        reason: String,
    },
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An element begins; [`Walk::path`] ends with its name.
    Open,
    /// An element ends; [`Walk::path`] still ends with its name, [`Walk::text`] is what it held.
    Close,
    /// The document ends.
    End,
}

/// A walk through a document.
pub struct Walk<'a> {
    reader: NsReader<&'a [u8]>,
    limits: XmlLimits,
    namespace: String,
    path: String,
    text: String,
    start: Option<BytesStart<'a>>,
    depth: usize,
    /// The depth at which an element of another namespace began, until it ends.
    foreign: Option<usize>,
    has_closed: bool,
    has_root: bool,
}

/// The text of a document in UTF-8.
///
/// UTF-8 unless it declares another encoding that has its ASCII, such as windows-1251.
///
/// # Errors
/// If the document is too large, or its bytes don't fit its encoding.
pub fn decode(bytes: &[u8], limits: XmlLimits) -> Result<String, XmlError> {
    if bytes.len() > limits.bytes_max {
        return Err(XmlError::TooLarge(limits.bytes_max));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let name = declared_encoding(bytes).unwrap_or_else(|| "UTF-8".to_owned());
    let encoding = Encoding::for_label(name.as_bytes())
        .filter(|one| *one == UTF_8 || one.is_single_byte())
        .ok_or_else(|| XmlError::Encoding(name.clone()))?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(std::borrow::Cow::into_owned).ok_or(XmlError::Encoding(name))
}

/// The encoding that the XML declaration names, if there is one.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let end = head.windows(2).position(|two| two == b"?>")?;
    let declaration = head[..end].strip_prefix(b"<?xml")?;
    let declaration = String::from_utf8_lossy(declaration);
    let (_, after) = declaration.split_once("encoding")?;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|one| matches!(one, '"' | '\''))?;
    quoted[1..].split(quote).next().map(str::to_owned)
}

impl<'a> Walk<'a> {
    /// A walk from the beginning of a document.
    pub fn new(document: &'a str, limits: XmlLimits) -> Self {
        let mut reader = NsReader::from_str(document);
        reader.config_mut().expand_empty_elements = true;
        reader.resolver_mut().set_max_namespace_bindings(16);
        Self {
            reader,
            limits,
            namespace: String::new(),
            path: String::new(),
            text: String::new(),
            start: None,
            depth: 0,
            foreign: None,
            has_closed: false,
            has_root: false,
        }
    }

    /// The root's namespace; empty before the root, and if it has none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The names of the elements around, from the root, with a `/` before each.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text of the element that ends.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// An attribute of the element that began last, if it has it and it needs no entity.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let found = self.start.as_ref()?.try_get_attribute(name).ok()??;
        Some(found.value.into_owned()).filter(|value| !value.contains('&'))
    }

    /// Walks to the next element that begins or ends.
    ///
    /// # Errors
    /// If the document is not well-formed, or does what is refused.
    pub fn step(&mut self) -> Result<Step, XmlError> {
        if self.has_closed {
            self.has_closed = false;
            self.text.clear();
            let parent = self.path.rfind('/').unwrap_or(0);
            self.path.truncate(parent);
        }
        loop {
            let event = self.reader.read_event().map_err(|error| self.malformed(error))?;
            match event {
                Event::Start(start) => {
                    if self.open(start)? {
                        return Ok(Step::Open);
                    }
                }
                Event::End(_) => {
                    if self.close()? {
                        return Ok(Step::Close);
                    }
                }
                Event::Text(text) => self.add_text(&text)?,
                Event::CData(text) => self.add_text(&text)?,
                Event::GeneralRef(reference) => self.add_reference(&reference)?,
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Eof if self.depth == 0 && self.has_root => return Ok(Step::End),
                Event::Eof => return Err(self.malformed("it ends before its last element does")),
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            }
        }
    }

    /// Takes the beginning of an element; whether it is shown.
    fn open(&mut self, start: BytesStart<'a>) -> Result<bool, XmlError> {
        if self.depth == self.limits.depth_max {
            return Err(XmlError::TooDeep(self.limits.depth_max));
        }
        if start.len() > self.limits.text_max {
            return Err(XmlError::TooLong(self.limits.text_max));
        }
        if self.depth == 0 && self.has_root {
            return Err(self.malformed("it has two outermost elements"));
        }
        let namespace = match self.reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Bound(namespace) => namespace.0,
            ResolveResult::Unbound | ResolveResult::Unknown(_) => "",
        };
        if !self.has_root {
            namespace.clone_into(&mut self.namespace);
            self.has_root = true;
        }
        let is_foreign = namespace != self.namespace;
        self.depth += 1;
        self.text.clear();
        if is_foreign && self.foreign.is_none() {
            self.foreign = Some(self.depth);
        }
        if self.foreign.is_some() {
            return Ok(false);
        }
        self.path.push('/');
        self.path.push_str(start.local_name().as_ref());
        self.start = Some(start);
        Ok(true)
    }

    /// Takes the end of an element; whether it is shown.
    fn close(&mut self) -> Result<bool, XmlError> {
        let depth = self.depth;
        let outer = depth.checked_sub(1);
        self.depth = outer.ok_or_else(|| self.malformed("an element ends that did not begin"))?;
        match self.foreign {
            Some(began) => {
                self.text.clear();
                self.foreign = (began < depth).then_some(began);
            }
            None => self.has_closed = true,
        }
        Ok(self.has_closed)
    }

    fn add_text(&mut self, text: &str) -> Result<(), XmlError> {
        if !text.chars().all(is_xml_character) {
            return Err(XmlError::Character(self.reader.buffer_position()));
        }
        if self.depth == 0 {
            return if text.trim_start_matches('\u{FEFF}').trim().is_empty() {
                Ok(())
            } else {
                Err(self.malformed("text stands outside of the outermost element"))
            };
        }
        if self.text.len() + text.len() > self.limits.text_max {
            return Err(XmlError::TooLong(self.limits.text_max));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), XmlError> {
        let name: &str = reference;
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => reference
                .resolve_char_ref()
                .map_err(|error| self.malformed(error))?
                .ok_or_else(|| XmlError::Entity(name.chars().take(40).collect()))?,
        };
        self.add_text(character.encode_utf8(&mut [0; 4]))
    }

    fn malformed(&self, reason: impl Display) -> XmlError {
        XmlError::Malformed { at: self.reader.error_position(), reason: reason.to_string() }
    }
}

/// Whether XML 1.0 allows a character.
const fn is_xml_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        _ => character >= ' ',
    }
}
