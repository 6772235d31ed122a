//! The user's guide.
//!
//! | page | what it answers |
//! |---|---|
//! | [`concepts`] | What are the parts, and what happens to one event? What does the crate not do? |
//! | [`events`] | What input is read, and how? What is refused, what is a duplicate, what is late? |
//! | [`playbook`] | Every field of the JSON: type, default, unit, meaning, example. |
//! | [`changing`] | How do I change, pause or end a journey while customers are in it? |
//! | [`shelf`] | Which ready-made journeys are there, and how do I make them mine? |
//! | [`promises`] | What holds, by number, and the known limits. |
//! | [`embedding`] | How do I use it in a service? How do I write a channel or a store? How do I test? |
//! | [`design`] | Why is it built like this? |
//!
//! Read [`concepts`] first, then [`embedding`]. Keep [`playbook`] open while you write definitions.
//!
//! Every snippet in these pages is compiled and run with the crate's tests.

pub mod concepts {
    #![doc = include_str!("concepts.md")]
}

pub mod events {
    #![doc = include_str!("events.md")]
}

pub mod playbook {
    #![doc = include_str!("playbook.md")]
}

pub mod changing {
    #![doc = include_str!("changing.md")]
}

pub mod shelf {
    #![doc = include_str!("shelf.md")]

    macro_rules! pages {
        ($($name:ident)*) => {
            $(
                #[doc = include_str!(concat!("../journey/shelf/", stringify!($name), ".md"))]
                pub mod $name {}
            )*
        };
    }

    pages! {
        welcome
        onboarding
        social_subscriber
        browse_abandonment
        cart_abandonment
        checkout_abandonment
        post_purchase
        review_request
        referral
        cross_sell
        replenishment
        back_in_stock
        price_drop
        new_release
        birthday
        loyalty_tier
        win_back
        permission_renewal
    }
}

pub mod promises {
    #![doc = include_str!("promises.md")]
}

pub mod embedding {
    #![doc = include_str!("embedding.md")]
}

pub mod design {
    #![doc = include_str!("design.md")]
}
