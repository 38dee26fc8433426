//! Link-layer header types, as numbered in capture files.

use std::fmt;

/// A link-layer header type: what the first byte of a packet belongs to.
///
/// The values are those of the registry kept with the capture file formats
/// (draft-ietf-opsawg-pcaplinktype, `LINKTYPE_…`), not the `DLT_…` values of one
/// operating system. The two differ for raw IP only, and files have all of its
/// values: [`LinkType::is_raw_ip`] knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Whether packets start with an IP header, of version 4 or 6 by its first nibble.
    pub fn is_raw_ip(self) -> bool {
        matches!(
            self,
            Self::RAW | Self::IPV4 | Self::IPV6 | Self::DLT_RAW | Self::DLT_RAW_OPENBSD
        )
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Writes each link type once, and makes of it a constant and a name.
macro_rules! link_types {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal,)*) => {
        impl LinkType {
            $($(#[doc = $doc])* pub const $name: Self = Self($value);)*

            /// Name in the registry, without `LINKTYPE_`, for those that wsdump reads
            /// and those a user is likely to meet.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing machine.
    NULL = 0,
    /// IEEE 802.3 Ethernet.
    ETHERNET = 1,
    /// AX.25, amateur packet radio.
    AX25 = 3,
    /// Token Ring.
    IEEE802_5 = 6,
    /// ARCNET as BSD records it.
    ARCNET_BSD = 7,
    /// SLIP, with a link-layer header that BPF adds.
    SLIP = 8,
    /// PPP, with or without HDLC-like framing (RFC 1661, RFC 1662).
    PPP = 9,
    /// FDDI.
    FDDI = 10,
    /// Raw IP, as programs write it that put their system's `DLT_RAW` into the file.
    DLT_RAW = 12,
    /// Raw IP, as [`LinkType::DLT_RAW`], on `OpenBSD`.
    DLT_RAW_OPENBSD = 14,
    /// PPP in HDLC-like framing, or Cisco HDLC (RFC 1662).
    PPP_HDLC = 50,
    /// `PPPoE`: a PPP session, the `PPPoE` header first (RFC 2516).
    PPP_ETHER = 51,
    /// ATM with LLC/SNAP (RFC 1483).
    ATM_RFC1483 = 100,
    /// Raw IP, version 4 or 6 by its first nibble.
    RAW = 101,
    /// Cisco HDLC.
    C_HDLC = 104,
    /// Wireless LAN, without radio information.
    IEEE802_11 = 105,
    /// Frame Relay.
    FRELAY = 107,
    /// `OpenBSD` loopback: as [`LinkType::NULL`], always in network byte order.
    LOOP = 108,
    /// `OpenBSD` `IPsec`, with a header that says which transformation was applied.
    ENC = 109,
    /// Linux cooked capture v1, of the `any` device.
    LINUX_SLL = 113,
    /// `LocalTalk`.
    LTALK = 114,
    /// `OpenBSD` packet filter log.
    PFLOG = 117,
    /// Wireless LAN after a Prism header.
    IEEE802_11_PRISM = 119,
    /// IP over Fibre Channel (RFC 2625).
    IP_OVER_FC = 122,
    /// ATM as `SunATM` devices record it.
    SUNATM = 123,
    /// Wireless LAN after a radiotap header.
    IEEE802_11_RADIOTAP = 127,
    /// Tazmen Sniffer Protocol.
    TZSP = 128,
    /// ARCNET as Linux records it.
    ARCNET_LINUX = 129,
    /// Apple's IP over `FireWire`.
    APPLE_IP_OVER_IEEE1394 = 138,
    /// SS7 MTP2 after a pseudo-header.
    MTP2_WITH_PHDR = 139,
    /// SS7 MTP2.
    MTP2 = 140,
    /// SS7 MTP3.
    MTP3 = 141,
    /// SS7 SCCP.
    SCCP = 142,
    /// Cable modem MAC frames.
    DOCSIS = 143,
    /// Linux infrared.
    LINUX_IRDA = 144,
    /// First of sixteen numbers for private use.
    USER0 = 147,
    /// Private use.
    USER1 = 148,
    /// Private use; early macOS captures of several interfaces have it.
    USER2 = 149,
    /// Private use.
    USER3 = 150,
    /// Private use.
    USER4 = 151,
    /// Private use.
    USER5 = 152,
    /// Private use.
    USER6 = 153,
    /// Private use.
    USER7 = 154,
    /// Private use.
    USER8 = 155,
    /// Private use.
    USER9 = 156,
    /// Private use.
    USER10 = 157,
    /// Private use.
    USER11 = 158,
    /// Private use.
    USER12 = 159,
    /// Private use.
    USER13 = 160,
    /// Private use.
    USER14 = 161,
    /// Private use.
    USER15 = 162,
    /// Wireless LAN after an AVS header.
    IEEE802_11_AVS = 163,
    /// `BACnet` MS/TP.
    BACNET_MS_TP = 165,
    /// PPP as the Linux daemon records it, with a direction in place of the address byte.
    PPP_PPPD = 166,
    /// GPRS logical link control.
    GPRS_LLC = 169,
    /// ISDN D channel, with Linux's header.
    LINUX_LAPD = 177,
    /// Multi-link Frame Relay.
    MFR = 182,
    /// USB as FreeBSD records it.
    USB_FREEBSD = 186,
    /// Bluetooth HCI.
    BLUETOOTH_HCI_H4 = 187,
    /// USB as Linux records it, 48-byte header.
    USB_LINUX = 189,
    /// CAN 2.0B.
    CAN20B = 190,
    /// Low-rate wireless as Linux records it.
    IEEE802_15_4_LINUX = 191,
    /// Per-Packet Information, mostly around wireless LAN.
    PPI = 192,
    /// Low-rate wireless, with checksum.
    IEEE802_15_4_WITHFCS = 195,
    /// Link types of SITA, after a pseudo-header.
    SITA = 196,
    /// Endace ERF records.
    ERF = 197,
    /// Bluetooth HCI after a direction.
    BLUETOOTH_HCI_H4_WITH_PHDR = 201,
    /// AX.25 after a KISS header.
    AX25_KISS = 202,
    /// ISDN D channel.
    LAPD = 203,
    /// PPP preceded by a direction byte.
    PPP_WITH_DIR = 204,
    /// Cisco HDLC preceded by a direction byte.
    C_HDLC_WITH_DIR = 205,
    /// Frame Relay preceded by a direction byte.
    FRELAY_WITH_DIR = 206,
    /// I2C as Linux records it.
    I2C_LINUX = 209,
    /// `FlexRay`, an automotive bus.
    FLEXRAY = 210,
    /// LIN, an automotive bus.
    LIN = 212,
    /// USB as Linux records it, 64-byte header.
    USB_LINUX_MMAPPED = 220,
    /// Fibre Channel FC-2.
    FC_2 = 224,
    /// Fibre Channel FC-2 with frame delimiters.
    FC_2_WITH_FRAME_DELIMS = 225,
    /// Solaris' record of IP, on loopback and in zones.
    IPNET = 226,
    /// CAN as Linux records it.
    CAN_SOCKETCAN = 227,
    /// Raw IPv4.
    IPV4 = 228,
    /// Raw IPv6.
    IPV6 = 229,
    /// Low-rate wireless, without checksum.
    IEEE802_15_4_NOFCS = 230,
    /// D-Bus messages.
    DBUS = 231,
    /// DVB common interface.
    DVB_CI = 235,
    /// 3GPP TS 27.010 multiplexing.
    MUX27010 = 236,
    /// Linux netfilter log: IP packets among attributes.
    NFLOG = 239,
    /// Ethernet after a Hilscher netANALYZER header.
    NETANALYZER = 240,
    /// As [`LinkType::NETANALYZER`], with the preamble.
    NETANALYZER_TRANSPARENT = 241,
    /// IP over `InfiniBand`.
    IPOIB = 242,
    /// MPEG-2 transport stream.
    MPEG_2_TS = 243,
    /// Near-field communication.
    NFC_LLCP = 245,
    /// `InfiniBand`.
    INFINIBAND = 247,
    /// SCTP without IP.
    SCTP = 248,
    /// USB as Windows' `USBPcap` records it.
    USBPCAP = 249,
    /// Serial lines, by Schweitzer devices.
    RTAC_SERIAL = 250,
    /// Bluetooth Low Energy.
    BLUETOOTH_LE_LL = 251,
    /// Messages without lower layers, exported by Wireshark.
    WIRESHARK_UPPER_PDU = 252,
    /// Linux netlink.
    NETLINK = 253,
    /// Bluetooth as Linux' monitor records it.
    BLUETOOTH_LINUX_MONITOR = 254,
    /// Bluetooth baseband.
    BLUETOOTH_BREDR_BB = 255,
    /// Bluetooth Low Energy after a pseudo-header.
    BLUETOOTH_LE_LL_WITH_PHDR = 256,
    /// PROFIBUS.
    PROFIBUS_DL = 257,
    /// Apple's record of several interfaces.
    PKTAP = 258,
    /// Ethernet with the preamble of a passive optical network.
    EPON = 259,
    /// Z-Wave, releases 1 and 2.
    ZWAVE_R1_R2 = 261,
    /// Z-Wave, release 3.
    ZWAVE_R3 = 262,
    /// Contactless cards.
    ISO_14443 = 264,
    /// USB as macOS records it.
    USB_DARWIN = 266,
    /// SDLC.
    SDLC = 268,
    /// `LoRa` after a `LoRaTap` header.
    LORATAP = 270,
    /// Linux sockets between virtual machines and their host.
    VSOCK = 271,
    /// Bluetooth Low Energy, by Nordic's sniffer.
    NORDIC_BLE = 272,
    /// DOCSIS, by Excentis' analyzer.
    DOCSIS31_XRA31 = 273,
    /// Ethernet with preamble and preemption (IEEE 802.3br).
    ETHERNET_MPACKET = 274,
    /// `DisplayPort` auxiliary channel.
    DISPLAYPORT_AUX = 275,
    /// Linux cooked capture v2.
    LINUX_SLL2 = 276,
    /// USB, by `OpenVizsla`.
    OPENVIZSLA = 278,
    /// Elektrobit's high-speed recorder.
    EBHSCR = 279,
    /// Trace of the VPP graph.
    VPP_DISPATCH = 280,
    /// Ethernet with a Broadcom switch tag.
    DSA_TAG_BRCM = 281,
    /// Ethernet after a Broadcom switch tag.
    DSA_TAG_BRCM_PREPEND = 282,
    /// Low-rate wireless after a metadata header.
    IEEE802_15_4_TAP = 283,
    /// Ethernet with a Marvell switch tag.
    DSA_TAG_DSA = 284,
    /// Ethernet with an extended Marvell switch tag.
    DSA_TAG_EDSA = 285,
    /// Lawful interception payload.
    ELEE = 286,
    /// Z-Wave between controller and host.
    Z_WAVE_SERIAL = 287,
    /// USB 2.0, 1.1 and 1.0 packets on the wire.
    USB_2_0 = 288,
    /// Digital television link layer.
    ATSC_ALP = 289,
    /// Windows event tracing.
    ETW = 290,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_the_name_and_the_number() {
        for (value, text) in [
            (1, "ETHERNET (1)"),
            (14, "DLT_RAW_OPENBSD (14)"),
            (127, "IEEE802_11_RADIOTAP (127)"),
            (249, "USBPCAP (249)"),
            (276, "LINUX_SLL2 (276)"),
            (65_535, "65535"),
        ] {
            assert_eq!(LinkType(value).to_string(), text);
        }
    }

    #[test]
    fn raw_ip_has_five_numbers() {
        let raw: Vec<u16> = (0..=u16::MAX)
            .filter(|&value| LinkType(value).is_raw_ip())
            .collect();
        assert_eq!(raw, [12, 14, 101, 228, 229]);
    }
}
