//! One coherent conversation with each customer across all channels, as a library that a backend links.
//!
//! `throughline` keeps one record per customer from the events of site, app and shop; knows who is in which segment, and
//! until when; walks customers through journeys; picks the next best channel for each message; never says the same thing
//! twice; and explains every decision. The same pure function decides live, in a rehearsal of last year's log, and in a
//! property test.
//!
//! What it does **not** do: it sends nothing (channels are the host's, through [`Channel`]), it keeps nothing on disk
//! (stores are the host's, through [`Store`]; one in memory is included), it has no server, no user interface and no
//! runtime of its own, and its functional core reads no clock and no random source.
//!
//! # A program that runs
//!
#![doc = concat!("```\n", include_str!("../examples/quickstart.rs"), "```")]
//!
//! # The ways in
//!
//! | You want | Start at |
//! |---|---|
//! | only the decision, for a customer type of your own | [`Customer`], [`Playbook::explain`] |
//! | to see what a playbook would have done with your log | [`Rehearsal`], or the `rehearse` example |
//! | to run it in a service | [`Engine`] |
//! | a channel or a store of your own | [`Channel`], [`Store`] |
//! | a rule, a score, a segment or a journey in code | [`Rule`], [`Score`], [`Segment`], [`Journey`] |
//! | a journey to start from | the [shelf](guide::shelf) |
//! | a segment's conditions in Rust instead of JSON | [`words`], [`Criteria`] |
//! | the step itself, under a loop of your own | [`Playbook::step`] |
//!
//! The [`guide`] explains the concepts, every field of a playbook, and the numbered promises that the crate keeps.
//!
//! # One event's way
//!
//! ```text
//! event ─► Engine ─► Store.resolve ─► Store.transact( step ) ─► outbox ─► Channel.send ─► answer, receipt
//!                                     record + envelopes + due,                              │
//!                                     all or nothing                                         │
//!                                          ▲─────────────────── next input ◄─────────────────┘
//! ```
//!
//! The step ([`Playbook::step`]) takes one [`Input`] into one [`CustomerState`] at one instant: duplicate check, timers
//! that were due before, profile and history, segments, exits and goals, waits, entries, then all messages together by
//! priority. It answers with an [`Outcome`]: envelopes to hand over, inputs for other records, and what happened.
//!
//! # The house
//!
//! A room imports only from rooms that stand before it.
//!
//! | Room | What is in it |
//! |---|---|
//! | [`primitives`] | ids, keys, values, money, contact points, time windows and zones, needs |
//! | [`event`] | the Segment Spec in, receipts |
//! | [`customer`] | trait [`Customer`]; [`Profile`]: attributes, consent, history, figures, contact log |
//! | [`segment`] | trait [`Segment`]; criteria, their evaluation and their next change; RFM |
//! | [`channel`] | what a channel is: kinds, limits, tariffs |
//! | [`message`] | a message and its variants, templates, fitting to limits, brand |
//! | [`delivery`] | [`Envelope`], trait [`Channel`], what it answers |
//! | [`surroundings`] | what a decision may read that is not the customer's |
//! | [`policy`] | the rules engine: one file per rule, scores, choice, explanation |
//! | [`journey`] | trait [`Journey`]; the graph made from JSON |
//! | [`record`] | [`CustomerState`]: profile, runs, timers; two records become one |
//! | [`playbook`] | the compiled definitions and the pure step |
//! | [`store`] | trait [`Store`], the one in memory |
//! | [`rehearsal`] | a log through the step under virtual time |
//! | [`engine`] | the async shell: ingest, wake-ups, dispatch, clock |

#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, rustdoc::broken_intra_doc_links)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod channel;
pub mod customer;
pub mod delivery;
pub mod engine;
pub mod event;
pub mod guide;
pub mod journey;
pub mod message;
pub mod playbook;
pub mod policy;
pub mod primitives;
pub mod record;
pub mod rehearsal;
pub mod segment;
pub mod store;
pub mod surroundings;

/// Re-exported for implementations of [`Channel`] and [`Store`].
pub use async_trait::async_trait;

pub use channel::*;
pub use customer::*;
pub use delivery::*;
pub use engine::*;
pub use event::*;
pub use journey::*;
pub use message::{
    AudienceAction, Brand, Content, EmailContent, Message, Notification, Payload, Reads, RenderError, RenderInput,
    Rendered, Sender, WhatsAppContent, WhenBlocked,
};
pub use playbook::{
    Begun, Call, EffectCalled, EffectEnd, Elsewhere, HandedOver, HandedOverAgain, HeldOut, Identity, Input, Lack,
    Lacking, LackingRuns, LiveRuns, Notice, Outcome, Playbook, PlaybookBuilder, Refused, Retention, RunNamed, What,
};
pub use policy::*;
pub use primitives::*;
pub use record::*;
pub use rehearsal::*;
pub use segment::{
    Columns, ConsentState, Criteria, CriteriaBuilder, Facts, Filter, Membership, RfmFit, RfmGroup, RfmModel, RfmScore,
    Segment, SegmentDefinition, SelectError, Selection, words,
};
pub use store::*;
pub use surroundings::*;
