//! Kinds of devices.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Key;

/// What runs on a device: `context.device.type` of an event, whatever the case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// An iPhone or iPad.
    Ios,
    /// A phone or tablet with Android.
    Android,
    /// A browser.
    Web,
    /// Any other, by its own name in lower case, such as `tvos`.
    Other(Key),
}

/// What a client calls its device is cut here: it must not grow a record.
const LONGEST: usize = 32;

impl DeviceKind {
    /// From its name, in any case. `None` for an empty one.
    ///
    /// ```
    /// use throughline::DeviceKind;
    /// assert_eq!(DeviceKind::from_name("iOS"), Some(DeviceKind::Ios));
    /// assert_eq!(DeviceKind::from_name("browser"), Some(DeviceKind::Web));
    /// assert_eq!(DeviceKind::from_name("tvOS").unwrap().as_str(), "tvos");
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        Some(match () {
            () if name.is_empty() => return None,
            () if is(&["ios", "ipados", "iphone", "ipad", "iphone os"]) => DeviceKind::Ios,
            () if is(&["android"]) => DeviceKind::Android,
            () if is(&["web", "browser"]) => DeviceKind::Web,
            () => {
                let name: String = name.chars().flat_map(char::to_lowercase).take(LONGEST).collect();
                DeviceKind::Other(Key::new(name))
            }
        })
    }

    /// The name as playbooks write it.
    pub fn as_str(&self) -> &str {
        match self {
            DeviceKind::Ios => "ios",
            DeviceKind::Android => "android",
            DeviceKind::Web => "web",
            DeviceKind::Other(key) => key.as_str(),
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DeviceKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
