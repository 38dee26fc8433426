//! The tunnels and VLANs around a packet.

/// The tunnels and VLANs around a packet, folded into one number.
///
/// Two packets with the same stack of VLAN identifiers, VXLAN or GENEVE network
/// identifiers, GRE keys and `PPPoE` sessions have the same value, in every run; a
/// packet with none has [`Encapsulation::NONE`]. Identifiers that differ by direction
/// (MPLS labels, GTP-U tunnel endpoints, PPTP call numbers, outer addresses) are left
/// out, and so is what only says where a mirrored packet came from (ERSPAN).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Encapsulation(pub u64);

/// What an identifier identifies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Vlan = 1,
    Vxlan = 2,
    Geneve = 3,
    GreKey = 4,
    Pppoe = 5,
}

impl Encapsulation {
    /// No tunnel, no VLAN.
    pub const NONE: Self = Self(0);

    /// This, and one more layer inside it.
    pub(super) fn inside(self, kind: Kind, id: u32) -> Self {
        // The last steps of SplitMix64, which lose nothing: two layers never fold
        // into one number unless the layers around them differ.
        let mut bits = self.0 ^ ((kind as u64) << 32 | u64::from(id));
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 0 is taken.
        Self(bits.max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KINDS: [Kind; 5] = [
        Kind::Vlan,
        Kind::Vxlan,
        Kind::Geneve,
        Kind::GreKey,
        Kind::Pppoe,
    ];

    #[test]
    fn every_stack_of_identifiers_has_its_own_number() {
        let mut seen = HashSet::from([Encapsulation::NONE]);
        for outer in KINDS {
            for id in 0..50 {
                let one = Encapsulation::NONE.inside(outer, id);
                assert!(seen.insert(one), "{outer:?} {id}");
                for inner in KINDS {
                    for inner_id in 0..50 {
                        let two = one.inside(inner, inner_id);
                        assert!(seen.insert(two), "{outer:?} {id}, {inner:?} {inner_id}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_number_is_the_same_in_every_run() {
        assert_eq!(
            Encapsulation::NONE.inside(Kind::Vlan, 42),
            Encapsulation(5_622_980_244_967_290_147)
        );
    }
}
