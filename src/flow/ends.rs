//! The two ends of a flow, as the flow table looks them up.

use std::net::{IpAddr, SocketAddr};

/// Both endpoints, the lower first, so that either direction has the same. Quicker to compare
/// than addresses of which each may be of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    low: u128,
    high: u128,
    /// Both ports, and whether the addresses are IPv6.
    rest: u64,
}

impl Ends {
    pub(super) fn new(endpoints: [SocketAddr; 2]) -> Self {
        let number = |end: SocketAddr| match end.ip() {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), end.port()),
            IpAddr::V6(ip) => (u128::from(ip), end.port()),
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
