//! A made-up shop: people with hidden tastes who look around, sign up, buy, send back, go quiet and return.
//!
//! Nothing here is a measurement. It exists so that the demo has something to rehearse, and so that faults which real logs
//! have are in it: copies, events that arrive late, visitors who turn out to be known, one person on two devices.
//!
//! Integers only, and its own generator of numbers: the same seed gives the same log on every platform and for ever.

use std::collections::BTreeMap;
use std::fmt::Write;

use throughline::{Instant, Span};

/// How many people come to the shop.
pub const PEOPLE: u64 = 3_000;
/// For how long.
pub const DAYS: i64 = 120;
/// Monday, 5 January 2026: the time holds the change to summer time on both sides of the Atlantic.
const OPENING: Instant = Instant::from_millis(1_767_571_200_000);

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When the generated log begins and ends.
pub fn duration() -> (Instant, Instant) {
    (OPENING, OPENING + Span::days(DAYS))
}

/// SplitMix64: small, good enough to make up a shop, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A stream of its own for every key, so that what one person draws does not depend on what another did.
    pub fn keyed(parts: &[u64]) -> Self {
        let mut rng = Rng(0x7468_726f_7567_686c);
        for part in parts {
            rng.0 ^= part.wrapping_mul(0xd6e8_feb8_6659_fd93);
            rng.0 = rng.next();
        }
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Evenly from `from..=to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below(to.abs_diff(from) + 1) as i64
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, n: u64) -> bool {
        self.below(1_000) < n
    }

    // The draw is below the length, and every list here is a constant that is not empty.
    #[allow(clippy::indexing_slicing)]
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

struct Country {
    code: &'static str,
    locale: &'static str,
    zone: &'static str,
    /// Roughly, in hours: it only decides at what time of the day people shop.
    offset: i64,
    calling: &'static str,
}

const fn country(
    code: &'static str,
    locale: &'static str,
    zone: &'static str,
    offset: i64,
    calling: &'static str,
) -> Country {
    Country { code, locale, zone, offset, calling }
}

const GERMANY: Country = country("DE", "de-DE", "Europe/Berlin", 1, "+49155");
const AUSTRIA: Country = country("AT", "de-AT", "Europe/Vienna", 1, "+43664");
const SWITZERLAND: Country = country("CH", "de-CH", "Europe/Zurich", 1, "+41760");
const BRITAIN: Country = country("GB", "en-GB", "Europe/London", 0, "+44740");
const FRANCE: Country = country("FR", "fr-FR", "Europe/Paris", 1, "+33612");
const EAST_COAST: Country = country("US", "en-US", "America/New_York", -5, "+12025");
const WEST_COAST: Country = country("US", "en-US", "America/Los_Angeles", -8, "+12135");

const FIRST_NAMES: [&str; 24] = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo", "Ida", "Jonas", "Kim", "Lena", "Mia", "Noah",
    "Olivia", "Paul", "Rosa", "Sam", "Theo", "Uma", "Vera", "Will", "Yara", "Zoe",
];

struct Product {
    id: &'static str,
    name: &'static str,
    category: &'static str,
    cents: i64,
}

const fn product(id: &'static str, name: &'static str, category: &'static str, cents: i64) -> Product {
    Product { id, name, category, cents }
}

const CATALOGUE: [Product; 20] = [
    product("t-101", "Sencha", "green_tea", 890),
    product("t-102", "Gunpowder", "green_tea", 690),
    product("t-103", "Jasmine Pearls", "green_tea", 1_490),
    product("t-201", "Assam", "black_tea", 750),
    product("t-202", "Darjeeling First Flush", "black_tea", 1_690),
    product("t-203", "Earl Grey", "black_tea", 650),
    product("t-301", "Peppermint", "herbal_tea", 490),
    product("t-302", "Camomile", "herbal_tea", 520),
    product("t-303", "Rooibos", "herbal_tea", 580),
    product("c-101", "House Blend", "coffee", 1_190),
    product("c-102", "Ethiopia Sidamo", "coffee", 1_490),
    product("c-103", "Decaf Espresso", "coffee", 1_290),
    product("p-101", "Cast Iron Kettle", "pots", 6_900),
    product("p-102", "Glass Teapot", "pots", 3_450),
    product("p-103", "French Press", "pots", 2_990),
    product("m-101", "Stoneware Mug", "cups", 1_450),
    product("m-102", "Matcha Bowl", "cups", 2_200),
    product("g-101", "Tasting Box", "gifts", 2_490),
    product("g-102", "Honey Trio", "gifts", 1_790),
    product("g-103", "Gift Card", "gifts", 2_500),
];

/// What a person is like. It follows from the seed and the number alone, so that whoever makes up receipts knows it too.
#[derive(Clone, Copy)]
pub struct Person {
    pub number: u64,
    country: &'static Country,
    first_name: &'static str,
    tells_zone: bool,
    devices: u64,
    app: Option<&'static str>,
    favourites: [&'static str; 2],
    /// Hours between two visits, on average.
    rhythm: i64,
    adds_to_cart: u64,
    buys: u64,
    wants: Wants,
    /// The mailbox does not exist any more.
    pub dead_mailbox: bool,
    /// The app was removed from the phone.
    pub dead_token: bool,
    /// How often of a thousand times the person reacts to what comes by e-mail, phone notification, browser notification,
    /// SMS, WhatsApp and in the app.
    pub reacts: Reacts,
}

#[derive(Clone, Copy)]
struct Wants {
    email: bool,
    sms: bool,
    whatsapp: bool,
    push: bool,
    web_push: bool,
}

#[derive(Clone, Copy)]
pub struct Reacts {
    pub email: u64,
    pub push: u64,
    pub web_push: u64,
    pub sms: u64,
    pub whatsapp: u64,
    pub in_app: u64,
}

impl Person {
    pub fn new(seed: u64, number: u64) -> Self {
        let mut rng = Rng::keyed(&[seed, number, 1]);
        let country = match rng.below(100) {
            0..42 => &GERMANY,
            42..50 => &AUSTRIA,
            50..55 => &SWITZERLAND,
            55..78 => &BRITAIN,
            78..84 => &FRANCE,
            84..94 => &EAST_COAST,
            _ => &WEST_COAST,
        };
        let app = match rng.below(100) {
            0..22 => Some("ios"),
            22..48 => Some("android"),
            _ => None,
        };
        // Some like to read mail, some only look at their phone.
        let reader = rng.per_mille(450);
        let mut likes = |low: i64, high: i64| rng.between(low, high) as u64;
        let reacts = Reacts {
            email: if reader { likes(350, 700) } else { likes(20, 200) },
            push: if reader { likes(20, 180) } else { likes(120, 400) },
            web_push: likes(10, 160),
            sms: likes(80, 350),
            whatsapp: likes(150, 500),
            in_app: likes(60, 350),
        };
        Person {
            number,
            country,
            first_name: FIRST_NAMES.get(rng.below(FIRST_NAMES.len() as u64) as usize).copied().unwrap_or("Alex"),
            tells_zone: rng.per_mille(850),
            devices: if rng.per_mille(300) { 2 } else { 1 },
            app,
            favourites: [rng.pick(&CATALOGUE).category, rng.pick(&CATALOGUE).category],
            rhythm: *rng.pick(&[30, 60, 60, 110, 110, 180, 180, 300]),
            adds_to_cart: rng.between(20, 180) as u64,
            buys: rng.between(150, 600) as u64,
            wants: Wants {
                email: rng.per_mille(720),
                sms: rng.per_mille(280),
                whatsapp: rng.per_mille(180),
                push: rng.per_mille(650),
                web_push: rng.per_mille(250),
            },
            dead_mailbox: rng.per_mille(15),
            dead_token: rng.per_mille(30),
            reacts,
        }
    }

    /// The shop's own id of a person; every address and id ends in the person's number.
    pub fn user_id(number: u64) -> String {
        format!("u{number:06}")
    }

    /// Whose address or id this is.
    pub fn number_of(address: &str) -> Option<u64> {
        let local = address.split('@').next()?;
        local.get(local.len().checked_sub(6)?..)?.parse().ok()
    }

    fn visitor_id(&self, device: u64) -> String {
        format!("v{device}-{:06}", self.number)
    }
}

/// What a person did so far, as far as the shop's site would know.
#[derive(Clone, Default)]
struct Past {
    signed_up: bool,
    /// One bit for each device on which the shop knows who it is.
    signed_in: u64,
    cart: Vec<usize>,
    orders: u32,
    lines: u32,
    quiet: bool,
}

enum Happens {
    Visit,
    Refund { order: u32, cents: i64, whole: bool },
    Review { order: u32, product: usize },
    Line(String),
}

/// The log, line by line in the order of arrival, in the JSON of the Segment Spec. It holds what is about to happen and
/// nothing that has: its memory does not grow with the log.
pub struct Generator {
    seed: u64,
    pasts: Vec<Past>,
    agenda: BTreeMap<(i64, u64), (u64, Happens)>,
    made: u64,
    until: Option<Instant>,
}

impl Generator {
    /// The log of a seed, as far as it had come in by an instant.
    pub fn new(seed: u64, until: Option<Instant>) -> Self {
        let mut generator = Generator { seed, pasts: Vec::new(), agenda: BTreeMap::new(), made: 0, until };
        for number in 0..PEOPLE {
            let mut rng = Rng::keyed(&[seed, number, 2]);
            // A third knows the shop already; the others find it one by one.
            let days = if rng.per_mille(350) { 8 } else { DAYS - 10 };
            let first = OPENING.as_millis() + rng.between(0, days * DAY);
            generator.pasts.push(Past::default());
            generator.plan(first, number, Happens::Visit);
        }
        generator
    }

    fn plan(&mut self, at: i64, number: u64, happens: Happens) {
        self.made += 1;
        self.agenda.insert((at, self.made), (number, happens));
    }

    fn visit(&mut self, at: i64, person: &Person, past: &mut Past) {
        let mut rng = Rng::keyed(&[self.seed, person.number, 3, at as u64]);
        let device = 1 + rng.below(person.devices);
        let bit = 1 << device;
        let mut session =
            Session { generator: self, person, past, device, at, phone: device == 1 && person.app.is_some() };
        session.track("page", "", &mut rng);
        if session.past.signed_in & bit == 0 {
            let asked = if session.past.signed_up { 450 } else { 190 };
            if rng.per_mille(asked) {
                session.identify(&mut rng);
            }
        } else if rng.per_mille(8) {
            session.change_of_mind(&mut rng);
        }
        let looks = 1 + rng.below(6);
        for _ in 0..looks {
            let item = session.choose(&mut rng);
            session.later(&mut rng, 15, 180);
            session.track("Product Viewed", &properties(item), &mut rng);
            if rng.per_mille(person.adds_to_cart) {
                session.later(&mut rng, 5, 90);
                session.track("Product Added", &properties(item), &mut rng);
                session.past.cart.push(item);
            } else if rng.per_mille(25) {
                session.later(&mut rng, 5, 60);
                session.track("Product Added to Wishlist", &properties(item), &mut rng);
            }
        }
        if !session.past.cart.is_empty() && rng.per_mille(person.buys) {
            session.buy(&mut rng);
        }
        let abandoned = !session.past.cart.is_empty();
        let end = session.at;
        let (gap, quiet) = match rng.below(1_000) {
            // Whoever left a cart often comes back for it the next day.
            _ if abandoned && rng.per_mille(350) => (rng.between(2 * HOUR, 30 * HOUR), false),
            0..25 => (rng.between(65 * DAY, 100 * DAY), true),
            25..60 => return,
            _ => (rng.between(person.rhythm * HOUR / 4, person.rhythm * HOUR * 7 / 4), false),
        };
        past.quiet = quiet;
        if quiet {
            past.cart.clear();
        }
        self.plan(daytime(end + gap, person, &mut rng), person.number, Happens::Visit);
    }

    /// What becomes of an order later on.
    fn aftermath(&mut self, at: i64, person: &Person, order: u32, cents: i64, cart: &[usize], rng: &mut Rng) {
        if rng.per_mille(70) {
            let whole = rng.per_mille(700);
            let back = at + rng.between(4 * DAY, 16 * DAY);
            self.plan(back, person.number, Happens::Refund { order, cents, whole });
        }
        if let Some(product) = cart.first().filter(|_| rng.per_mille(120)) {
            let when = at + rng.between(6 * DAY, 24 * DAY);
            self.plan(daytime(when, person, rng), person.number, Happens::Review { order, product: *product });
        }
    }
}

impl Iterator for Generator {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let ((at, _), (number, happens)) = self.agenda.pop_first()?;
            if self.until.is_some_and(|until| at > until.as_millis()) {
                return None;
            }
            if let Happens::Line(line) = happens {
                return Some(line);
            }
            if at >= duration().1.as_millis() {
                continue;
            }
            let person = Person::new(self.seed, number);
            let Some(mut past) = self.pasts.get_mut(number as usize).map(std::mem::take) else { continue };
            let mut rng = Rng::keyed(&[self.seed, number, 4, at as u64]);
            match happens {
                Happens::Visit => self.visit(at, &person, &mut past),
                Happens::Refund { order, cents, whole } => {
                    let cents = if whole { cents } else { cents / 3 };
                    let order = order_id(&person, order);
                    let said = format!(r#""order_id":"{order}","total":{},"currency":"EUR""#, price(cents));
                    // The back office tells of it: no device is involved.
                    Session { generator: self, person: &person, past: &mut past, device: 0, at, phone: false }.track(
                        "Order Refunded",
                        &said,
                        &mut rng,
                    );
                }
                Happens::Review { order, product } => {
                    let said = format!(
                        r#"{},"order_id":"{}","rating":{}"#,
                        properties(product),
                        order_id(&person, order),
                        rng.between(2, 5)
                    );
                    Session { generator: self, person: &person, past: &mut past, device: 0, at, phone: false }.track(
                        "Product Reviewed",
                        &said,
                        &mut rng,
                    );
                }
                Happens::Line(_) => {}
            }
            if let Some(slot) = self.pasts.get_mut(number as usize) {
                *slot = past;
            }
        }
    }
}

/// One visit on one device; device 0 is the shop's back office.
struct Session<'a> {
    generator: &'a mut Generator,
    person: &'a Person,
    past: &'a mut Past,
    device: u64,
    at: i64,
    phone: bool,
}

impl Session<'_> {
    fn later(&mut self, rng: &mut Rng, from: i64, to: i64) {
        self.at += rng.between(from * SECOND, to * SECOND);
    }

    /// Mostly from the favourite categories.
    fn choose(&self, rng: &mut Rng) -> usize {
        for _ in 0..6 {
            let item = rng.below(CATALOGUE.len() as u64) as usize;
            let liked = CATALOGUE.get(item).is_some_and(|product| self.person.favourites.contains(&product.category));
            if liked || rng.per_mille(250) {
                return item;
            }
        }
        0
    }

    /// Goes to the checkout, and mostly through it.
    fn buy(&mut self, rng: &mut Rng) {
        self.later(rng, 20, 240);
        let cart = self.past.cart.clone();
        let cents: i64 = cart.iter().filter_map(|item| CATALOGUE.get(*item)).map(|product| product.cents).sum();
        let said = format!(r#""value":{},"currency":"EUR""#, price(cents));
        self.track("Checkout Started", &said, rng);
        if self.past.signed_in & (1 << self.device) == 0 {
            self.later(rng, 20, 120);
            self.identify(rng);
        }
        if rng.per_mille(120) {
            return;
        }
        self.later(rng, 30, 300);
        self.past.orders += 1;
        let order = self.past.orders;
        let products: Vec<String> =
            cart.iter().map(|item| format!(r#"{{{},"quantity":1}}"#, properties(*item))).collect();
        let said = format!(
            r#""order_id":"{}","total":{},"currency":"EUR","products":[{}]"#,
            order_id(self.person, order),
            price(cents),
            products.join(",")
        );
        self.track("Order Completed", &said, rng);
        self.past.cart.clear();
        self.generator.aftermath(self.at, self.person, order, cents, &cart, rng);
    }

    /// Signs up or in: from now on the shop knows who is on this device.
    fn identify(&mut self, rng: &mut Rng) {
        let (person, first) = (self.person, !self.past.signed_up);
        self.past.signed_up = true;
        self.past.signed_in |= 1 << self.device;
        self.later(rng, 5, 60);
        let Person { number, country, first_name, wants, .. } = person;
        let name = first_name.to_lowercase();
        let email = format!("{name}.{number:06}@example.net");
        let phone = format!("{}{number:06}", country.calling);
        let mut traits = format!(r#""first_name":"{first_name}","email":"{email}","country":"{}""#, country.code);
        if wants.sms || wants.whatsapp {
            let _ = write!(traits, r#","phone":"{phone}""#);
        }
        if rng.per_mille(60) {
            let _ = write!(traits, r#","preferred_channel":"{}""#, rng.pick(&["email", "push", "whatsapp"]));
        }
        let mut granted = Vec::new();
        for (kind, key, wanted) in [
            ("EMAIL", email.as_str(), wants.email),
            ("SMS", phone.as_str(), wants.sms),
            ("WHATSAPP", phone.as_str(), wants.whatsapp),
        ] {
            if wanted {
                granted.push(format!(r#"{{"key":"{key}","type":"{kind}","status":"SUBSCRIBED"}}"#));
            }
        }
        if wants.push && self.phone {
            granted.push(r#"{"type":"PUSH","status":"SUBSCRIBED"}"#.to_owned());
        }
        if wants.web_push && !self.phone {
            granted.push(r#"{"type":"WEB_PUSH","status":"SUBSCRIBED"}"#.to_owned());
        }
        let mut context = self.place();
        if first {
            let _ = write!(context, r#","messaging_subscriptions":[{}]"#, granted.join(","));
        }
        match person.app {
            Some(system) if self.phone && wants.push => {
                let _ = write!(context, r#","device":{{"token":"{system}-{number:06}","type":"{system}"}}"#);
            }
            _ if !self.phone && wants.web_push => {
                let _ = write!(context, r#","device":{{"token":"web{}-{number:06}","type":"web"}}"#, self.device);
            }
            _ => {}
        }
        self.line("identify", "", &format!(r#""traits":{{{traits}}},"context":{{{context}}}"#), rng);
        if first {
            self.later(rng, 1, 5);
            self.track("Signed Up", "", rng);
        }
    }

    /// Takes consent back, or gives some of it, in the account's settings.
    fn change_of_mind(&mut self, rng: &mut Rng) {
        let said = match rng.below(4) {
            0 => r#"{"type":"EMAIL","status":"UNSUBSCRIBED"}"#,
            1 => r#"{"type":"EMAIL","groups":[{"name":"offers","status":"UNSUBSCRIBED"}]}"#,
            2 => r#"{"type":"EMAIL","status":"SUBSCRIBED"}"#,
            _ => r#"{"type":"SMS","status":"UNSUBSCRIBED"}"#,
        };
        self.later(rng, 5, 60);
        self.line("identify", "", &format!(r#""context":{{"messaging_subscriptions":[{said}]}}"#), rng);
    }

    fn place(&self) -> String {
        let country = self.person.country;
        let mut place = format!(r#""locale":"{}","country":"{}""#, country.locale, country.code);
        if self.person.tells_zone {
            let _ = write!(place, r#","timezone":"{}""#, country.zone);
        }
        place
    }

    fn track(&mut self, name: &str, properties: &str, rng: &mut Rng) {
        match name {
            "page" => {
                let context = self.place();
                self.line("page", "", &format!(r#""context":{{{context}}}"#), rng);
            }
            name => self.line("track", name, &format!(r#""properties":{{{properties}}}"#), rng),
        }
    }

    /// Puts a line on the agenda, now and then late or twice: networks and offline phones do that.
    fn line(&mut self, kind: &str, name: &str, rest: &str, rng: &mut Rng) {
        self.past.lines += 1;
        let mut line = format!(r#"{{"type":"{kind}","messageId":"m{:06}-{}""#, self.person.number, self.past.lines);
        if !name.is_empty() {
            let _ = write!(line, r#","event":"{name}""#);
        }
        if self.device > 0 {
            let _ = write!(line, r#","anonymousId":"{}""#, self.person.visitor_id(self.device));
        }
        if self.device == 0 || self.past.signed_in & (1 << self.device) != 0 {
            let _ = write!(line, r#","userId":"{}""#, Person::user_id(self.person.number));
        }
        let _ = write!(line, r#","timestamp":"{}",{rest}}}"#, Instant::from_millis(self.at));
        let delay = if self.phone && rng.per_mille(20) { rng.between(MINUTE, 9 * HOUR) } else { 0 };
        if rng.per_mille(8) {
            let again = self.at + delay + rng.between(SECOND, 2 * DAY);
            self.generator.plan(again, self.person.number, Happens::Line(line.clone()));
        }
        self.generator.plan(self.at + delay, self.person.number, Happens::Line(line));
    }
}

/// At about this time, but between breakfast and bedtime where the person lives.
fn daytime(at: i64, person: &Person, rng: &mut Rng) -> i64 {
    let offset = person.country.offset * HOUR;
    let midnight = (at + offset).div_euclid(DAY) * DAY - offset;
    // The better of two draws: evenings are busier than mornings.
    let minute = rng.between(7 * 60, 22 * 60).max(rng.between(7 * 60, 22 * 60));
    let when = midnight + minute * MINUTE + rng.between(0, MINUTE - 1);
    if when > at { when } else { when + DAY }
}

fn properties(item: usize) -> String {
    CATALOGUE.get(item).map_or_else(String::new, |product| {
        let Product { id, name, category, cents } = product;
        format!(r#""product_id":"{id}","name":"{name}","category":"{category}","price":{}"#, price(*cents))
    })
}

fn order_id(person: &Person, order: u32) -> String {
    format!("o{:06}-{order}", person.number)
}

fn price(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
