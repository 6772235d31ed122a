//! Two channels of one's own and a journey: an e-mail at once, and a push two days later if it stays unopened.
use throughline::{Accepted, Channel, ChannelSpec, DeliveryError, Engine, Envelope, Event, Playbook, async_trait};

const PLAYBOOK: &str = r#"{
  "version": 1, "currency": "EUR", "channels": {"email": {}, "push": {}}, "policy": {"topics_default": "opt_out"},
  "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
  "messages": {"welcome": {"variants": {
    "email": {"subject": "Welcome, {{ customer.first_name }}!", "text": "Look around. {{ unsubscribe_url }}"},
    "push": {"title": "Welcome!", "body": "Have a look around."}}}},
  "journeys": {"welcome": {"trigger": {"event": "Signed Up"}, "entry": "once", "steps": [
    {"id": "greet", "cascade": {"message": "welcome", "attempts": [{"channels": ["email"], "wait": "2d"}, {}]}}]}}
}"#;

#[derive(Debug)]
struct Print(ChannelSpec);

#[async_trait]
impl Channel for Print {
    fn spec(&self) -> &ChannelSpec {
        &self.0
    }
    async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
        println!("{} to {}: {:?}", envelope.channel.id, envelope.to, envelope.content.texts());
        Ok(Accepted::default())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (email, push) = (Print(ChannelSpec::new("email")), Print(ChannelSpec::new("push")));
    let engine = Engine::builder(Playbook::from_json(PLAYBOOK)?).channel(email).channel(push).build()?;
    futures::executor::block_on(async {
        let anna =
            Event::identify().user("42").with_trait("email", "anna@example.com").with_trait("first_name", "Anna");
        engine.ingest(anna).await?;
        engine.ingest(Event::track("Signed Up").user("42").id("m-1")).await?;
        println!("{:?}, next due {:?}", engine.run_due().await?, engine.next_due().await?);
        Ok(())
    })
}
