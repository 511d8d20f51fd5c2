// SPDX-License-Identifier: GPL-2.0-only
/* IOCTL_PRIVCMD_HYPERCALL: any hypercall, as the caller gives it. */

#include <linux/limits.h>

#include <asm/xen/hypercall.h>

#include <xen/xen-ops.h>

#include "privcmd.h"

/**
 * pc_ioctl_hypercall() - IOCTL_PRIVCMD_HYPERCALL
 * @pf: open file, not restricted
 * @data: &struct privcmd_hypercall
 * @udata: not used
 *
 * The arguments are addresses in the caller's memory as often as not, and go
 * to the hypervisor as they are. It checks them; a page that is not present
 * gives -EFAULT, therefore callers put them into /dev/xen/hypercall mappings.
 *
 * Some of these calls run for seconds and are restarted by the hypervisor
 * again and again. In between, a kernel without preemption may reschedule.
 *
 * Context: Process context.
 * Return: What the hypervisor returns.
 */
long pc_ioctl_hypercall(struct pc_file *pf, void *data, void __user *udata)
{
	const struct privcmd_hypercall *call = data;
	long ret;

	if (call->op > U32_MAX)
		return -EINVAL;

	xen_preemptible_hcall_begin();
	ret = privcmd_call(call->op, call->arg[0], call->arg[1], call->arg[2],
			   call->arg[3], call->arg[4]);
	xen_preemptible_hcall_end();

	return ret;
}
