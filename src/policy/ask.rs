//! What the rules engine is asked.

use std::cell::OnceCell;

use super::HeldOutBy;
use super::rules::Wishes;
use crate::channel::ChannelSpec;
use crate::customer::{ContentKey, Customer, Engagement, MessageClass, Reach};
use crate::message::{Brand, Message, RenderError, RenderInput, Rendered};
use crate::primitives::country::{country_code, country_of_phone, zones_of_country};
use crate::primitives::local::Weekday;
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, Fields, IdempotencyKey, Instant};

/// One question: which channel for this message to this customer now?
#[derive(Clone)]
pub struct Ask<'a> {
    /// The customer.
    pub who: &'a dyn Customer,
    /// The message.
    pub message: &'a Message,
    /// The instant of the decision.
    pub now: Instant,
    /// What the message says, for "the same content never twice".
    pub content: ContentKey,
    /// When the message is no longer wanted (promise 7.5).
    pub deadline: Instant,
    /// The attempt of a run, if a run asks.
    pub attempt: Attempt<'a>,
    /// The entry that is checked again at its claim, which does not stand in its own way.
    pub own: Option<IdempotencyKey>,
    /// By what the customer, or the run, is held out of marketing (promise 6.10).
    pub held_out: Option<HeldOutBy>,
    /// The properties of the event that began the run.
    pub trigger: Option<&'a Fields>,
    /// The shop's zone, for customers of whom no country is known.
    pub shop_zone: Option<Zone>,
    /// The shop's brand.
    pub brand: &'a Brand,
    pub(super) local: OnceCell<LocalTimes>,
    pub(super) memo: Memo,
}

/// What several channels ask of one instant's local time, worked out once.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo {
    pub(super) day: OnceCell<Instant>,
    pub(super) month: OnceCell<Instant>,
    pub(super) week: OnceCell<(Weekday, Instant)>,
    /// Whether it is quiet now: a policy has one window.
    pub(super) quiet: OnceCell<bool>,
    pub(super) wishes: OnceCell<Wishes>,
}

/// Which attempt of which visit of a step this is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt<'a> {
    /// Names the visit of the step: the attempts of one cascade share it.
    pub visit: Option<u64>,
    /// The channels that were tried already.
    pub tried: &'a [ChannelId],
    /// The channels that this attempt may use; `None` is all.
    pub only: Option<&'a [ChannelId]>,
    /// Which engagement stops the cascade; none outside of one.
    pub stops: &'a [Engagement],
}

impl<'a> Ask<'a> {
    /// A question on behalf of nobody but the host: no run, no attempt.
    pub fn new(who: &'a dyn Customer, message: &'a Message, brand: &'a Brand, now: Instant) -> Self {
        Ask {
            who,
            message,
            now,
            content: ContentKey::new(message.tag.id.as_str()),
            deadline: now + message.deadline,
            attempt: Attempt::default(),
            own: None,
            held_out: None,
            trigger: None,
            shop_zone: None,
            brand,
            local: OnceCell::new(),
            memo: Memo::default(),
        }
    }

    /// Whether the message ignores caps, quiet hours, gaps and dedupe (promise 4.2).
    pub fn transactional(&self) -> bool {
        self.message.tag.class == MessageClass::Transactional
    }

    /// The customer's local times (promise 1.2).
    pub fn local_times(&self) -> &LocalTimes {
        self.local.get_or_init(|| LocalTimes::of(self.who, self.shop_zone))
    }

    pub(crate) fn render_input(&self) -> RenderInput<'_> {
        RenderInput { trigger: self.trigger, ..RenderInput::new(self.who, self.brand, self.now) }
    }
}

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask")
            .field("who", &self.who.id())
            .field("message", &self.message.tag.id)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// A channel that has a variant of the message.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The channel.
    pub spec: &'a ChannelSpec,
    /// Where it reaches the customer.
    pub reach: Reach<'a>,
    rendered: OnceCell<Result<Rendered, RenderError>>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(ask: &Ask<'a>, spec: &'a ChannelSpec) -> Self {
        let reach = match ask.who.contact_point(&spec.tag.kind) {
            Reach::None | Reach::Unknown if spec.by_id => Reach::ById,
            reach => reach,
        };
        Candidate { spec, reach, rendered: OnceCell::new() }
    }

    /// The channel's form of the message, rendered when first asked for.
    ///
    /// # Errors
    /// When a template fails or the text cannot be made to fit.
    pub fn rendered(&self, ask: &Ask<'_>) -> Result<&Rendered, &RenderError> {
        self.rendered.get_or_init(|| ask.message.render(self.spec, &ask.render_input())).as_ref()
    }

    pub(super) fn into_rendered(self) -> Option<Rendered> {
        self.rendered.into_inner().and_then(Result::ok)
    }
}

/// The zones in which local times are to be read: all of them at once.
#[derive(Debug, Clone, Copy)]
pub struct LocalTimes {
    zones: Zones,
    /// How they became known.
    pub source: ZoneSource,
}

#[derive(Debug, Clone, Copy)]
enum Zones {
    One(Zone),
    All(&'static [Zone]),
    None,
}

/// How a customer's zone became known (promise 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The customer's own.
    Own,
    /// The zone of their country, or every one of its zones.
    Country,
    /// The country of the phone number.
    Phone,
    /// The shop's.
    Shop,
    /// Not known at all.
    None,
}

impl LocalTimes {
    /// The customer's own zone; else their country's; else the shop's. A name that is no zone falls through.
    pub fn of(who: &dyn Customer, shop: Option<Zone>) -> Self {
        if let Some(zone) = who.zone().and_then(Zone::parse) {
            return LocalTimes { zones: Zones::One(zone), source: ZoneSource::Own };
        }
        let zones_of = |country: &str| zones_of_country(country_code(country).unwrap_or(country));
        if let Some(zones) = who.country().map(zones_of).filter(|zones| !zones.is_empty()) {
            return LocalTimes { zones: Zones::All(zones), source: ZoneSource::Country };
        }
        if let Reach::At(phone) = who.contact_point(&crate::primitives::ChannelKind::Sms)
            && let Some(zones) =
                country_of_phone(phone.as_str()).map(zones_of_country).filter(|zones| !zones.is_empty())
        {
            return LocalTimes { zones: Zones::All(zones), source: ZoneSource::Phone };
        }
        match shop {
            Some(zone) => LocalTimes { zones: Zones::One(zone), source: ZoneSource::Shop },
            None => LocalTimes { zones: Zones::None, source: ZoneSource::None },
        }
    }

    /// The zones; empty if none is known.
    pub fn zones(&self) -> &[Zone] {
        match &self.zones {
            Zones::One(zone) => std::slice::from_ref(zone),
            Zones::All(zones) => zones,
            Zones::None => &[],
        }
    }
}
