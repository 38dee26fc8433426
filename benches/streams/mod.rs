//! What connections carry, handed to a closure.

use std::hint::black_box;

use wsdump::anomaly::Anomaly;
use wsdump::flow::{FlowInfo, FlowSink, Side, StreamItem, TcpEvent, Worth};
use wsdump::time::Moment;

/// Takes what a flow table tells, and hands on the bytes of each side.
pub(crate) struct Streams<F>(pub(crate) F);

impl<F: FnMut(&FlowInfo, Side, StreamItem<'_>)> FlowSink for Streams<F> {
    type State = ();

    fn tcp(&mut self, _: &FlowInfo, (): &mut (), _: Side, event: &TcpEvent, _: Moment) {
        black_box(event);
    }

    fn stream(
        &mut self,
        flow: &FlowInfo,
        (): &mut (),
        side: Side,
        item: StreamItem<'_>,
        _: Moment,
    ) {
        (self.0)(flow, side, item);
    }

    fn anomaly(&mut self, _: &FlowInfo, (): &mut (), _: Side, anomaly: &Anomaly, _: Moment) {
        black_box(anomaly);
    }

    fn ended(&mut self, _: &FlowInfo, (): &mut (), _: Moment) {}

    fn wants_stream((): &()) -> bool {
        true
    }

    fn worth((): &()) -> Worth {
        Worth::Wanted
    }

    fn heap_bytes((): &()) -> usize {
        0
    }
}
