/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen network backend: tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xen_netback

#if !defined(_XEN_NETBACK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XEN_NETBACK_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

TRACE_EVENT(xen_netback_state,
	    TP_PROTO(const struct net_device *dev, int from, int to),
	    TP_ARGS(dev, from, to),
	    TP_STRUCT__entry(__string(name, dev->name)
			     __field(int, from)
			     __field(int, to)),
	    TP_fast_assign(__assign_str(name);
			   __entry->from = from;
			   __entry->to = to;),
	    TP_printk("%s: %d -> %d", __get_str(name), __entry->from,
		      __entry->to)
);

DECLARE_EVENT_CLASS(xen_netback_batch,
		    TP_PROTO(const struct net_device *dev, u32 queue,
			     u32 packets, u32 slots, u32 copies),
		    TP_ARGS(dev, queue, packets, slots, copies),
		    TP_STRUCT__entry(__string(name, dev->name)
				     __field(u32, queue)
				     __field(u32, packets)
				     __field(u32, slots)
				     __field(u32, copies)),
		    TP_fast_assign(__assign_str(name);
				   __entry->queue = queue;
				   __entry->packets = packets;
				   __entry->slots = slots;
				   __entry->copies = copies;),
		    TP_printk("%s: queue %u, %u packets, %u slots, %u copies",
			      __get_str(name), __entry->queue,
			      __entry->packets, __entry->slots,
			      __entry->copies)
);

DEFINE_EVENT(xen_netback_batch, xen_netback_tx_batch,
	     TP_PROTO(const struct net_device *dev, u32 queue, u32 packets,
		      u32 slots, u32 copies),
	     TP_ARGS(dev, queue, packets, slots, copies)
);

DEFINE_EVENT(xen_netback_batch, xen_netback_rx_flush,
	     TP_PROTO(const struct net_device *dev, u32 queue, u32 packets,
		      u32 slots, u32 copies),
	     TP_ARGS(dev, queue, packets, slots, copies)
);

#endif /* _XEN_NETBACK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
