/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of what user space passes in, and encodings of what it gets back.
 * Pure functions of their arguments: no locks, no memory, no hypercalls.
 */
#ifndef _XEN_PRIVCMD_CHECK_H
#define _XEN_PRIVCMD_CHECK_H

#include <linux/types.h>

struct privcmd_mmap_entry;

/* Where a request lies within the mapped area. */
struct pc_range {
	unsigned long first;	/* index of its first page in the area */
	unsigned long nr;	/* pages */
};

/* Outcome of a batch, as the two versions of MMAPBATCH report it. */
struct pc_result {
	bool failed;		/* some frame was not mapped */
	bool paged;		/* some frame was not mapped as it is paged out */
};

int pc_check_range(u64 area_start, u64 area_end, u64 addr, u64 nr, bool whole,
		   struct pc_range *range);
int pc_check_entries(const struct privcmd_mmap_entry *entries, unsigned int nr,
		     u64 *pages);
bool pc_frame_fits(u64 frame, u64 pfn_mask);

void pc_result_add(struct pc_result *res, const int *errs, unsigned int nr);
int pc_result_code(const struct pc_result *res);
u64 pc_encode_v1(u64 frame, int err);

struct pc_dm_layout {
	unsigned int nr;	/* buffers so far */
	unsigned int size;	/* bytes so far, padding included */
};

int pc_dm_place(struct pc_dm_layout *layout, u64 size, unsigned int *offset);

/* Enough for every operation of libxendevicemodel. */
#define PC_DM_MAX_BUFS		16
#define PC_DM_MAX_BUF_SIZE	4096

#endif /* _XEN_PRIVCMD_CHECK_H */
