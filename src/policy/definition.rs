//! The policy as data, and the building of its rules.

use std::sync::Arc;

use super::priors::{Industry, Region};
use super::rules::{MinimumGap, QuietHours, built_in};
use super::worth::NetWorth;
use super::{FrequencyCap, Holdout, Rule, Score};
use crate::customer::MessageClass;
use crate::primitives::fault::Node;
use crate::primitives::window::DailyWindow;
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, Needs, Span, Topic};

/// What no record of consent means (promise 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicMode {
    /// No record means no.
    OptIn,
    /// No record means yes.
    OptOut,
}

/// What an opt-out of a channel, or a complaint, stops there (promise 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutsStop {
    /// Marketing.
    Marketing,
    /// Transactional messages as well.
    Everything,
}

/// The modes of the topics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Topics {
    named: Arc<[(Topic, TopicMode)]>,
    other: TopicMode,
}

impl Topics {
    pub(super) fn mode(&self, topic: &Topic) -> TopicMode {
        self.named.iter().find(|(known, _)| known == topic).map_or(self.other, |(_, mode)| *mode)
    }
}

/// The rules and scores by which channels are chosen.
///
/// As JSON, every field optional:
///
/// ```json
/// {"zone": "Europe/London", "region": "europe", "industry": "e_commerce",
///  "topics": {"service": "opt_out"}, "topics_default": "opt_in", "opt_outs_stop": "marketing",
///  "frequency_caps": [{"at_most": 3, "rolling": "7d"}, {"at_most": 1, "calendar": "day", "channels": ["sms"]}],
///  "minimum_gap": {"any_channel": "1h", "same_channel": "24h"},
///  "quiet_hours": {"window": "22:00-08:00", "spread": "15m"},
///  "engagement_value": "0.50", "holdout": {"share": "5%", "salt": "2026"}}
/// ```
#[derive(Debug)]
pub struct Policy {
    pub(super) rules: Vec<Box<dyn Rule>>,
    pub(super) scores: Vec<Arc<dyn Score>>,
    pub(super) worth: NetWorth,
    pub(super) caps: Vec<FrequencyCap>,
    pub(super) gap: Option<MinimumGap>,
    pub(super) quiet: Option<QuietHours>,
    pub(super) topics: Topics,
    pub(super) opt_outs: OptOutsStop,
    holdout: Option<Holdout>,
    zone: Option<Zone>,
}

/// What a host adds to a policy's data.
#[derive(Debug, Clone, Default)]
pub struct PolicyBuilder {
    pub(crate) rules: Vec<Arc<dyn Rule>>,
    pub(crate) scores: Vec<Arc<dyn Score>>,
}

impl PolicyBuilder {
    /// Adds a rule, asked after the built-in ones.
    pub fn with_rule(mut self, rule: impl Rule + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Adds a score to the net worth.
    pub fn with_score(mut self, score: impl Score + 'static) -> Self {
        self.scores.push(Arc::new(score));
        self
    }
}

impl Policy {
    /// Decodes the `policy` of a playbook; without one every default holds.
    pub(crate) fn decode(node: Option<&Node<'_>>, channels: &[ChannelId], host: &PolicyBuilder) -> Option<Self> {
        let mut policy = Policy {
            rules: Vec::new(),
            scores: host.scores.clone(),
            worth: NetWorth::default(),
            caps: Vec::new(),
            gap: None,
            quiet: None,
            topics: Topics { named: Arc::from([]), other: TopicMode::OptIn },
            opt_outs: OptOutsStop::Marketing,
            holdout: None,
            zone: None,
        };
        let whole = match node {
            Some(node) => policy.read(node, channels),
            None => Some(()),
        };
        policy.rules = built_in(&policy);
        policy.rules.extend(host.rules.iter().map(|rule| Box::new(rule.clone()) as Box<dyn Rule>));
        whole.map(|()| policy)
    }

