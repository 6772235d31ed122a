//! A channel that the crate has never heard of: a messenger bot with its own kind, handle, limits, tariff and errors.

use std::collections::HashSet;
use std::sync::Mutex;

use throughline::{
    Accepted, Channel, ChannelSpec, Content, DeliveryError, Engine, Envelope, Event, Playbook, Span, async_trait,
};

/// The bot's client. A real one would call the messenger's API; this one keeps what it "sent".
#[derive(Debug)]
struct Telegram {
    spec: ChannelSpec,
    /// The keys already taken, as a provider that honours idempotency keys keeps them.
    taken: Mutex<HashSet<String>>,
}

impl Telegram {
    fn new() -> Self {
        // The bot's API remembers keys for a day: an unknown outcome may be retried within it.
        let spec = ChannelSpec::new("telegram").with_key_memory(Span::days(1)).with_timeout(Span::seconds(5));
        Telegram { spec, taken: Mutex::default() }
    }
}

#[async_trait]
impl Channel for Telegram {
    fn spec(&self) -> &ChannelSpec {
        &self.spec
    }

    async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
        // A kind of its own carries the variant's texts as they are named in the playbook.
        let Content::Other(texts) = &*envelope.content else {
            return Err(DeliveryError::permanent("the playbook gave this channel content of another kind"));
        };
        let Some(body) = texts.get("body") else {
            return Err(DeliveryError::permanent("the variant has no `body`"));
        };
        if envelope.address() == "@gone" {
            // Blocks the handle: nothing goes there again.
            return Err(DeliveryError::invalid_contact_point("no such chat"));
        }
        let key = envelope.idempotency_key();
        let fresh = self.taken.lock().map(|mut taken| taken.insert(key.clone())).unwrap_or(false);
        if fresh {
            println!("telegram to {}: {body}", envelope.address());
        }
        // A second copy is answered like the first: that is what makes it effectively once.
        Ok(Accepted::with_id(key))
    }
}

const PLAYBOOK: &str = r#"{
  "version": 1, "currency": "EUR",
  "channels": {"telegram": {"key_memory": "1d", "timeout": "5s", "tariff": {"per_message": "0.002"}}},
  "policy": {"topics_default": "opt_out"},
  "messages": {"shipped": {"class": "transactional",
    "variants": {"telegram": {"body": "Order {{ trigger.order_id }} is on its way."}}}},
  "journeys": {"shipped": {"trigger": {"event": "Order Shipped"}, "key": "order_id",
    "steps": [{"id": "tell", "message": "shipped"}]}}
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder(Playbook::from_json(PLAYBOOK)?).channel(Telegram::new()).build()?;
    futures::executor::block_on(async {
        // A trait named after the kind is its contact point.
        engine.ingest(Event::identify().user("anna").with_trait("telegram", "@anna")).await?;
        engine.ingest(Event::track("Order Shipped").user("anna").property("order_id", "A-17").id("m-1")).await?;
        let ran = engine.run_due().await?;
        println!("handed over: {}, accepted: {}", ran.handed_over, ran.accepted);
        Ok(())
    })
}
