//! The device that an event came from: `context.device` of the Segment Spec.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::parse::is_placeholder;
use super::{Event, EventKind};
use crate::primitives::{ChannelKind, DeviceKind, Key};

/// A device, as an event tells of it.
///
/// ```
/// use throughline::{Device, Event};
/// let phone = Device::of_kind("ios").with_id("6D92078A").with_token("740f4707");
/// let event = Event::track("Application Opened").user("42").from_device(phone);
/// assert_eq!(event.device.unwrap().kind.unwrap().as_str(), "ios");
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Device {
    /// Its push token.
    pub token: Option<Arc<str>>,
    /// The stable hash of its own id and of the app on it, by which a new token replaces the old one.
    pub id: Option<u64>,
    /// What runs on it.
    pub kind: Option<DeviceKind>,
}

impl Device {
    /// A device of which no more is known than what runs on it: `ios`, `android`, `web`, or another name.
    pub fn of_kind(kind: &str) -> Self {
        Device { kind: DeviceKind::from_name(kind), ..Device::default() }
    }

    /// With its push token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.trim().into()).filter(|token: &Arc<str>| !token.is_empty());
        self
    }

    /// With its own id; a placeholder is left out.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = (!is_placeholder(id)).then(|| Key::hash_of(id));
        self
    }

    pub(super) fn read(context: &Map<String, Json>) -> Option<Box<Device>> {
        let device = context.get("device")?;
        let mut read = text(device, "type").map(Device::of_kind).unwrap_or_default();
        if let Some(token) = text(device, "token") {
            read = read.with_token(token);
        }
        if let Some(id) = text(device, "id") {
            read = read.with_id(id);
            // All apps of a vendor see one id, and each has a token of its own.
            let app = context.get("app").and_then(|app| text(app, "namespace"));
            read.id = read.id.map(|id| id ^ app.map_or(0, |app| Key::hash_of(app).rotate_left(1)));
        }
        (read != Device::default()).then(|| Box::new(read))
    }

    /// What its token is for.
    pub fn channel(&self) -> ChannelKind {
        match self.kind {
            Some(DeviceKind::Web) => ChannelKind::WebPush,
            _ => ChannelKind::Push,
        }
    }
}

impl Event {
    /// Whether the device that it came from is the customer's no longer: the app was removed, or the customer signed out.
    pub fn leaves_device(&self) -> bool {
        self.kind == EventKind::Track
            && matches!(self.name.as_str(), "Application Uninstalled" | "Signed Out" | "Device Removed")
    }
}

fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// Without token and id (promise 2.5).
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("kind", &self.kind).field("token", &self.token.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(context: &str) -> Option<Box<Device>> {
        Device::read(serde_json::from_str::<Json>(context).unwrap().as_object().unwrap())
    }

    #[test]
    fn a_device_is_read_as_segment_writes_it() {
        let phone = read(
            r#"{"device": {"id": "B5372DB0", "advertisingId": "7A3CBEA0", "adTrackingEnabled": true, "manufacturer": "Apple",
                "model": "iPhone7,2", "name": "maguro", "type": "iOS", "token": "ff15bc0c20c4aa6cd50854ff165fd265"}}"#,
        );
        let wanted = Device::of_kind("ios").with_id("B5372DB0").with_token("ff15bc0c20c4aa6cd50854ff165fd265");
        assert_eq!(phone.as_deref(), Some(&wanted));
        assert_eq!(wanted.channel(), ChannelKind::Push);
        assert_eq!(read(r#"{"device": {"token": "t", "type": "browser"}}"#).unwrap().channel(), ChannelKind::WebPush);
        for nothing in ["{}", r#"{"device": 7}"#, r#"{"device": {"token": "", "id": 7, "type": null}}"#] {
            assert!(read(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn a_device_id_is_that_of_one_app_and_never_a_placeholder() {
        let id =
            |app: &str| read(&format!(r#"{{"device": {{"id": "D"}}, "app": {{"namespace": "{app}"}}}}"#)).unwrap().id;
        assert_eq!(id("com.shop.app"), id("com.shop.app"));
        assert_ne!(id("com.shop.app"), id("com.shop.outlet"));
        assert!(read(r#"{"device": {"id": "00000000-0000-0000-0000-000000000000"}}"#).is_none());
    }
}