    fn read(&mut self, node: &Node<'_>, channels: &[ChannelId]) -> Option<()> {
        let object = node.object(&[
            "zone",
            "region",
            "industry",
            "topics",
            "topics_default",
            "opt_outs_stop",
            "frequency_caps",
            "minimum_gap",
            "quiet_hours",
            "engagement_value",
            "holdout",
        ])?;
        let mut whole = Some(());
        if let Some(node) = object.get("zone") {
            self.zone = node.text().and_then(Zone::parse);
            if self.zone.is_none() {
                node.fault("expected an IANA time zone such as Europe/London");
                whole = None;
            }
        }
        if let Some(node) = object.get("holdout") {
            self.holdout = Holdout::decode_global(&node);
            whole = whole.filter(|()| self.holdout.is_some());
        }
        let modes = [("opt_in", TopicMode::OptIn), ("opt_out", TopicMode::OptOut)];
        if let Some(node) = object.get("topics_default") {
            self.topics.other = node.one_of(&modes)?;
        }
        if let Some(node) = object.get("opt_outs_stop") {
            let words = [("marketing", OptOutsStop::Marketing), ("everything", OptOutsStop::Everything)];
            self.opt_outs = node.one_of(&words)?;
        }
        if let Some(topics) = object.get("topics") {
            let named: Vec<_> =
                topics.open_object()?.fields().map(|(name, mode)| (name, mode.one_of(&modes))).collect();
            whole = whole.filter(|()| named.iter().all(|(_, mode)| mode.is_some()));
            self.topics.named = named.into_iter().filter_map(|(name, mode)| Some((Topic::new(name), mode?))).collect();
        }
        for cap in object.get("frequency_caps").map(|caps| caps.list()).unwrap_or(Some(Vec::new()))? {
            let decoded = FrequencyCap::decode(&cap);
            for unknown in decoded.iter().flat_map(|cap| &cap.channels).filter(|id| !channels.contains(id)) {
                cap.fault(format!("names the channel `{unknown}`, which the playbook does not define"));
            }
            whole = whole.filter(|()| decoded.is_some());
            self.caps.extend(decoded);
        }
        if let Some(gap) = object.get("minimum_gap") {
            let gap = gap.object(&["any_channel", "same_channel"])?;
            let span = |name| gap.get(name).map_or(Some(Span::ZERO), |node| node.parsed::<Span>());
            self.gap = Some(MinimumGap { any_channel: span("any_channel")?, same_channel: span("same_channel")? });
        }
        if let Some(quiet) = object.get("quiet_hours") {
            let quiet = quiet.object(&["window", "spread"])?;
            let window: DailyWindow = quiet.need("window")?.parsed()?;
            let spread = quiet.get("spread").map_or(Some(Span::minutes(15)), |node| node.parsed())?;
            self.quiet = Some(QuietHours { window, spread });
        }
        if let Some(region) = object.get("region") {
            self.worth.region = region.one_of(Region::WORDS)?;
        }
        if let Some(industry) = object.get("industry") {
            self.worth.industry = industry.one_of(Industry::WORDS)?;
        }
        if let Some(value) = object.get("engagement_value") {
            self.worth.engagement_value = super::worth::micros(value.decimal()?);
        }
        whole
    }

    /// Who gets no marketing at all.
    pub fn holdout(&self) -> Option<&Holdout> {
        self.holdout.as_ref()
    }

    /// The shop's zone.
    pub fn zone(&self) -> Option<Zone> {
        self.zone
    }

    /// The names of the rules, in the order in which they are asked.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rules.iter().map(|rule| rule.id())
    }

    /// What no record of consent means for a topic.
    pub fn topic_mode(&self, topic: &Topic) -> TopicMode {
        self.topics.mode(topic)
    }

    /// How a message of this class heeds opt-outs and complaints: as marketing does, where the shop says so.
    pub(crate) fn heeds_as(&self, class: MessageClass) -> MessageClass {
        match self.opt_outs {
            OptOutsStop::Marketing => class,
            OptOutsStop::Everything => MessageClass::Marketing,
        }
    }

    /// What opt-outs and complaints stop.
    pub fn opt_outs_stop(&self) -> OptOutsStop {
        self.opt_outs
    }

    /// What the rules and scores read.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.rules.iter().for_each(|rule| needs.merge(rule.needs()));
        self.scores.iter().for_each(|score| needs.merge(score.needs()));
        needs
    }
}

impl Rule for Arc<dyn Rule> {
    fn id(&self) -> &'static str {
        (**self).id()
    }

    fn check(&self, ask: &super::Ask<'_>, candidate: &super::Candidate<'_>) -> super::Verdict {
        (**self).check(ask, candidate)
    }

    fn witness(&self, ask: &super::Ask<'_>, candidate: &super::Candidate<'_>, out: &mut Vec<super::Witness>) {
        (**self).witness(ask, candidate, out);
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }
}
