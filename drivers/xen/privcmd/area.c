// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of /dev/xen/privcmd: their life, and requests to fill them.
 * Ownership is explained in privcmd.h.
 */

#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "privcmd.h"

static void pc_area_release(struct kref *ref)
{
	struct pc_area *area = container_of(ref, struct pc_area, ref);

	pc_places_free(area);
	mutex_destroy(&area->lock);
	kfree(area);
}

static void pc_area_close(struct vm_area_struct *vma)
{
	struct pc_area *area = vma->vm_private_data;

	kref_put(&area->ref, pc_area_release);
}

static int pc_area_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

/*
 * The hypervisor refuses changes of a foreign PTE that do not name the owner of
 * the frame, and the kernel warns about the refusal.
 */
static int pc_area_mprotect(struct vm_area_struct *vma, unsigned long start,
			    unsigned long end, unsigned long newflags)
{
	return -EINVAL;
}

/* No fault handler: a page that no request has filled gives SIGBUS. */
static const struct vm_operations_struct pc_area_vm_ops = {
	.close = pc_area_close,
	.may_split = pc_area_may_split,
	.mprotect = pc_area_mprotect,
};

/*
 * mremap() must not move a mapping either: it rewrites the PTEs before it asks
 * vm_operations_struct::mremap. Before that, though, it asks the file of the
 * mapping for the new address. So mappings refer to a file of their own, that
 * has none to give.
 */
static unsigned long pc_area_get_unmapped(struct file *file, unsigned long addr,
					  unsigned long len,
					  unsigned long pgoff,
					  unsigned long flags)
{
	return -EINVAL;
}

static const struct file_operations pc_area_file_ops = {
	.owner = THIS_MODULE,
	.get_unmapped_area = pc_area_get_unmapped,
};

/**
 * pc_area_file() - make a file for mappings to refer to
 *
 * Context: Process context.
 * Return: The file or an ERR_PTR(). The caller owns the reference.
 */
struct file *pc_area_file(void)
{
	return anon_inode_getfile("[xen-privcmd]", &pc_area_file_ops, NULL,
				  O_RDWR);
}

/**
 * pc_area_mmap() - mmap() of the device: an area with nothing in it
 * @file: the device
 * @vma: the new mapping
 *
 * Only shared mappings: copy on write does not work for frames without a
 * struct page, and must not be had by a later mprotect() either.
 *
 * Context: Process context, mmap lock held for writing.
 * Return: 0, -EINVAL for a private mapping, or -ENOMEM.
 */
int pc_area_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pc_file *pf = file->private_data;
	struct pc_area *area;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma_pages(vma) > PC_AREA_MAX)
		return -ENOMEM;

	area = kzalloc_obj(*area, GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	kref_init(&area->ref);
	mutex_init(&area->lock);
	area->nr = vma_pages(vma);

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_ops = &pc_area_vm_ops;
	vma->vm_private_data = area;
	vma_set_file(vma, pf->map_file);

	return 0;
}

/* Takes the mmap lock; the caller drops it, also on failure. */
static struct vm_area_struct *pc_area_vma(u64 addr)
{
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (!vma || vma->vm_ops != &pc_area_vm_ops)
		return NULL;

	return vma;
}

static struct pc_area *pc_area_get(u64 addr, u64 *start, u64 *end)
{
	struct pc_area *area = NULL;
	struct vm_area_struct *vma;

	vma = pc_area_vma(addr);
	if (vma) {
		area = vma->vm_private_data;
		kref_get(&area->ref);
		*start = vma->vm_start;
		*end = vma->vm_end;
	}
	mmap_read_unlock(current->mm);

	return area;
}

/**
 * pc_request_lock_vma() - find the VMA of a request again
 * @req: running request
 *
 * The VMA may have been unmapped, and even replaced by another one, since
 * pc_request_begin() or the last pc_request_unlock_vma().
 *
 * Context: Process context. Takes the mmap lock for reading, unless it fails.
 * Return: The VMA, or NULL if it is gone.
 */
struct vm_area_struct *pc_request_lock_vma(const struct pc_request *req)
{
	struct vm_area_struct *vma;

	lockdep_assert_held(&req->area->lock);

	vma = pc_area_vma(req->addr);
	if (vma && vma->vm_private_data == req->area)
		return vma;
	mmap_read_unlock(current->mm);

	return NULL;
}

/**
 * pc_request_unlock_vma() - undo pc_request_lock_vma()
 */
void pc_request_unlock_vma(void)
{
	mmap_read_unlock(current->mm);
}

static int pc_pte_is_empty(pte_t *pte, unsigned long addr, void *data)
{
	return pte_none(ptep_get(pte)) ? 0 : -EINVAL;
}

/* Also builds the page tables, so that filling them cannot run out of memory. */
static int pc_request_check_empty(const struct pc_request *req)
{
	struct vm_area_struct *vma;
	unsigned long done, nr;
	int ret = 0;

	for (done = 0; done < req->range.nr && !ret; done += nr) {
		nr = min_t(unsigned long, req->range.nr - done, PC_CHUNK);
		if (fatal_signal_pending(current))
			return -EINTR;
		vma = pc_request_lock_vma(req);
		if (!vma)
			return -EINVAL;
		ret = apply_to_page_range(vma->vm_mm,
					  req->addr + (done << PAGE_SHIFT),
					  nr << PAGE_SHIFT, pc_pte_is_empty,
					  NULL);
		pc_request_unlock_vma();
		cond_resched();
	}

	return ret;
}

static int pc_request_prepare(struct pc_request *req, u64 start, u64 end,
			      u64 nr, bool batch)
{
	struct pc_area *area = req->area;
	int ret;

	ret = pc_check_range(start, end, req->addr, nr, batch && !area->used,
			     &req->range);
	if (ret)
		return ret;
	ret = pc_request_check_empty(req);
	if (ret)
		return ret;
	if (!xen_pv_domain() && !area->pages) {
		ret = pc_places_alloc(area);
		if (ret)
			return ret;
	}
	area->used = true;

	return 0;
}

/**
 * pc_request_begin() - start to fill part of an area
 * @req: filled in
 * @addr: address of the first page
 * @nr: pages
 * @batch: the first such request for an area has to cover all of it, later
 *	   ones may fill the holes that the first has left
 *
 * All pages have to be empty.
 *
 * Context: Process context. Takes pc_area::lock, unless it fails.
 * Return: 0, -EINVAL if @addr is not in an area of this process or the range
 *	   does not fit, -EINTR, or -ENOMEM.
 */
int pc_request_begin(struct pc_request *req, u64 addr, u64 nr, bool batch)
{
	u64 start, end;
	int ret;

	req->addr = addr;
	req->area = pc_area_get(addr, &start, &end);
	if (!req->area)
		return -EINVAL;
	ret = mutex_lock_killable(&req->area->lock);
	if (ret)
		goto err_put;
	ret = pc_request_prepare(req, start, end, nr, batch);
	if (ret)
		goto err_unlock;

	return 0;

err_unlock:
	mutex_unlock(&req->area->lock);
err_put:
	kref_put(&req->area->ref, pc_area_release);
	return ret;
}

/**
 * pc_request_end() - end a request
 * @req: request that pc_request_begin() has started
 *
 * Context: Process context. Releases pc_area::lock, may free the area.
 */
void pc_request_end(struct pc_request *req)
{
	mutex_unlock(&req->area->lock);
	kref_put(&req->area->ref, pc_area_release);
}
