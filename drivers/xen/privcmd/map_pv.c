// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping engine of a PV domain: foreign frames go straight into the PTEs of
 * the process, by mmu_update hypercalls that name the owner of the frames.
 *
 * Only empty PTEs are filled, so no TLB can hold anything about them and no
 * flush is needed.
 */

#include <linux/mm.h>
#include <linux/sched.h>

#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>

#include "privcmd.h"

/* One page of updates in one hypercall. */
#define PC_PV_BATCH	(PAGE_SIZE / sizeof(struct mmu_update))

struct pc_pv_fill {
	struct mmu_update *update;
	const xen_pfn_t *frame;
	pgprot_t prot;
	unsigned int type;
};

/**
 * pc_pv_work_size() - memory that the engine needs
 * @nr: frames in a chunk
 *
 * Return: bytes for pc_chunk::work.
 */
size_t pc_pv_work_size(unsigned int nr)
{
	return min_t(size_t, nr, PC_PV_BATCH) * sizeof(struct mmu_update);
}

static int pc_pv_fill(pte_t *ptep, unsigned long addr, void *data)
{
	struct pc_pv_fill *fill = data;
	pte_t pte = pte_mkspecial(mfn_pte(*fill->frame, fill->prot));

	fill->update->ptr = virt_to_machine(ptep).maddr | fill->type;
	fill->update->val = pte_val_ma(pte);
	fill->update++;
	fill->frame++;

	return 0;
}

/*
 * Xen stops at the first update that fails. Record that and go on behind it:
 * each frame has a result of its own.
 */
static void pc_pv_submit(struct mmu_update *updates, int *errs,
			 unsigned int nr, domid_t domid)
{
	unsigned int i = 0;

	while (i < nr) {
		int done = 0;
		int ret;

		ret = HYPERVISOR_mmu_update(updates + i, nr - i, &done, domid);
		if (done < 0 || done > nr - i)
			return;
		memset(errs + i, 0, done * sizeof(*errs));
		i += done;
		if (ret >= 0 && !done)
			return;
		if (ret < 0 && i < nr)
			errs[i++] = ret;
	}
}

/* How many frames from here on fit into a PTE, at most @max. */
static unsigned int pc_pv_run(const xen_pfn_t *frames, unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max; i++)
		if (!pc_frame_fits(frames[i], PTE_PFN_MASK))
			break;

	return i;
}

static int pc_pv_map_run(struct vm_area_struct *vma, unsigned long addr,
			 struct pc_chunk *chunk, unsigned int first,
			 unsigned int nr, domid_t domid, unsigned int type)
{
	struct pc_pv_fill fill = {
		.update = chunk->work,
		.frame = chunk->frames + first,
		.prot = vma->vm_page_prot,
		.type = type,
	};
	int ret;

	ret = apply_to_page_range(vma->vm_mm, addr + first * PAGE_SIZE,
				  nr * PAGE_SIZE, pc_pv_fill, &fill);
	if (ret)
		return ret;
	pc_pv_submit(chunk->work, chunk->errs + first, nr, domid);
	cond_resched();

	return 0;
}

/**
 * pc_pv_map() - map frames of another domain
 * @req: running request
 * @done: pages of the request that have been handled before
 * @chunk: frames to map; the result of each goes to pc_chunk::errs
 * @nr: frames in the chunk
 * @domid: owner of the frames
 * @translate: the frame numbers are the owner's, else they are machine frames
 *
 * Context: Process context, pc_area::lock held. Takes the mmap lock for reading.
 * Return: 0 if each frame has a result, else a negative errno.
 */
int pc_pv_map(const struct pc_request *req, unsigned long done,
	      struct pc_chunk *chunk, unsigned int nr, domid_t domid,
	      bool translate)
{
	unsigned int type = translate ? MMU_NORMAL_PT_UPDATE :
					MMU_PT_UPDATE_NO_TRANSLATE;
	unsigned long addr = req->addr + done * PAGE_SIZE;
	struct vm_area_struct *vma;
	unsigned int i = 0;
	int ret = 0;

	memset32(chunk->errs, -EINVAL, nr);

	vma = pc_request_lock_vma(req);
	if (!vma)
		return -EFAULT;
	while (i < nr && !ret) {
		unsigned int run = pc_pv_run(chunk->frames + i,
					     min_t(unsigned int, nr - i,
						   PC_PV_BATCH));

		if (run)
			ret = pc_pv_map_run(vma, addr, chunk, i, run, domid,
					    type);
		else
			run = 1;	/* one that does not fit, stays -EINVAL */
		i += run;
	}
	pc_request_unlock_vma();

	return ret;
}
