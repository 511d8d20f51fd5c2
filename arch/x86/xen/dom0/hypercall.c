// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privileged hypercalls, one traced wrapper for each.
 *
 * The wrappers are built in even if every caller is a module: the tracepoints
 * and the hypercall entry then exist once.
 */

#include <linux/export.h>

#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>

#include <xen/dom0.h>
#include <xen/interface/platform.h>

#define CREATE_TRACE_POINTS
#include <trace/events/xen_dom0.h>

/**
 * xen_platform_op - issue a platform hypercall
 * @op: operation, in and out; @op->cmd is a XENPF_* number. The interface
 *	version is filled in here.
 *
 * Controls what belongs to the whole machine: firmware data, wallclock,
 * physical CPUs, power management. ABI: include/xen/interface/platform.h.
 *
 * Context: Any context in which tracing is allowed. Does not sleep, takes no
 *	    locks.
 * Return: 0 or a positive result that the command defines, else a negative
 *	   errno: -EPERM if this domain lacks the privilege, -ENOSYS if the
 *	   hypervisor does not know the command.
 */
int xen_platform_op(struct xen_platform_op *op)
{
	int ret;

	op->interface_version = XENPF_INTERFACE_VERSION;
	ret = HYPERVISOR_platform_op(op);
	trace_xen_platform_op(op->cmd, ret);

	return ret;
}
EXPORT_SYMBOL_GPL(xen_platform_op);

/**
 * xen_physdev_op - issue a physical device hypercall
 * @cmd: PHYSDEVOP_* number
 * @arg: the structure that goes with @cmd, in and out; NULL if it has none
 *
 * Interrupt routing, PCI device reporting and reset, MMCONFIG and debug port
 * hand-over. ABI: include/xen/interface/physdev.h.
 *
 * Context: Any context in which tracing is allowed. Does not sleep, takes no
 *	    locks.
 * Return: 0 on success, else a negative errno as given by the hypervisor.
 */
int xen_physdev_op(int cmd, void *arg)
{
	int ret = HYPERVISOR_physdev_op(cmd, arg);

	trace_xen_physdev_op(cmd, ret);

	return ret;
}
EXPORT_SYMBOL_GPL(xen_physdev_op);

/**
 * xen_memory_op - issue a memory hypercall on behalf of a privileged user
 * @cmd: XENMEM_* number
 * @arg: the structure that goes with @cmd, in and out
 *
 * For the commands that reach into another domain or into the machine, such as
 * XENMEM_acquire_resource and foreign XENMEM_add_to_physmap_range. ABI:
 * include/xen/interface/memory.h.
 *
 * Context: Any context in which tracing is allowed. Does not sleep, takes no
 *	    locks, but may run long: the hypervisor splits big requests and
 *	    lets interrupts in between the parts.
 * Return: 0 or a positive result that the command defines, else a negative
 *	   errno as given by the hypervisor.
 */
long xen_memory_op(unsigned int cmd, void *arg)
{
	long ret = HYPERVISOR_memory_op(cmd, arg);

	trace_xen_memory_op(cmd, ret);

	return ret;
}
EXPORT_SYMBOL_GPL(xen_memory_op);

/**
 * xen_dm_op - issue a device model hypercall
 * @domid: domain whose devices are emulated
 * @nr: number of buffers
 * @bufs: buffers, the first of which starts with the operation; in and out
 *
 * ABI: include/xen/interface/hvm/dm_op.h. The buffers must be in kernel memory
 * or be pinned: a page fault inside the hypercall is reported as -EFAULT.
 *
 * Context: Any context in which tracing is allowed. Does not sleep, takes no
 *	    locks.
 * Return: 0 on success, else a negative errno as given by the hypervisor.
 */
int xen_dm_op(domid_t domid, unsigned int nr, struct xen_dm_op_buf *bufs)
{
	int ret = HYPERVISOR_dm_op(domid, nr, bufs);

	trace_xen_dm_op(domid, ret);

	return ret;
}
EXPORT_SYMBOL_GPL(xen_dm_op);
