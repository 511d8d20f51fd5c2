/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xen_privcmd

#if !defined(_XEN_PRIVCMD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XEN_PRIVCMD_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(xen_privcmd_ioctl,
	    TP_PROTO(unsigned int nr, long ret),
	    TP_ARGS(nr, ret),
	    TP_STRUCT__entry(__field(unsigned int, nr)
			     __field(long, ret)),
	    TP_fast_assign(__entry->nr = nr;
			   __entry->ret = ret),
	    TP_printk("nr %u ret %ld", __entry->nr, __entry->ret)
);

#endif /* _XEN_PRIVCMD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
