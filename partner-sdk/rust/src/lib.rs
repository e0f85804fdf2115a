//! Client of the Coalition clearing server: signs, posts, retries, and posts files in bulk.
//!
//! A partner needs [`SigningKey`], [`Client`] and [`Transaction`]; an operator needs
//! [`OperatorClient`]. Both have [`Books`] and [`Disputes`]: comparing a party's own list with the
//! ledger, and objecting to a statement. A load generator that brings its own transport needs only
//! [`sign_request`]; [`post`] is behind the command `coalition-partner`. Who was sent a statement
//! checks it with [`proof`]. Every amount is a decimal string as in the API; only [`proof`] adds them
//! up.
//!
//! ```no_run
//! use coalition_partner::{Algorithm, Client, Purchase, SigningKey};
//!
//! let key = SigningKey::from_base64("shop:ab12", Algorithm::HmacSha256, "c2VjcmV0IGJ5dGVz")?;
//! let client = Client::new("https://coalition.example", key)?;
//! let purchase = Purchase {
//!     reference: "R-1".to_owned(),
//!     programme: "club".to_owned(),
//!     member: "external:17850".to_owned(),
//!     amount: Some("5990.00".to_owned()),
//!     ..Purchase::default()
//! };
//! let recorded = client.transaction(&purchase.into(), "receipt-R-1")?;
//! assert_eq!(recorded.value.earned.as_deref(), Some("599"));
//! # Ok::<(), coalition_partner::Error>(())
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address;
mod answer;
mod batch;
mod books;
mod card;
mod client;
mod clock;
mod connection;
mod disputes;
mod error;
mod events;
mod operator;
pub mod path;
mod payments;
pub mod post;
pub mod proof;
mod receipt;
mod refusal;
mod retry;
mod signature;
mod transaction;
mod webhook;

pub use answer::{
    Accepted, Answer, Balance, Balances, CardToken, ExpiringPoints, HistoryPage, LineResult,
    LotGranted, Member, MemberId, Page, PendingPoints, Posting, ProgrammeOutcome, Quote,
    RecordedTransaction,
};
pub use batch::{Batch, BatchLine};
pub use books::{Books, PART_BYTES, WhichBreaks};
pub use card::{Barcode, Card, CardView, ResolveRequest, Resolved, ResolvedCard, ResolvedQuote};
pub use client::Client;
pub use connection::{Connection, Credentials, Outgoing, Settings, sign_for_url};
pub use disputes::Disputes;
pub use error::Error;
pub use events::{Event, EventCursor, EventPage};
pub use operator::{IssuedKey, OperatorClient};
pub use receipt::{PurchaseLine, Till};
pub use refusal::{FieldError, Problem, RefusalCode};
pub use retry::RetryPolicy;
pub use signature::{
    Algorithm, KeyError, RequestToSign, SignatureHeaders, SigningKey, content_digest, random_nonce,
    sign_request, signature_base,
};
pub use transaction::{
    Capture, CardPayment, Delivery, Exchange, FundingShare, Grant, Hold, Merge, NewMember, Pack,
    PersonalRule, Purchase, QuoteRequest, Refund, Service, Settle, Transaction, ValidFor, Void,
};
pub use webhook::{WebhookError, WebhookHeaders, WebhookKey};
