//! The numbers that stand for variants: each is given once and never again for another.

use crate::customer::{Basis, BlockReason, Engagement};
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
    // From 1: 0 is none.
    BlockReason, "the reason of a block": HardBounce = 1, Invalid = 2, Host = 3;
    Basis, "the basis of a consent":
        Express = 1, ImpliedPurchase = 2, ImpliedInquiry = 3, SoftOptIn = 4, LegitimateInterest = 5;
}

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
