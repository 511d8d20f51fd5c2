// SPDX-License-Identifier: GPL-2.0-only
/* Checks of user input and encodings of results; see check.h. */

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/overflow.h>

#include <asm/page.h>

#include <xen/privcmd.h>

#include "check.h"

/**
 * pc_check_range() - is a request within the mapped area?
 * @area_start: first address of the area, page aligned
 * @area_end: address behind the area, page aligned
 * @addr: first address of the request
 * @nr: pages requested
 * @whole: the request has to cover the area, neither more nor less
 * @range: where the request lies; only valid on success
 *
 * Return: 0, or -EINVAL if the request is empty, not page aligned, wraps
 *	   around or leaves the area.
 */
int pc_check_range(u64 area_start, u64 area_end, u64 addr, u64 nr, bool whole,
		   struct pc_range *range)
{
	u64 size, end;

	if (!nr || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (check_mul_overflow(nr, (u64)PAGE_SIZE, &size) ||
	    check_add_overflow(addr, size, &end))
		return -EINVAL;
	if (addr < area_start || end > area_end)
		return -EINVAL;
	if (whole && (addr != area_start || end != area_end))
		return -EINVAL;

	range->first = (addr - area_start) >> PAGE_SHIFT;
	range->nr = nr;

	return 0;
}

/**
 * pc_check_entries() - are the entries of IOCTL_PRIVCMD_MMAP contiguous?
 * @entries: the entries, already copied
 * @nr: number of entries, not 0
 * @pages: sum of their pages; only valid on success
 *
 * Return: 0, or -EINVAL if there is a gap or the sum overflows.
 */
int pc_check_entries(const struct privcmd_mmap_entry *entries, unsigned int nr,
		     u64 *pages)
{
	u64 size, next = entries[0].va;
	unsigned int i;

	*pages = 0;
	for (i = 0; i < nr; i++) {
		if (entries[i].va != next)
			return -EINVAL;
		if (check_mul_overflow(entries[i].npages, (u64)PAGE_SIZE, &size) ||
		    check_add_overflow(next, size, &next))
			return -EINVAL;
		*pages += entries[i].npages;
	}

	return 0;
}

/**
 * pc_frame_fits() - can a page table entry hold this frame number?
 * @frame: frame number from user space
 * @pfn_mask: the bits of an entry that hold the frame's address
 *
 * A number too wide would spill into the flag bits of the entry.
 *
 * Return: true if it fits.
 */
bool pc_frame_fits(u64 frame, u64 pfn_mask)
{
	return !(frame & ~(pfn_mask >> PAGE_SHIFT));
}

/**
 * pc_result_add() - account the outcome of some frames
 * @res: outcome of the batch so far
 * @errs: one error code per frame, 0 for a frame that is mapped
 * @nr: frames
 */
void pc_result_add(struct pc_result *res, const int *errs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!errs[i])
			continue;
		res->failed = true;
		if (errs[i] == -ENOENT)
			res->paged = true;
	}
}

/**
 * pc_result_code() - what MMAPBATCH returns when the errors are delivered
 * @res: outcome of the whole batch
 *
 * A paged-out frame comes back after a while, so the caller is told to look
 * for frames to retry. Other failures are only in the array of errors.
 *
 * Return: 0, or -ENOENT if a frame is paged out.
 */
int pc_result_code(const struct pc_result *res)
{
	return res->paged ? -ENOENT : 0;
}

/**
 * pc_encode_v1() - result of one frame for IOCTL_PRIVCMD_MMAPBATCH
 * @frame: frame number as the caller passed it
 * @err: error code, or 0 if the frame is mapped
 *
 * Version 1 has no array of errors: it marks bits 31..28 of the frame number,
 * also for 64-bit callers.
 *
 * Return: what to store in place of @frame.
 */
u64 pc_encode_v1(u64 frame, int err)
{
	if (!err)
		return frame;
	if (err == -ENOENT)
		return frame | PRIVCMD_MMAPBATCH_PAGED_ERROR;

	return frame | PRIVCMD_MMAPBATCH_MFN_ERROR;
}

/**
 * pc_dm_place() - find room for one more buffer of a device model operation
 * @layout: what has been placed so far, zeroed before the first call
 * @size: size of this buffer
 * @offset: where it goes; only valid on success
 *
 * Buffers are 8-byte aligned: the hypervisor reads structures from them.
 *
 * Return: 0, or -E2BIG if the buffer is too large or one too many.
 */
int pc_dm_place(struct pc_dm_layout *layout, u64 size, unsigned int *offset)
{
	if (layout->nr >= PC_DM_MAX_BUFS || size > PC_DM_MAX_BUF_SIZE)
		return -E2BIG;

	*offset = layout->size;
	layout->size += ALIGN((unsigned int)size, sizeof(u64));
	layout->nr++;

	return 0;
}
