//! Finding a segment's flow, and bounding how many there are.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::ends::Ends;
use super::tracker::{Context, Flow, Reopening, Syn};
use super::{FlowInfo, FlowSink, TcpEnd, Worth};
use crate::limits::Limits;
use crate::time::{Moment, Timestamp};
use crate::wire::{Segment, TcpFlags};

/// All flows of a capture, with a state `S` of the layer above attached to each.
///
/// A flow is known by its two endpoints. Where connections with the same endpoints
/// exist side by side (in two VLANs, in two virtual networks), the encapsulation tells
/// them apart, unless the numbers of the segments show that it is one connection seen
/// in two places: tagged and untagged, or with another tag in each direction.
#[derive(Debug)]
pub struct FlowTable<S> {
    limits: Limits,
    hasher: RandomState,
    /// Index into `slots` of the first flow with given endpoints.
    index: HashTable<u32>,
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
    /// Ended flows, oldest first; they stay a while to take in stray packets.
    ended: VecDeque<Ended>,
    /// Where the search for a flow to give up goes on.
    hand: usize,
    /// What the flows in `slots` take.
    flows_bytes: usize,
    /// [`Limits::max_idle`] in nanoseconds.
    max_idle: u64,
    /// When flows that were silent too long were last looked for.
    swept: Moment,
    opened: u64,
    given_up: u64,
    given_up_for_memory: u64,
    expired: u64,
}

#[derive(Debug)]
struct Slot<S> {
    /// By itself on the heap, so that what a flow takes is free again once it is gone, and
    /// growth of the table moves none.
    flow: Option<Box<Flow<S>>>,
    /// The next flow with the same endpoints.
    next: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    slot: u32,
    number: u64,
    at: Timestamp,
}

impl<S> Slot<S> {
    /// Whether the flow here is between these two ends.
    fn is_between(&self, ends: &Ends) -> bool {
        let flow = self.flow.as_deref();
        flow.is_some_and(|flow| flow.ends == *ends)
    }
}

/// How long an ended flow stays in the table, in nanoseconds of capture time: a minute,
/// the TIME-WAIT of common systems.
const LINGER: u64 = 60_000_000_000;

/// Ended flows that stay at most, however young.
const MAX_ENDED: usize = 1 << 14;

/// Flows with the same endpoints side by side. No network has more; the one silent
/// longest is given up.
const MAX_SIBLINGS: usize = 64;

/// Flows looked at to find one to give up.
const EVICTION_SAMPLE: usize = 32;

/// Looks for silent flows in the time that they may be silent.
const SWEEPS: u64 = 16;

/// Slots that a look for silent flows may take per packet, so that times which leap to and
/// fro do not make the run quadratic.
const SWEPT_PER_PACKET: u64 = 16;

