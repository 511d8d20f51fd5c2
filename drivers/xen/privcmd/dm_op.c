// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOCTL_PRIVCMD_DM_OP: device emulation for one domain.
 *
 * The buffers are copied to kernel memory and back: they are few and small, so
 * this costs less than pinning user pages, nothing stays pinned, and neither
 * page faults nor another thread can disturb the hypercall.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include <xen/dom0.h>
#include <xen/interface/hvm/dm_op.h>
#include <xen/page.h>

#include "privcmd.h"

/* Injecting an interrupt, the most frequent operation, needs less. */
#define PC_DM_STACK_SIZE	128

struct pc_dm_op {
	unsigned int nr;
	struct privcmd_dm_op_buf user[PC_DM_MAX_BUFS];
	unsigned int offset[PC_DM_MAX_BUFS];
	unsigned int size;
};

static int pc_dm_layout(const struct privcmd_dm_op *arg, struct pc_dm_op *dm)
{
	struct pc_dm_layout layout = {};
	unsigned int i;
	int ret;

	if (arg->num > PC_DM_MAX_BUFS)
		return -E2BIG;
	if (copy_from_user(dm->user, arg->ubufs,
			   arg->num * sizeof(dm->user[0])))
		return -EFAULT;
	for (i = 0; i < arg->num; i++) {
		ret = pc_dm_place(&layout, dm->user[i].size, &dm->offset[i]);
		if (ret)
			return ret;
	}
	dm->nr = arg->num;
	dm->size = layout.size;

	return 0;
}

static int pc_dm_copy_in(const struct pc_dm_op *dm, u8 *mem,
			 struct xen_dm_op_buf *bufs)
{
	unsigned int i;

	for (i = 0; i < dm->nr; i++) {
		if (copy_from_user(mem + dm->offset[i], dm->user[i].uptr,
				   dm->user[i].size))
			return -EFAULT;
		set_xen_guest_handle(bufs[i].h, mem + dm->offset[i]);
		bufs[i].size = dm->user[i].size;
	}

	return 0;
}

/* Which buffers are results depends on the operation, so all go back. */
static int pc_dm_copy_out(const struct pc_dm_op *dm, const u8 *mem)
{
	unsigned int i;

	for (i = 0; i < dm->nr; i++)
		if (copy_to_user(dm->user[i].uptr, mem + dm->offset[i],
				 dm->user[i].size))
			return -EFAULT;

	return 0;
}

static long pc_dm_run(const struct pc_dm_op *dm, domid_t domid, u8 *mem)
{
	struct xen_dm_op_buf bufs[PC_DM_MAX_BUFS];
	long ret, err;

	ret = pc_dm_copy_in(dm, mem, bufs);
	if (ret)
		return ret;
	ret = xen_dm_op(domid, dm->nr, bufs);
	err = pc_dm_copy_out(dm, mem);

	return err ? err : ret;
}

/**
 * pc_ioctl_dm_op() - IOCTL_PRIVCMD_DM_OP
 * @pf: open file
 * @data: &struct privcmd_dm_op
 * @udata: not used
 *
 * Context: Process context.
 * Return: What the hypervisor returns, -E2BIG for more than PC_DM_MAX_BUFS
 *	   buffers or one of more than PC_DM_MAX_BUF_SIZE bytes, -EFAULT if a
 *	   buffer cannot be read and written, or -ENOMEM.
 */
long pc_ioctl_dm_op(struct pc_file *pf, void *data, void __user *udata)
{
	u64 stack[PC_DM_STACK_SIZE / sizeof(u64)];
	const struct privcmd_dm_op *arg = data;
	struct pc_dm_op dm;
	u8 *mem;
	long ret;

	if (!arg->num)
		return 0;
	ret = pc_dm_layout(arg, &dm);
	if (ret)
		return ret;
	if (dm.size <= sizeof(stack))
		return pc_dm_run(&dm, arg->dom, (u8 *)stack);

	mem = kvmalloc(dm.size, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	ret = pc_dm_run(&dm, arg->dom, mem);
	kvfree(mem);

	return ret;
}
