// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOCTL_PRIVCMD_MMAP_RESOURCE: maps what belongs to a domain without being its
 * memory, such as the grant table or the pages of an ioreq server.
 */

#include <linux/limits.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/xen/hypercall.h>

#include <xen/dom0.h>
#include <xen/interface/memory.h>
#include <xen/page.h>

#include "privcmd.h"

static long pc_resource_size(const struct privcmd_mmap_resource *res,
			     struct privcmd_mmap_resource __user *ures)
{
	struct xen_mem_acquire_resource xdata = {
		.domid = res->dom,
		.type = res->type,
		.id = res->id,
	};
	long ret;

	ret = xen_memory_op(XENMEM_acquire_resource, &xdata);
	if (ret)
		return ret;

	return put_user((u64)xdata.nr_frames, &ures->num) ? -EFAULT : 0;
}

static long pc_acquire(const struct privcmd_mmap_resource *res,
		       unsigned long done, xen_pfn_t *frames, unsigned int nr,
		       u32 *flags)
{
	struct xen_mem_acquire_resource xdata = {
		.domid = res->dom,
		.type = res->type,
		.id = res->id,
		.nr_frames = nr,
		.frame = res->idx + done,
	};
	long ret;

	set_xen_guest_handle(xdata.frame_list, frames);
	ret = xen_memory_op(XENMEM_acquire_resource, &xdata);
	*flags = xdata.flags;

	return ret;
}

/* Unlike with a batch, the caller gets all frames or an error. */
static int pc_first_error(const int *errs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (errs[i])
			return errs[i];

	return 0;
}

/*
 * The hypervisor returns machine frames, and says if they have become ours or
 * belong to the other domain: the mmu_update has to name the right owner.
 */
static long pc_resource_pv(const struct privcmd_mmap_resource *res,
			   const struct pc_request *req, unsigned long done,
			   struct pc_chunk *chunk, unsigned int nr)
{
	domid_t owner = res->dom;
	u32 flags;
	long ret;

	memset(chunk->frames, 0, nr * sizeof(*chunk->frames));
	ret = pc_acquire(res, done, chunk->frames, nr, &flags);
	if (ret)
		return ret;
	if (flags & XENMEM_rsrc_acq_caller_owned)
		owner = DOMID_SELF;
	ret = pc_pv_map(req, done, chunk, nr, owner, false);

	return ret ? ret : pc_first_error(chunk->errs, nr);
}

/* The hypervisor fills the places that we name. After an error some may be. */
static long pc_resource_xlate(const struct privcmd_mmap_resource *res,
			      const struct pc_request *req, unsigned long done,
			      struct pc_chunk *chunk, unsigned int nr)
{
	u32 flags;
	long ret;

	pc_xlate_places(req, done, chunk->frames, nr);
	ret = pc_acquire(res, done, chunk->frames, nr, &flags);
	if (ret)
		return ret;
	memset(chunk->errs, 0, nr * sizeof(*chunk->errs));

	return pc_xlate_insert(req, done, chunk->errs, nr);
}

static long pc_resource_run(const struct privcmd_mmap_resource *res,
			    const struct pc_request *req,
			    struct pc_chunk *chunk)
{
	unsigned long done;
	unsigned int nr;
	long ret = 0;

	for (done = 0; done < res->num && !ret; done += nr) {
		if (fatal_signal_pending(current))
			return -EINTR;
		nr = min_t(unsigned long, res->num - done, chunk->max);
		if (xen_pv_domain())
			ret = pc_resource_pv(res, req, done, chunk, nr);
		else
			ret = pc_resource_xlate(res, req, done, chunk, nr);
	}

	return ret;
}

static long pc_resource_map(const struct privcmd_mmap_resource *res)
{
	struct pc_request req;
	struct pc_chunk chunk;
	long ret;

	ret = pc_chunk_alloc(&chunk, res->num);
	if (ret)
		goto out;
	ret = pc_request_begin(&req, res->addr, res->num, false);
	if (ret)
		goto out;
	ret = pc_resource_run(res, &req, &chunk);
	pc_request_end(&req);
out:
	pc_chunk_free(&chunk);
	return ret;
}

/**
 * pc_ioctl_mmap_resource() - IOCTL_PRIVCMD_MMAP_RESOURCE
 * @pf: open file
 * @data: &struct privcmd_mmap_resource; without address and number it asks for
 *	  the size of the resource
 * @udata: where the size goes
 *
 * ABI: include/uapi/xen/privcmd.h.
 *
 * Context: Process context.
 * Return: 0, or a negative errno. After an error part of the resource may be
 *	   mapped, until the caller unmaps the area.
 */
long pc_ioctl_mmap_resource(struct pc_file *pf, void *data, void __user *udata)
{
	const struct privcmd_mmap_resource *res = data;

	if (!res->addr != !res->num || res->type > U16_MAX)
		return -EINVAL;
	if (!res->num)
		return pc_resource_size(res, udata);

	return pc_resource_map(res);
}
