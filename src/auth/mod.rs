//! Who calls: partners by signed requests, operators by tokens.
//!
//! Everything here is text and bytes in, an answer out: it knows neither the web server nor the
//! database, takes the time as an argument and looks no key up. The order for a partner's request
//! is [`signature::parse`], [`signature::check_freshness`], the key's record,
//! [`signature::VerifyingKey::verify`], [`signature::SignedRequest::check_digest`] and, for reads,
//! [`nonces::Nonces::is_new`]. What comes first costs least, and nothing of the body is parsed
//! before all of it has passed.

pub mod nonces;
pub mod secrets;
pub mod signature;
pub mod token;
pub mod vault;
