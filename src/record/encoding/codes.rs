//! The numbers that stand for variants: each is given once and never again for another.

use crate::customer::{Arm, BlockReason, Engagement, Liked, LineKind};
use crate::event::Basis;
use crate::primitives::ChannelKind;

/// What is written as one byte.
pub(super) trait Code: Sized {
    /// What it is, for errors.
    const WHAT: &'static str;
    fn code(self) -> u8;
    fn of(code: u8) -> Option<Self>;
}

// One list serves both directions; a variant that is missing here does not compile.
macro_rules! codes {
    ($($type:ty, $what:literal: $($variant:ident = $code:literal),+;)+) => {$(
        impl Code for $type {
            const WHAT: &'static str = $what;

            fn code(self) -> u8 {
                match self { $(<$type>::$variant => $code),+ }
            }

            fn of(code: u8) -> Option<Self> {
                Some(match code { $($code => <$type>::$variant,)+ _ => return None })
            }
        }
    )+};
}

codes! {
    Engagement, "an engagement": Open = 0, Click = 1, Reply = 2, Visit = 3, Conversion = 4;
    LineKind, "an order or a return": Order = 0, Refund = 1, Cancel = 2;
    Liked, "what is liked": Category = 0, Brand = 1;
    Arm, "an arm": Treated = 0, HeldOut = 1;
    // From 1: 0 is none.
    BlockReason, "the reason of a block": HardBounce = 1, Invalid = 2, Host = 3, Erased = 4, OptOut = 5, Complaint = 6;
    Basis, "the basis of a consent":
        Express = 1, ImpliedPurchase = 2, ImpliedInquiry = 3, SoftOptIn = 4, LegitimateInterest = 5;
}

/// What else a statement on consent may be, beside a revocation (0) and a grant on a basis.
pub(super) const SIGNED_UP: u8 = 6;
pub(super) const CONFIRMED: u8 = 7;

/// Any other kind; its name follows.
pub(super) const OTHER_KIND: u8 = 8;

pub(super) fn kind_code(kind: &ChannelKind) -> u8 {
    match kind {
        ChannelKind::Email => 0,
        ChannelKind::Sms => 1,
        ChannelKind::WhatsApp => 2,
        ChannelKind::Push => 3,
        ChannelKind::WebPush => 4,
        ChannelKind::InApp => 5,
        ChannelKind::Inbox => 6,
        ChannelKind::Audience => 7,
        ChannelKind::Other(_) => OTHER_KIND,
    }
}

pub(super) fn kind_of(code: u8) -> Option<ChannelKind> {
    Some(match code {
        0 => ChannelKind::Email,
        1 => ChannelKind::Sms,
        2 => ChannelKind::WhatsApp,
        3 => ChannelKind::Push,
        4 => ChannelKind::WebPush,
        5 => ChannelKind::InApp,
        6 => ChannelKind::Inbox,
        7 => ChannelKind::Audience,
        _ => return None,
    })
}

/// The names that most records hold, in the table of every record from the start: entry 1 and so on. They belong to the
/// format; another list is another format.
pub(super) const KNOWN_NAMES: [&str; 40] = [
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Product List Viewed",
    "Products Searched",
    "Cart Viewed",
    "Checkout Started",
    "Order Completed",
    "Order Refunded",
    "Order Cancelled",
    "Signed Up",
    "identify",
    "page",
    "screen",
    "order_id",
    "product_id",
    "category",
    "total",
    "revenue",
    "currency",
    "value",
    "price",
    "quantity",
    "products",
    "name",
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "locale",
    "timezone",
    "brand",
    "sku",
    "variant",
    "coupon",
    "birthday",
    "offers",
    "news",
    "newsletter",
];

/// Units of time and their codes, the longest first: most waits and deadlines are whole hours.
pub(super) const UNITS: [(u8, i64); 4] = [(3, 3_600_000), (2, 60_000), (1, 1_000), (0, 1)];

/// The milliseconds of a unit of time.
pub(super) fn unit_of(code: u8) -> Option<i64> {
    UNITS.iter().find(|(known, _)| *known == code).map(|(_, unit)| *unit)
}

/// The longest unit of which all of these are whole multiples, with its code.
pub(super) fn unit_for(millis: impl Iterator<Item = i64> + Clone) -> (u8, i64) {
    let whole = |unit: i64| millis.clone().all(|millis| millis % unit == 0);
    UNITS.into_iter().find(|(_, unit)| whole(*unit)).unwrap_or((0, 1))
}
