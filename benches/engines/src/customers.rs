//! The same customers for all: a struct as a host would write it, a stored record, and a ready context per engine.

use throughline::{
    Basis, ChannelKind, ConsentRecord, CustomerId, CustomerState, Instant, Keep, Key, Profile, Span, Value,
};

/// A customer as a host's own code holds it.
#[derive(Debug, Default)]
pub struct Shopper {
    pub country: Option<String>,
    pub tier: Option<String>,
    pub plan: Option<String>,
    pub language: Option<String>,
    pub source: Option<String>,
    pub age: i64,
    pub points: i64,
    pub household: i64,
    pub consents: Vec<Grant>,
    /// When each order was placed, in milliseconds, earliest first.
    pub orders: Vec<i64>,
    /// The same of views.
    pub views: Vec<i64>,
}

/// A consent that was given, and not revoked, until it runs out.
#[derive(Debug)]
pub struct Grant {
    pub channel: String,
    pub topic: String,
    pub until: Option<i64>,
}

/// Attributes that no rule reads, as real records have them.
const OTHERS: [&str; 12] = [
    "first_name",
    "last_name",
    "city",
    "postal_code",
    "gender",
    "device",
    "browser",
    "store",
    "coupon",
    "referrer",
    "company",
    "birthday",
];

pub fn now() -> Instant {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// So many customers, the same in every run.
pub fn sample(n: usize) -> Vec<Shopper> {
    let mut seed = 7_u64;
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    (0..n)
        .map(|_| {
            // One in twenty does not say.
            let mut pick = |list: &[&str]| {
                let known = draw(20) > 0;
                known.then(|| list[draw(list.len() as u64) as usize].to_owned())
            };
            let mut shopper = Shopper {
                country: pick(&["DE", "DE", "DE", "AT", "CH", "FR", "US"]),
                tier: pick(&["gold", "gold", "platinum", "silver", "bronze"]),
                plan: pick(&["plus", "pro", "free"]),
                language: pick(&["de", "de", "de", "fr", "en"]),
                source: pick(&["search", "newsletter", "affiliate", "direct"]),
                ..Shopper::default()
            };
            shopper.age = 16 + draw(60) as i64;
            shopper.points = draw(4_000) as i64;
            shopper.household = 1 + draw(5) as i64;
            for (channel, topic, of_ten) in [("email", "offers", 7), ("push", "news", 6), ("sms", "offers", 2)] {
                if draw(10) < of_ten {
                    let until = (draw(3) == 0).then(|| (now() + Span::days(draw(400) as i64 - 40)).as_millis());
                    shopper.consents.push(Grant { channel: channel.into(), topic: topic.into(), until });
                }
            }
            let mut times = |most: u64, days: i64| {
                let mut times: Vec<i64> = (0..draw(most))
                    .map(|_| (now() - Span::minutes(draw(days as u64 * 1_440) as i64)).as_millis())
                    .collect();
                times.sort_unstable();
                times
            };
            shopper.orders = times(8, 200);
            shopper.views = times(40, 30);
            shopper
        })
        .collect()
}

impl Shopper {
    pub fn allows(&self, channel: &str, topic: &str, now: i64) -> bool {
        self.consents.iter().any(|grant| {
            grant.channel == channel && grant.topic == topic && grant.until.is_none_or(|until| until > now)
        })
    }

    /// The record that the library keeps, read back from its stored form.
    pub fn profile(&self, n: usize) -> Profile {
        let at = now() - Span::days(300);
        let mut state = CustomerState::new(CustomerId::new(&format!("customer-{n}")), at);
        let profile = &mut state.profile;
        let texts = [
            ("country", &self.country),
            ("tier", &self.tier),
            ("plan", &self.plan),
            ("language", &self.language),
            ("source", &self.source),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                profile.attributes.set(&name.into(), text.as_str().into(), at);
            }
        }
        for (name, number) in [("age", self.age), ("points", self.points), ("household", self.household)] {
            profile.attributes.set(&name.into(), number.into(), at);
        }
        for name in OTHERS {
            profile.attributes.set(&name.into(), Value::from(format!("{name} {n}").as_str()), at);
        }
        for grant in &self.consents {
            let kind = ChannelKind::from_name(&grant.channel);
            profile.consents.record(ConsentRecord {
                topic: Some(grant.topic.as_str().into()),
                expires: grant.until.map(Instant::from_millis),
                ..ConsentRecord::granted(kind, Basis::Express, at)
            });
        }
        for (name, times) in [("Product Viewed", &self.views), ("Order Completed", &self.orders)] {
            let keep = Keep { last: 0, within: Span::days(365) };
            for at in times {
                profile.history.record(&Key::new(name), Instant::from_millis(*at), &[], |_| None, keep, now());
            }
        }
        CustomerState::decode(&state.encode(), &()).unwrap().profile
    }

    /// What the rules read, by name and ready to be compared: the engines know neither windows nor consent.
    pub fn context(&self, now: i64) -> serde_json::Value {
        let day = 86_400_000;
        let since = |times: &[i64], days: i64| times.iter().filter(|at| **at > now - days * day).count();
        serde_json::json!({
            "country": self.country.as_deref().unwrap_or(""),
            "tier": self.tier.as_deref().unwrap_or(""),
            "plan": self.plan.as_deref().unwrap_or(""),
            "language": self.language.as_deref().unwrap_or(""),
            "source": self.source.as_deref().unwrap_or(""),
            "age": self.age,
            "points": self.points,
            "household": self.household,
            "email_offers": self.allows("email", "offers", now),
            "push_news": self.allows("push", "news", now),
            "orders_30d": since(&self.orders, 30),
            "orders_90d": since(&self.orders, 90),
            "views_7d": since(&self.views, 7),
        })
    }
}
