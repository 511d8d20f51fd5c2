/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xen_dom0

#if !defined(_TRACE_XEN_DOM0_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_XEN_DOM0_H

#include <linux/tracepoint.h>

/*
 * @cmd is the sub-operation of the hypercall (XENPF_*, PHYSDEVOP_*, XENMEM_*)
 * or, for dm_op, the target domain; @ret is what the hypervisor returned.
 */
DECLARE_EVENT_CLASS(xen_priv_op,
		    TP_PROTO(unsigned int cmd, long ret),
		    TP_ARGS(cmd, ret),
		    TP_STRUCT__entry(__field(unsigned int, cmd)
				     __field(long, ret)),
		    TP_fast_assign(__entry->cmd = cmd;
				   __entry->ret = ret),
		    TP_printk("cmd %u ret %ld", __entry->cmd, __entry->ret)
);

DEFINE_EVENT(xen_priv_op, xen_platform_op,
	     TP_PROTO(unsigned int cmd, long ret),
	     TP_ARGS(cmd, ret)
);

DEFINE_EVENT(xen_priv_op, xen_physdev_op,
	     TP_PROTO(unsigned int cmd, long ret),
	     TP_ARGS(cmd, ret)
);

DEFINE_EVENT(xen_priv_op, xen_memory_op,
	     TP_PROTO(unsigned int cmd, long ret),
	     TP_ARGS(cmd, ret)
);

DEFINE_EVENT_PRINT(xen_priv_op, xen_dm_op,
		   TP_PROTO(unsigned int cmd, long ret),
		   TP_ARGS(cmd, ret),
		   TP_printk("domain %u ret %ld", __entry->cmd, __entry->ret)
);

#endif /* _TRACE_XEN_DOM0_H */

#include <trace/define_trace.h>
