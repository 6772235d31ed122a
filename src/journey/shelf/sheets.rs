//! What lies on the shelf.

/// A template and its page.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: &'static str,
    pub(super) json: &'static str,
    pub(super) page: &'static str,
}

macro_rules! sheets {
    ($($name:literal),* $(,)?) => {
        &[$(Sheet {
            name: $name,
            json: include_str!(concat!($name, ".json")),
            page: include_str!(concat!($name, ".md")),
        }),*]
    };
}

pub(super) const SHEETS: &[Sheet] = sheets![
    "welcome",
    "onboarding",
    "social_subscriber",
    "browse_abandonment",
    "cart_abandonment",
    "checkout_abandonment",
    "post_purchase",
    "review_request",
    "referral",
    "cross_sell",
    "replenishment",
    "back_in_stock",
    "price_drop",
    "new_release",
    "birthday",
    "loyalty_tier",
    "win_back",
    "permission_renewal",
];
