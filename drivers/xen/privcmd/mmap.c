// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls that map frames named by number: MMAPBATCH_V2, MMAPBATCH, MMAP.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "privcmd.h"

/* Far more than any caller has; bounds what is copied in before it is checked. */
#define PC_MMAP_MAX_ENTRIES	65536

/**
 * pc_chunk_alloc() - get the arrays for a request
 * @chunk: filled in; to be passed to pc_chunk_free() also on failure
 * @nr: frames of the request
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int pc_chunk_alloc(struct pc_chunk *chunk, u64 nr)
{
	unsigned int max = min_t(u64, nr, PC_CHUNK);
	size_t work;

	work = xen_pv_domain() ? pc_pv_work_size(max) : pc_xlate_work_size(max);
	chunk->max = max;
	chunk->frames = kvmalloc_array(max, sizeof(*chunk->frames), GFP_KERNEL);
	chunk->errs = kvmalloc_array(max, sizeof(*chunk->errs), GFP_KERNEL);
	chunk->work = kvmalloc(work, GFP_KERNEL);

	if (!chunk->frames || !chunk->errs || !chunk->work)
		return -ENOMEM;

	return 0;
}

/**
 * pc_chunk_free() - free the arrays of a request
 * @chunk: chunk that has been through pc_chunk_alloc()
 */
void pc_chunk_free(struct pc_chunk *chunk)
{
	kvfree(chunk->frames);
	kvfree(chunk->errs);
	kvfree(chunk->work);
}

static int pc_map_chunk(const struct pc_request *req, unsigned long done,
			struct pc_chunk *chunk, unsigned int nr, domid_t domid)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (xen_pv_domain())
		return pc_pv_map(req, done, chunk, nr, domid, true);

	return pc_xlate_map(req, done, chunk, nr, domid);
}

/*
 * Reports the results of a chunk. V1 changes the caller's frame numbers, V2 has
 * an array of error codes, which is written for all frames.
 */
static int pc_batch_report(const struct privcmd_mmapbatch_v2 *m, bool v1,
			   unsigned long done, struct pc_chunk *chunk,
			   unsigned int nr)
{
	unsigned int i;

	if (!v1) {
		if (copy_to_user(m->err + done, chunk->errs,
				 nr * sizeof(*chunk->errs)))
			return -EFAULT;
		return 0;
	}

	for (i = 0; i < nr; i++) {
		xen_pfn_t __user *to = (xen_pfn_t __user *)m->arr + done + i;

		if (!chunk->errs[i])
			continue;
		if (put_user(pc_encode_v1(chunk->frames[i], chunk->errs[i]), to))
			return -EFAULT;
	}

	return 0;
}

static long pc_batch_run(const struct privcmd_mmapbatch_v2 *m, bool v1,
			 const struct pc_request *req, struct pc_chunk *chunk)
{
	struct pc_result result = {};
	unsigned long done;
	unsigned int nr;
	int ret;

	for (done = 0; done < m->num; done += nr) {
		nr = min_t(unsigned long, m->num - done, chunk->max);
		if (copy_from_user(chunk->frames, m->arr + done,
				   nr * sizeof(*chunk->frames)))
			return -EFAULT;
		ret = pc_map_chunk(req, done, chunk, nr, m->dom);
		if (ret)
			return ret;
		pc_result_add(&result, chunk->errs, nr);
		if (v1 && !result.failed)
			continue;
		ret = pc_batch_report(m, v1, done, chunk, nr);
		if (ret)
			return ret;
	}

	return pc_result_code(&result);
}

static long pc_batch(const struct privcmd_mmapbatch_v2 *m, bool v1)
{
	struct pc_request req;
	struct pc_chunk chunk;
	long ret;

	ret = pc_chunk_alloc(&chunk, m->num);
	if (ret)
		goto out;
	ret = pc_request_begin(&req, m->addr, m->num, true);
	if (ret)
		goto out;
	ret = pc_batch_run(m, v1, &req, &chunk);
	pc_request_end(&req);
out:
	pc_chunk_free(&chunk);
	return ret;
}

