/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen block backend: tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xen_blkback

#if !defined(_XEN_BLKBACK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XEN_BLKBACK_TRACE_H

#include <linux/tracepoint.h>

#include "blkback.h"

#define show_op(op)						\
	__print_symbolic(op,					\
			 { XEN_BLKIF_OP_READ, "read" },		\
			 { XEN_BLKIF_OP_WRITE, "write" },	\
			 { XEN_BLKIF_OP_WRITE_BARRIER, "barrier" }, \
			 { XEN_BLKIF_OP_FLUSH_DISKCACHE, "flush" }, \
			 { XEN_BLKIF_OP_DISCARD, "discard" },	\
			 { XEN_BLKIF_OP_INDIRECT, "indirect" })

TRACE_DEFINE_ENUM(XEN_BLKIF_OP_READ);
TRACE_DEFINE_ENUM(XEN_BLKIF_OP_WRITE);
TRACE_DEFINE_ENUM(XEN_BLKIF_OP_WRITE_BARRIER);
TRACE_DEFINE_ENUM(XEN_BLKIF_OP_FLUSH_DISKCACHE);
TRACE_DEFINE_ENUM(XEN_BLKIF_OP_DISCARD);
TRACE_DEFINE_ENUM(XEN_BLKIF_OP_INDIRECT);

TRACE_EVENT(xen_blkback_request,
	TP_PROTO(const struct xen_blkback_queue *q,
		 const struct xen_blkif_req *req, int verdict),
	TP_ARGS(q, req, verdict),
	TP_STRUCT__entry(
		__string(device, dev_name(&q->conn->be->xdev->dev))
		__field(u64, id)
		__field(u64, sector)
		__field(u32, nr_sectors)
		__field(u16, nr_segs)
		__field(u16, queue)
		__field(u8, op)
		__field(u8, verdict)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->id = req->id;
		__entry->sector = req->sector;
		__entry->nr_sectors = req->nr_sectors;
		__entry->nr_segs = req->nr_segs;
		__entry->queue = q->index;
		__entry->op = req->op;
		__entry->verdict = verdict;
	),
	TP_printk("%s queue %u id %llu %s sector %llu + %u, %u segments: verdict %u",
		  __get_str(device), __entry->queue, __entry->id,
		  show_op(__entry->op), __entry->sector, __entry->nr_sectors,
		  __entry->nr_segs, __entry->verdict)
);

TRACE_EVENT(xen_blkback_response,
	TP_PROTO(const struct xen_blkback_queue *q,
		 const struct xen_blkif_req *req, int status),
	TP_ARGS(q, req, status),
	TP_STRUCT__entry(
		__string(device, dev_name(&q->conn->be->xdev->dev))
		__field(u64, id)
		__field(u16, queue)
		__field(s16, status)
		__field(u8, op)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->id = req->id;
		__entry->queue = q->index;
		__entry->status = status;
		__entry->op = req->op;
	),
	TP_printk("%s queue %u id %llu %s: status %d", __get_str(device),
		  __entry->queue, __entry->id, show_op(__entry->op),
		  __entry->status)
);

TRACE_EVENT(xen_blkback_copy,
	TP_PROTO(const struct xen_blkback_queue *q, u32 nr, u32 failed,
		 u64 bytes),
	TP_ARGS(q, nr, failed, bytes),
	TP_STRUCT__entry(
		__string(device, dev_name(&q->conn->be->xdev->dev))
		__field(u64, bytes)
		__field(u32, nr)
		__field(u32, failed)
		__field(u16, queue)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->bytes = bytes;
		__entry->nr = nr;
		__entry->failed = failed;
		__entry->queue = q->index;
	),
	TP_printk("%s queue %u: %u ops, %u failed, %llu bytes",
		  __get_str(device), __entry->queue, __entry->nr,
		  __entry->failed, __entry->bytes)
);

TRACE_EVENT(xen_blkback_push,
	TP_PROTO(const struct xen_blkback_queue *q, u32 nr, bool notify),
	TP_ARGS(q, nr, notify),
	TP_STRUCT__entry(
		__string(device, dev_name(&q->conn->be->xdev->dev))
		__field(u32, nr)
		__field(u16, queue)
		__field(bool, notify)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->nr = nr;
		__entry->queue = q->index;
		__entry->notify = notify;
	),
	TP_printk("%s queue %u: %u responses%s", __get_str(device),
		  __entry->queue, __entry->nr,
		  __entry->notify ? ", notify" : "")
);

TRACE_EVENT(xen_blkback_state,
	TP_PROTO(const struct xen_blkback *be, int from, int to),
	TP_ARGS(be, from, to),
	TP_STRUCT__entry(
		__string(device, dev_name(&be->xdev->dev))
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s: %u -> %u", __get_str(device), __entry->from, __entry->to)
);

#endif /* _XEN_BLKBACK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