impl<S: Default> FlowTable<S> {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: RandomState::default(),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            ended: VecDeque::new(),
            hand: 0,
            flows_bytes: 0,
            max_idle: u64::try_from(limits.max_idle.as_nanos()).unwrap_or(u64::MAX),
            swept: Moment::default(),
            opened: 0,
            given_up: 0,
            given_up_for_memory: 0,
            expired: 0,
        }
    }

    /// Connections seen so far.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Connections given up because the table was full, [`Limits::max_flows`].
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Connections given up because all together held more than [`Limits::max_memory`].
    pub fn given_up_for_memory(&self) -> u64 {
        self.given_up_for_memory
    }

    /// Connections forgotten because they were silent for [`Limits::max_idle`].
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// Bytes that the table and all flows in it hold, with the state of the layer above.
    pub fn memory(&self) -> usize {
        self.flows_bytes
            + self.slots.capacity() * size_of::<Slot<S>>()
            + self.index.allocation_size()
            + self.free.capacity() * size_of::<u32>()
            + self.ended.capacity() * size_of::<Ended>()
    }

    /// Takes one segment and tells `sink` what it did. Returns the number of its flow.
    pub fn push<K>(&mut self, segment: &Segment<'_>, at: Moment, sink: &mut K) -> Option<u64>
    where
        K: FlowSink<State = S>,
    {
        let limits = self.limits;
        let mut cx = Context {
            sink,
            limits: &limits,
            at,
        };
        self.forget_ended(at.time);
        self.forget_idle(&mut cx);
        let slot = self.slot_for(segment, &mut cx);
        self.push_to(slot, segment, &mut cx);
        self.count_bytes::<K>(slot);
        let flow = self.slots[slot as usize].flow.as_deref();
        let number = flow.map(|flow| flow.info.number);
        if self.memory() > limits.max_memory {
            self.give_up_for_memory_until(limits.max_memory / 8 * 7, &mut cx);
        }
        number
    }

    /// Takes a segment of the flow in `slot`.
    fn push_to<K>(&mut self, slot: u32, segment: &Segment<'_>, cx: &mut Context<'_, K>)
    where
        K: FlowSink<State = S>,
    {
        let at = cx.at;
        let number = self.opened + 1;
        let Some(flow) = self.slots[slot as usize].flow.as_deref_mut() else {
            return;
        };
        if let Some(syn) = flow.reopening.take() {
            if syn.is_confirmed_by(segment) {
                flow.finish(cx);
                let ends = [syn.source, syn.destination];
                flow.replace(new_flow(number, ends, syn.at, segment));
                self.opened = number;
                flow.reopen(&syn, cx);
            } else {
                flow.reopening = Some(syn);
            }
        }
        let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
        if opens {
            match flow.judge_syn(segment) {
                Syn::Known => {}
                Syn::Opens => {
                    flow.finish(cx);
                    let ends = [segment.source, segment.destination];
                    flow.replace(new_flow(number, ends, at, segment));
                    self.opened = number;
                }
                Syn::MayOpen => {
                    flow.reopening = Some(Box::new(Reopening::new(segment, at)));
                    return;
                }
            }
        }
        let was_ended = flow.ended;
        flow.push(segment, cx);
        if flow.ended && !was_ended {
            self.ended.push_back(Ended {
                slot,
                number: flow.info.number,
                at: at.time,
            });
        }
    }

    /// The capture is over: ends every flow, in order of first packet.
    pub fn finish<K>(&mut self, at: Moment, sink: &mut K)
    where
        K: FlowSink<State = S>,
    {
        let limits = self.limits;
        let mut cx = Context {
            sink,
            limits: &limits,
            at,
        };
        let open = self.slots.iter().enumerate().filter_map(|(place, slot)| {
            let flow = slot.flow.as_ref().filter(|flow| !flow.ended)?;
            Some((flow.info.number, place))
        });
        let mut open: Vec<_> = open.collect();
        open.sort_unstable();
        for (_, place) in open {
            if let Some(mut flow) = self.slots[place].flow.take() {
                flow.finish(&mut cx);
            }
        }
        self.slots.clear();
        self.index.clear();
        self.free.clear();
        self.ended.clear();
        self.flows_bytes = 0;
    }

    /// Brings the count of bytes up to date, after the flow in `slot` took a segment.
    fn count_bytes<K: FlowSink<State = S>>(&mut self, slot: u32) {
        if let Some(flow) = self.slots[slot as usize].flow.as_deref_mut() {
            let bytes = size_of::<Flow<S>>() + flow.heap_bytes::<K>();
            self.flows_bytes = self.flows_bytes - flow.counted_bytes + bytes;
            flow.counted_bytes = bytes;
        }
    }

    /// The slot of the flow that `segment` belongs to, a new one if there is none.
    fn slot_for<K>(&mut self, segment: &Segment<'_>, cx: &mut Context<'_, K>) -> u32
    where
        K: FlowSink<State = S>,
    {
        let ends = Ends::new([segment.source, segment.destination]);
        let hash = self.hasher.hash_one(ends);
        let slots = &self.slots;
        let head = self
            .index
            .find(hash, |&slot| slots[slot as usize].is_between(&ends))
            .copied();
        if let Some(head) = head {
            if let Some(slot) = self.sibling(head, |flow| flow.knows(segment.encapsulation)) {
                return slot;
            }
            let agrees = |flow: &Flow<S>| flow.may_wear(segment) && flow.agrees_with(segment);
            if let Some(slot) = self.sibling(head, agrees) {
                if let Some(flow) = &mut self.slots[slot as usize].flow {
                    flow.learn(segment);
                }
                return slot;
            }
            if self.siblings(head).count() >= MAX_SIBLINGS {
                self.give_up_among(self.siblings(head).collect(), cx);
            }
        }
        if self.slots.len() - self.free.len() >= self.limits.max_flows.max(1) {
            self.give_up_one(cx);
        }
        self.insert(hash, segment, cx.at)
    }

    fn insert(&mut self, hash: u64, segment: &Segment<'_>, at: Moment) -> u32 {
        self.opened += 1;
        let endpoints = [segment.source, segment.destination];
        let flow = new_flow(self.opened, endpoints, at, segment);
        let ends = flow.ends;
        let mut slot = Slot {
            flow: Some(Box::new(flow)),
            next: None,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            // `max_flows` keeps the count of slots far below 2^32.
            u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
        });
        let (slots, hasher) = (&self.slots, &self.hasher);
        // The head may just have been given up, so it is looked up again.
        match self
            .index
            .find_mut(hash, |&slot| slots[slot as usize].is_between(&ends))
        {
            Some(head) => slot.next = Some(std::mem::replace(head, place)),
            None => {
                self.index.insert_unique(hash, place, |&slot| {
                    let flow = slots[slot as usize].flow.as_deref();
                    flow.map_or(0, |flow| hasher.hash_one(flow.ends))
                });
            }
        }
        if let Some(free) = self.slots.get_mut(place as usize) {
            *free = slot;
        } else {
            self.slots.push(slot);
        }
        place
    }

    fn siblings(&self, head: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(head), |&slot| self.slots[slot as usize].next)
    }

    fn sibling(&self, head: u32, wanted: impl Fn(&Flow<S>) -> bool) -> Option<u32> {
        self.siblings(head)
            .find(|&slot| self.flow(slot).is_some_and(&wanted))
    }

    fn flow(&self, slot: u32) -> Option<&Flow<S>> {
        self.slots[slot as usize].flow.as_deref()
    }

    /// Frees a slot; the flow in it must have been finished.
    fn remove(&mut self, slot: u32) {
        let Some(flow) = self.slots[slot as usize].flow.as_deref() else {
            return;
        };
        let ends = flow.ends;
        let hash = self.hasher.hash_one(ends);
        let next = self.slots[slot as usize].next;
        let slots = &self.slots;
        let entry = self
            .index
            .find_entry(hash, |&head| slots[head as usize].is_between(&ends));
        if let Ok(mut entry) = entry {
            let head = *entry.get();
            if head != slot {
                let before = self
                    .siblings(head)
                    .find(|&at| self.slots[at as usize].next == Some(slot));
                if let Some(before) = before {
                    self.slots[before as usize].next = next;
                }
            } else if let Some(next) = next {
                *entry.get_mut() = next;
            } else {
                entry.remove();
            }
        }
        let slot_of_flow = &mut self.slots[slot as usize];
        slot_of_flow.next = None;
        if let Some(flow) = slot_of_flow.flow.take() {
            self.flows_bytes -= flow.counted_bytes;
        }
        self.free.push(slot);
    }

    fn forget_ended(&mut self, now: Timestamp) {
        while let Some(&oldest) = self.ended.front() {
            let age = now.0.saturating_sub(oldest.at.0);
            if age < LINGER && self.ended.len() <= MAX_ENDED {
                break;
            }
            self.ended.pop_front();
            // The slot may hold a newer connection with the same addresses by now.
            let same = |flow: &Flow<S>| flow.info.number == oldest.number;
            if self.flow(oldest.slot).is_some_and(same) {
                self.remove(oldest.slot);
            }
        }
    }

    /// Makes room for one flow.
    fn give_up_one<K: FlowSink<State = S>>(&mut self, cx: &mut Context<'_, K>) {
        if let Some(oldest) = self.ended.front().copied() {
            self.forget_ended(Timestamp(oldest.at.0.saturating_add(LINGER)));
            if !self.free.is_empty() {
                return;
            }
        }
        let len = self.slots.len();
        let start = self.hand;
        self.hand = (start + EVICTION_SAMPLE) % len.max(1);
        let sample = (0..EVICTION_SAMPLE.min(len)).map(|step| (start + step) % len);
        let sample = sample.filter_map(|at| u32::try_from(at).ok()).collect();
        self.give_up_among(sample, cx);
    }

    /// Gives up the flow that was silent longest, those that the sink wants most last.
    fn give_up_among<K: FlowSink<State = S>>(&mut self, slots: Vec<u32>, cx: &mut Context<'_, K>) {
        let candidates = slots.into_iter().filter_map(|slot| {
            let flow = self.flow(slot)?;
            Some((K::worth(&flow.state), flow.info.last.packet, slot))
        });
        if let Some((_, _, slot)) = candidates.min() {
            self.given_up += u64::from(self.give_up(slot, cx));
        }
    }

    /// Ends the flow in `slot`, so that what waits is told, and frees the slot; says whether
    /// the flow was open.
    fn give_up<K: FlowSink<State = S>>(&mut self, slot: u32, cx: &mut Context<'_, K>) -> bool {
        let flow = self.slots[slot as usize].flow.as_deref_mut();
        let was_open = flow.is_some_and(|flow| {
            let was_open = !flow.ended;
            flow.finish(cx);
            was_open
        });
        self.remove(slot);
        was_open
    }

    /// Gives flows up until [`FlowTable::memory`] is at most `enough`, or none is left.
    ///
    /// First those that hold about their share, the average of all, or more: many small flows
    /// do not pay for a great one. Of flows that the sink does not want most half of it is
    /// enough, or else a flood of them, each below the average, would drive out those that it
    /// does.
    fn give_up_for_memory_until<K>(&mut self, enough: usize, cx: &mut Context<'_, K>)
    where
        K: FlowSink<State = S>,
    {
        let average = self.flows_bytes / (self.slots.len() - self.free.len()).max(1);
        let flows = (0..).zip(&self.slots).filter_map(|(place, slot)| {
            let flow = slot.flow.as_deref()?;
            let worth = if flow.ended {
                Worth::Nothing
            } else {
                K::worth(&flow.state)
            };
            let share = match worth {
                Worth::Wanted => average / 8 * 7,
                Worth::Nothing | Worth::Asked => average / 2,
            };
            let is_small = flow.counted_bytes < share;
            let last = flow.info.last.packet;
            Some(((is_small, !flow.ended, worth, last), place))
        });
        let mut flows: Vec<_> = flows.collect();
        flows.sort_unstable();
        for (_, slot) in flows {
            if self.memory() <= enough {
                break;
            }
            self.given_up_for_memory += u64::from(self.give_up(slot, cx));
        }
    }

    /// Forgets flows that were silent for [`Limits::max_idle`].
    ///
    /// Looks for them when a part of that time went by, or the clock went back, so a flow may
    /// stay a little longer.
    fn forget_idle<K: FlowSink<State = S>>(&mut self, cx: &mut Context<'_, K>) {
        let now = cx.at.time;
        // A clock that went back makes the difference wrap, and so greater than any time.
        if now.0.wrapping_sub(self.swept.time.0) < self.max_idle / SWEEPS {
            return;
        }
        let packets = cx.at.packet.saturating_sub(self.swept.packet);
        if packets.saturating_mul(SWEPT_PER_PACKET) < self.slots.len() as u64 {
            return;
        }
        self.swept = cx.at;
        let max_idle = self.max_idle;
        let idle = (0..).zip(&self.slots).filter_map(|(place, slot)| {
            let flow = slot.flow.as_deref().filter(|flow| !flow.ended)?;
            let silent = now.0.saturating_sub(flow.info.last.time.0);
            (silent >= max_idle).then_some((flow.info.number, place))
        });
        let mut idle: Vec<(u64, u32)> = idle.collect();
        idle.sort_unstable();
        for (_, slot) in idle {
            self.expired += u64::from(self.give_up(slot, cx));
        }
    }
}

fn new_flow<S: Default>(
    number: u64,
    endpoints: [SocketAddr; 2],
    first: Moment,
    segment: &Segment<'_>,
) -> Flow<S> {
    let info = FlowInfo {
        number,
        endpoints,
        first,
        last: first,
        opener: None,
        handshake: None,
        end: TcpEnd::Open,
        captured: [false; 2],
        segments: Default::default(),
    };
    Flow::new(info, S::default(), segment.encapsulation)
}
