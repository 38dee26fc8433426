"""Capture file formats, all from the packets of `chat.pcap`."""

import struct

from .links import sll2, stripped
from .pcapfile import Packet, Pcapng, gzipped, pcap, read_pcap, zstd_stored
from .registry import made, source


def chat() -> list[Packet]:
    return read_pcap(source('chat.pcap'))


def nanosecond_chat() -> list[Packet]:
    """With something below the microsecond."""
    return [Packet(p.time + 10 + number, p.data) for number, p in enumerate(chat())]


def plain_pcapng() -> bytes:
    section = Pcapng()
    section.interface(name='lo')
    for packet in chat():
        section.enhanced(packet)
    return section.section()


@made('chat_be.pcap', 'pcap, µs, big-endian')
def big_endian():
    return pcap(chat(), order='>')


@made('chat_ns.pcap', 'pcap, ns, little-endian')
def nanoseconds():
    return pcap(nanosecond_chat(), nano=True)


@made('chat_ns_be.pcap', 'pcap, ns, big-endian')
def nanoseconds_big_endian():
    return pcap(nanosecond_chat(), nano=True, order='>')


@made('chat_modified.pcap', 'pcap with magic 0xa1b2cd34: eight more bytes in each packet header')
def modified():
    return pcap(chat(), modified=True)


@made('chat.pcapng', 'pcapng, one section, one interface')
def pcapng():
    return plain_pcapng()


@made(
    'chat_sections.pcapng',
    'pcapng, two sections of different byte order, the second of stated length',
)
def sections():
    packets = chat()
    first, second = Pcapng('<'), Pcapng('>')
    first.interface(name='lo')
    for packet in packets[:9]:
        first.enhanced(packet)
    second.interface(name='lo', tsresol=9)
    second.names()
    for packet in packets[9:]:
        second.enhanced(packet)
    return first.section() + second.section(stated_length=True)


@made(
    'chat_interfaces.pcapng',
    'pcapng, interfaces of three link types (Ethernet, raw IP, Linux cooked v2) with `if_tsresol` '
    '10^-9, 2^-20 and none, one with `if_tsoffset`; packets in all three packet blocks, other '
    'blocks between (names, statistics, custom, secrets, an unknown type); packet 9 has no time',
)
def interfaces():
    section = Pcapng()
    section.interface(1, name='eth0', tsresol=9, tsoffset=1_000_000_000)
    section.interface(101, name='tun0', tsresol=0x80 | 20)
    section.interface(276, name='any')
    section.names()
    section.secrets(b'# a key log without keys\n')
    for number, packet in enumerate(chat(), 1):
        wrapped = (
            packet.data,
            stripped(packet.data),
            sll2(stripped(packet.data)),
        )
        interface = number % 3
        packet = Packet(packet.time, wrapped[interface])
        if number == 9:
            section.simple(packet)
        elif number % 4 == 0:
            section.obsolete(packet, interface)
        else:
            section.enhanced(packet, interface, comment=f'packet {number}' if number == 4 else '')
        if number == 5:
            section.custom(b'anything at all')
        if number == 7:
            section.block(0x7AAA_AAAA, bytes(range(20)))
    for interface in range(3):
        section.statistics(interface, chat()[-1].time)
    return section.section(comment='three interfaces')


@made(
    'chat_be_interfaces.pcapng',
    'The same kinds of block in a big-endian section, one interface in 2^-30 s',
)
def big_endian_blocks():
    section = Pcapng('>')
    section.interface(name='lo', tsresol=0x80 | 30)
    section.block(0x7AAA_AAAA, bytes(20))
    for number, packet in enumerate(chat(), 1):
        if number % 4 == 0:
            section.obsolete(packet)
        else:
            section.enhanced(packet)
    section.secrets(b'# a key log without keys\n')
    return section.section()


@made('chat_simple.pcapng', 'pcapng of Simple Packet Blocks only: no packet has a time')
def simple_blocks():
    section = Pcapng()
    section.interface()
    for packet in chat():
        section.simple(packet)
    return section.section()


@made('chat.pcap.gz', 'gzip')
def gzip():
    return gzipped(source('chat.pcap'))


@made('chat_members.pcap.gz', 'gzip in two members, cut inside a packet')
def gzip_members():
    data = source('chat.pcap')
    return gzipped(data[:700]) + gzipped(data[700:])


@made('chat.pcapng.zst', 'Zstandard')
def zstd():
    return zstd_stored(plain_pcapng())


@made('chat_part1.pcap', 'First of two rotated files: up to the 101')
def part1():
    return pcap(chat()[:6])


@made('chat_part2.pcap', 'Second of two rotated files: from there')
def part2():
    return pcap(chat()[6:])


@made('chat_cut.pcap', 'Ends in the middle of packet 13, the Close frame')
def cut():
    return pcap(chat()[:13])[:-20]


@made('chat_cut_header.pcap', 'Ends in the middle of the header of packet 11')
def cut_in_packet_header():
    return pcap(chat()[:10]) + bytes(7)


@made('chat_cut.pcapng', 'Ends in the middle of the block of the last packet')
def cut_block():
    return plain_pcapng()[:-30]


@made('chat_cut.pcap.gz', 'The gzip file, cut')
def cut_gzip():
    return gzipped(source('chat.pcap'))[:700]


@made('chat_snapped.pcap', 'Packets cut to 68 bytes; the headers state the original length')
def snapped():
    return pcap([Packet(p.time, p.data[:68], len(p.data)) for p in chat()])


@made('chat_bad_length.pcap', 'Packet 5 claims to hold 2 GiB')
def bad_length():
    packets = chat()
    return pcap(packets[:4]) + struct.pack('<IIII', 1_795_282_136, 0, 0x7FFF_FFFF, 66) + bytes(66)


@made('chat_back_in_time.pcap', 'The clock was set back by ten seconds after packet 9')
def back_in_time():
    packets = chat()
    return pcap(packets[:9] + [Packet(p.time - 10**10, p.data) for p in packets[9:]])