/**
 * pc_ioctl_mmapbatch_v2() - IOCTL_PRIVCMD_MMAPBATCH_V2
 * @pf: open file
 * @data: &struct privcmd_mmapbatch_v2
 * @udata: not used
 *
 * ABI: include/uapi/xen/privcmd.h.
 *
 * Context: Process context.
 * Return: 0 if the error array is valid, -ENOENT if besides that a frame is
 *	   paged out, else a negative errno.
 */
long pc_ioctl_mmapbatch_v2(struct pc_file *pf, void *data, void __user *udata)
{
	return pc_batch(data, false);
}

/**
 * pc_ioctl_mmapbatch() - IOCTL_PRIVCMD_MMAPBATCH
 * @pf: open file
 * @data: &struct privcmd_mmapbatch
 * @udata: not used
 *
 * ABI: include/uapi/xen/privcmd.h.
 *
 * Context: Process context.
 * Return: As pc_ioctl_mmapbatch_v2(), with errors marked in the frame array.
 */
long pc_ioctl_mmapbatch(struct pc_file *pf, void *data, void __user *udata)
{
	const struct privcmd_mmapbatch *v1 = data;
	struct privcmd_mmapbatch_v2 m = {
		.num = v1->num,
		.dom = v1->dom,
		.addr = v1->addr,
		.arr = v1->arr,
	};

	if (v1->num < 0)
		return -EINVAL;

	return pc_batch(&m, true);
}

static long pc_mmap_entry(const struct pc_request *req, struct pc_chunk *chunk,
			  const struct privcmd_mmap_entry *entry,
			  unsigned long done, domid_t domid)
{
	unsigned long todo;
	unsigned int i, nr;
	int ret;

	for (todo = 0; todo < entry->npages; todo += nr) {
		nr = min_t(unsigned long, entry->npages - todo, chunk->max);
		for (i = 0; i < nr; i++)
			chunk->frames[i] = entry->mfn + todo + i;
		ret = pc_map_chunk(req, done + todo, chunk, nr, domid);
		if (ret)
			return ret;
		for (i = 0; i < nr; i++)
			if (chunk->errs[i])
				return chunk->errs[i];
	}

	return 0;
}

static long pc_mmap_entries(const struct privcmd_mmap *m,
			    const struct privcmd_mmap_entry *entries, u64 pages)
{
	struct pc_request req;
	struct pc_chunk chunk;
	unsigned long done = 0;
	long ret;
	int i;

	ret = pc_chunk_alloc(&chunk, pages);
	if (ret)
		goto out;
	ret = pc_request_begin(&req, entries[0].va, pages, false);
	if (ret)
		goto out;
	for (i = 0; i < m->num && !ret; i++) {
		ret = pc_mmap_entry(&req, &chunk, &entries[i], done, m->dom);
		done += entries[i].npages;
	}
	pc_request_end(&req);
out:
	pc_chunk_free(&chunk);
	return ret;
}

/**
 * pc_ioctl_mmap() - IOCTL_PRIVCMD_MMAP
 * @pf: open file
 * @data: &struct privcmd_mmap
 * @udata: not used
 *
 * The oldest way to map foreign frames, for PV domains only. The entries have
 * to follow each other without gaps. Stops at the first frame that fails.
 *
 * Context: Process context.
 * Return: 0, -EOPNOTSUPP in other than PV domains, else a negative errno.
 */
long pc_ioctl_mmap(struct pc_file *pf, void *data, void __user *udata)
{
	const struct privcmd_mmap *m = data;
	struct privcmd_mmap_entry *entries;
	u64 pages;
	long ret;

	if (!xen_pv_domain())
		return -EOPNOTSUPP;
	if (m->num <= 0 || m->num > PC_MMAP_MAX_ENTRIES)
		return -EINVAL;

	entries = vmemdup_array_user(m->entry, m->num, sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	ret = pc_check_entries(entries, m->num, &pages);
	if (!ret)
		ret = pc_mmap_entries(m, entries, pages);
	kvfree(entries);

	return ret;
}
