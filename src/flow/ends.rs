//! The two ends of a flow, as the flow table looks them up.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Both endpoints, the lower first, so that either direction has the same. Quicker to compare
/// than addresses of which each may be of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    low: (u64, u64),
    high: (u64, u64),
    /// Both ports, and whether the addresses are IPv6.
    rest: u64,
}

impl Ends {
    pub(super) fn new(endpoints: [SocketAddr; 2]) -> Self {
        let number = |end: SocketAddr| match end.ip() {
            IpAddr::V4(ip) => ((0, u64::from(u32::from(ip))), end.port()),
            IpAddr::V6(ip) => (words(ip), end.port()),
        };
        let [one, two] = endpoints.map(number);
        let (low, high) = if one <= two { (one, two) } else { (two, one) };
        let is_ipv6 = u64::from(endpoints[0].is_ipv6());
        Self {
            low: low.0,
            high: high.0,
            rest: u64::from(low.1) << 32 | u64::from(high.1) << 16 | is_ipv6,
        }
    }
}

/// An address as two words, which need no more alignment than the ports.
fn words(ip: Ipv6Addr) -> (u64, u64) {
    let word = |bits: u128| u64::try_from(bits).unwrap_or_default();
    let bits = ip.to_bits();
    (word(bits >> 64), word(bits & u128::from(u64::MAX)))
}
