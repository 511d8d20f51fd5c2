// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping engine of an auto-translated domain: foreign frames are put at places
 * in our physical address space, then the places into the PTEs of the process.
 */

#include <linux/bitmap.h>
#include <linux/mm.h>

#include <xen/dom0.h>
#include <xen/interface/memory.h>
#include <xen/page.h>

#include "privcmd.h"

/* No error code of the hypervisor: the entry has not been looked at. */
#define PC_ERR_UNKNOWN	1

struct pc_xlate_insert {
	struct mm_struct *mm;
	struct page **page;
	const int *err;
	pgprot_t prot;
};

/**
 * pc_xlate_work_size() - memory that the engine needs
 * @nr: frames in a chunk
 *
 * Return: bytes for pc_chunk::work.
 */
size_t pc_xlate_work_size(unsigned int nr)
{
	return nr * sizeof(xen_pfn_t);
}

/**
 * pc_xlate_places() - get the places for part of a request
 * @req: running request
 * @done: pages of the request that have been handled before
 * @places: filled with frame numbers of our own
 * @nr: number of places
 *
 * The places count as occupied from now on.
 *
 * Context: Process context, pc_area::lock held.
 */
void pc_xlate_places(const struct pc_request *req, unsigned long done,
		     xen_pfn_t *places, unsigned int nr)
{
	struct pc_area *area = req->area;
	unsigned long first = req->range.first + done;
	unsigned int i;

	lockdep_assert_held(&area->lock);

	for (i = 0; i < nr; i++)
		places[i] = page_to_xen_pfn(area->pages[first + i]);
	bitmap_set(area->occupied, first, nr);
}

static int pc_xlate_insert_pte(pte_t *ptep, unsigned long addr, void *data)
{
	struct pc_xlate_insert *ins = data;
	struct page *page = *ins->page++;

	if (!*ins->err++)
		set_pte_at(ins->mm, addr, ptep,
			   pte_mkspecial(pfn_pte(page_to_pfn(page), ins->prot)));

	return 0;
}

/**
 * pc_xlate_insert() - let the process see the places that are filled
 * @req: running request
 * @done: pages of the request that have been handled before
 * @errs: for each page, 0 if its place holds a foreign frame
 * @nr: pages
 *
 * Context: Process context, pc_area::lock held. Takes the mmap lock for reading.
 * Return: 0, -EFAULT if the mapping is gone, or -ENOMEM.
 */
int pc_xlate_insert(const struct pc_request *req, unsigned long done,
		    const int *errs, unsigned int nr)
{
	struct pc_xlate_insert ins = {
		.page = req->area->pages + req->range.first + done,
		.err = errs,
	};
	struct vm_area_struct *vma;
	int ret;

	vma = pc_request_lock_vma(req);
	if (!vma)
		return -EFAULT;
	ins.mm = vma->vm_mm;
	ins.prot = vma->vm_page_prot;
	ret = apply_to_page_range(vma->vm_mm, req->addr + done * PAGE_SIZE,
				  nr * PAGE_SIZE, pc_xlate_insert_pte, &ins);
	pc_request_unlock_vma();

	return ret;
}

/*
 * Gives every frame an error code. The place of a frame that failed still
 * counts as occupied: an earlier request may have left something in it.
 */
static void pc_xlate_results(int *errs, unsigned int nr, long ret)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (errs[i] > 0)
			errs[i] = ret < 0 ? ret : -EIO;
}

/**
 * pc_xlate_map() - map frames of another domain
 * @req: running request
 * @done: pages of the request that have been handled before
 * @chunk: frames to map; the result of each goes to pc_chunk::errs
 * @nr: frames in the chunk
 * @domid: owner of the frames
 *
 * Context: Process context, pc_area::lock held. Takes the mmap lock for reading.
 * Return: 0 if each frame has a result, else a negative errno.
 */
int pc_xlate_map(const struct pc_request *req, unsigned long done,
		 struct pc_chunk *chunk, unsigned int nr, domid_t domid)
{
	struct xen_add_to_physmap_range xatp = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_gmfn_foreign,
		.size = nr,
		.foreign_domid = domid,
	};
	xen_pfn_t *places = chunk->work;
	long ret;

	pc_xlate_places(req, done, places, nr);
	memset32(chunk->errs, PC_ERR_UNKNOWN, nr);
	set_xen_guest_handle(xatp.idxs, chunk->frames);
	set_xen_guest_handle(xatp.gpfns, places);
	set_xen_guest_handle(xatp.errs, chunk->errs);

	ret = xen_memory_op(XENMEM_add_to_physmap_range, &xatp);
	pc_xlate_results(chunk->errs, nr, ret);

	return pc_xlate_insert(req, done, chunk->errs, nr);
}
