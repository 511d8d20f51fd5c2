/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed wrappers for the hypercalls that only a privileged domain may issue.
 *
 * Callers get one place that fills in the ABI version, one set of tracepoints
 * (events/xen_dom0) and Linux error codes; see Documentation/virt/xen/hypercall.rst.
 */
#ifndef _XEN_DOM0_H
#define _XEN_DOM0_H

#include <linux/types.h>

#include <xen/interface/xen.h>

struct xen_dm_op_buf;
struct xen_platform_op;

int xen_platform_op(struct xen_platform_op *op);
int xen_physdev_op(int cmd, void *arg);
long xen_memory_op(unsigned int cmd, void *arg);
int xen_dm_op(domid_t domid, unsigned int nr, struct xen_dm_op_buf *bufs);

#endif /* _XEN_DOM0_H */
