//! The interfaces there are.

use std::net::IpAddr;

use super::super::LinkType;
use super::error::{LiveError, reason};

/// An interface to capture from, as libpcap describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
// The system's flags, a bool each.
#[allow(clippy::struct_excessive_bools)]
pub struct Interface {
    /// The name, as `-i` takes it.
    pub name: String,
    /// What it is, in words; many interfaces have no description.
    pub description: Option<String>,
    /// Its IP addresses.
    pub addresses: Vec<IpAddr>,
    /// It is up.
    pub up: bool,
    /// It is running: as far as the system knows, there is a carrier.
    pub running: bool,
    /// It is loopback.
    pub loopback: bool,
    /// It is wireless.
    pub wireless: bool,
    /// What packets start with, where the system tells without opening the interface.
    pub link_type: Option<LinkType>,
}

/// All interfaces that libpcap could capture from, in its order: the likeliest first.
///
/// No permission is needed to list them.
///
/// # Errors
///
/// [`LiveError::List`].
pub fn interfaces() -> Result<Vec<Interface>, LiveError> {
    let devices = pcap::Device::list().map_err(|error| LiveError::List {
        reason: reason(&error),
    })?;
    Ok(devices.into_iter().map(Interface::from).collect())
}

/// The name among those of `interfaces` that is most like `name`, if one is like it: by at
/// most two letters changed, left out, added or exchanged, and fewer than it has.
pub fn nearest<'a>(name: &str, interfaces: &'a [Interface]) -> Option<&'a str> {
    let len = name.chars().count();
    let distances = interfaces.iter().map(|interface| {
        let distance = strsim::osa_distance(&name.to_lowercase(), &interface.name.to_lowercase());
        (distance, !interface.up, interface)
    });
    distances
        .filter(|&(distance, ..)| distance <= MAX_DISTANCE && distance < len)
        .min_by_key(|&(distance, down, _)| (distance, down))
        .map(|(.., interface)| &*interface.name)
}

impl From<pcap::Device> for Interface {
    fn from(device: pcap::Device) -> Self {
        let flags = &device.flags;
        Self {
            up: flags.is_up(),
            running: flags.is_running(),
            loopback: flags.is_loopback(),
            wireless: flags.is_wireless(),
            link_type: link_type(&device.name, flags.is_loopback()),
            addresses: device
                .addresses
                .iter()
                .map(|address| address.addr)
                .collect(),
            description: device.desc.filter(|text| !text.is_empty()),
            name: device.name,
        }
    }
}

/// By the hardware type that the kernel shows: as libpcap chooses for it, where that does
/// not depend on more.
#[cfg(target_os = "linux")]
fn link_type(name: &str, _loopback: bool) -> Option<LinkType> {
    if name == ANY {
        return Some(LinkType::LINUX_SLL2);
    }
    let hardware = std::fs::read_to_string(network_device(name)?.join("type")).ok()?;
    Some(match hardware.trim().parse().ok()? {
        // Ethernet, loopback
        1 | 772 => LinkType::ETHERNET,
        // Raw IP, tunnels (IPIP, IPv6, SIT, GRE), none (`tun`, WireGuard)
        519 | 768 | 769 | 776 | 778 | 65_534 => LinkType::RAW,
        801 => LinkType::IEEE802_11,
        802 => LinkType::IEEE802_11_PRISM,
        803 => LinkType::IEEE802_11_RADIOTAP,
        _ => return None,
    })
}

/// Loopback is known; other interfaces would have to be opened.
#[cfg(any(
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "dragonfly"
))]
fn link_type(_name: &str, loopback: bool) -> Option<LinkType> {
    loopback.then_some(LinkType::NULL)
}

/// Not known without opening the interface.
#[cfg(not(any(
    target_os = "linux",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "dragonfly"
)))]
fn link_type(_name: &str, _loopback: bool) -> Option<LinkType> {
    None
}

/// Where the kernel describes the network interface `name`; `None` when it has none of that
/// name, as those that only libpcap knows (`any`, `nflog`, `usbmon0`, …).
#[cfg(target_os = "linux")]
pub(super) fn network_device(name: &str) -> Option<std::path::PathBuf> {
    // A name with a separator would lead elsewhere.
    let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    let path = std::path::Path::new("/sys/class/net").join(name);
    (plain && path.exists()).then_some(path)
}

/// The pseudo-interface of Linux that gives the packets of all.
#[cfg(target_os = "linux")]
pub(super) const ANY: &str = "any";

/// Changes of a name up to which it is taken for a mistyped one.
const MAX_DISTANCE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, up: bool) -> Interface {
        Interface {
            name: name.to_owned(),
            description: None,
            addresses: Vec::new(),
            up,
            running: up,
            loopback: false,
            wireless: false,
            link_type: None,
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest_one() {
        let interfaces = [
            ("lo", true),
            ("eth1", false),
            ("eth0", true),
            ("wlp2s0", true),
        ]
        .map(|(name, up)| interface(name, up));
        for (typed, expected) in [
            ("eht0", Some("eth0")),
            ("ETH0", Some("eth0")),
            ("en0", Some("eth0")),
            // As far from one as from the other; one is up.
            ("eth7", Some("eth0")),
            ("lo0", Some("lo")),
            ("l0", Some("lo")),
            ("wlps20", Some("wlp2s0")),
            ("tun0", None),
            ("x", None),
            ("", None),
            ("localhost", None),
        ] {
            assert_eq!(nearest(typed, &interfaces), expected, "{typed}");
        }
        assert_eq!(nearest("lo", &[]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn loopback_is_listed_with_its_link_type_without_any_permission() {
        let Ok(interfaces) = interfaces() else {
            return eprintln!("left out: interfaces cannot be listed here");
        };
        for interface in &interfaces {
            match &*interface.name {
                "lo" => {
                    assert!(interface.loopback);
                    assert_eq!(interface.link_type, Some(LinkType::ETHERNET));
                }
                "any" => assert_eq!(interface.link_type, Some(LinkType::LINUX_SLL2)),
                _ => {}
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_never_leads_out_of_where_interfaces_are_described() {
        for name in ["", ".", "..", "../block", "any", "/"] {
            assert_eq!(network_device(name), None, "{name}");
        }
    }
}
