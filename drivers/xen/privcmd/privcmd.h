/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal interfaces of the privileged command devices.
 *
 * Who owns what
 * =============
 *
 * Each mapping of /dev/xen/privcmd has one struct pc_area, and each area only
 * ever belongs to one VMA: splitting, moving, growing and copying by fork() are
 * refused. The VMA holds one reference, a running request another one. The area
 * dies with the last of them, which is always in a context that may sleep.
 *
 * Auto-translated domain (PVH): a foreign frame needs a place in our own
 * physical address space. The area owns those places, one unpopulated page for
 * each page of the VMA. They are allocated by the first request, before any
 * mmap lock is taken, and live as long as the area. A bitmap says which places
 * may hold a foreign frame. Its bit is set before the hypercall that fills the
 * place and is cleared only when the hypervisor says that the place is empty:
 *
 *  - partial failure: frames that were mapped stay mapped, as the ABI wants;
 *    the others have no PTE and an empty place, ready for another attempt;
 *  - munmap() or exit during a request: the PTEs go with the VMA; the request
 *    finds the VMA gone and inserts nothing. Whoever drops the last reference
 *    removes what the bitmap names and frees the places;
 *  - a place that the hypervisor does not release is leaked. Giving it back
 *    would let the kernel write to another domain's memory;
 *  - out of memory: nothing is taken before all arrays of a request exist, and
 *    release needs no allocation to succeed (it is only slower without).
 *
 * PV domain: the PTE itself is the reference that the hypervisor counts. The
 * area owns nothing but the right to write the PTEs, and zapping them in
 * munmap() or exit gives everything back.
 *
 * Locks: pc_area::lock, then the mmap lock (for reading). The area's lock
 * serialises requests on one area, so an empty PTE stays empty until the
 * request that found it empty fills it. Page faults and requests on other areas
 * of the process go on meanwhile.
 */
#ifndef _XEN_PRIVCMD_H
#define _XEN_PRIVCMD_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kref.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <xen/interface/xen.h>
#include <xen/privcmd.h>
#include <xen/xen.h>

#include "check.h"

struct miscdevice;

/* Frames handled at a time: bounds the memory and the lock hold time of a request. */
#define PC_CHUNK		4096

/* Pages of one mapping, 64 GiB: bounds page tables and places. */
#define PC_AREA_MAX		BIT(24)

/**
 * struct pc_file - an open /dev/xen/privcmd
 * @domid: the only domain that this file may act on, or DOMID_INVALID if there
 *	   is no restriction. Goes from DOMID_INVALID to something else once,
 *	   by cmpxchg(), and never back.
 * @map_file: what the mappings made with this file refer to, see area.c
 */
struct pc_file {
	u32 domid;
	struct file *map_file;
};

/**
 * struct pc_area - what is behind one mapping of /dev/xen/privcmd
 * @ref: held by the VMA and by running requests
 * @lock: serialises requests; protects all below
 * @nr: pages of the VMA, never changes
 * @used: a request for the whole area has been made
 * @pages: places for foreign frames; NULL in a PV domain and before first use
 * @occupied: bitmap of @pages that may hold a foreign frame
 */
struct pc_area {
	struct kref ref;
	struct mutex lock;	/* serialises requests */
	unsigned long nr;
	bool used;
	struct page **pages;
	unsigned long *occupied;
};

/**
 * struct pc_request - a request to fill part of an area
 * @area: the area, referenced and locked
 * @addr: where the request starts
 * @range: the same as pages of the area
 */
struct pc_request {
	struct pc_area *area;
	unsigned long addr;
	struct pc_range range;
};

/**
 * struct pc_chunk - arrays for some frames of a request
 * @max: frames that the arrays have room for
 * @frames: what to map
 * @errs: what became of each frame, 0 if it is mapped
 * @work: for the mapping engine: hypercall arguments
 */
struct pc_chunk {
	unsigned int max;
	xen_pfn_t *frames;
	int *errs;
	void *work;
};

/* area.c */
struct file *pc_area_file(void);
int pc_area_mmap(struct file *file, struct vm_area_struct *vma);
int pc_request_begin(struct pc_request *req, u64 addr, u64 nr, bool batch);
void pc_request_end(struct pc_request *req);
struct vm_area_struct *pc_request_lock_vma(const struct pc_request *req);
void pc_request_unlock_vma(void);

/* place.c */
int pc_places_alloc(struct pc_area *area);
void pc_places_free(struct pc_area *area);

/* mmap.c */
int pc_chunk_alloc(struct pc_chunk *chunk, u64 nr);
void pc_chunk_free(struct pc_chunk *chunk);

/* map_pv.c */
#ifdef CONFIG_XEN_PV
int pc_pv_map(const struct pc_request *req, unsigned long done,
	      struct pc_chunk *chunk, unsigned int nr, domid_t domid,
	      bool translate);
size_t pc_pv_work_size(unsigned int nr);
#else
static inline int pc_pv_map(const struct pc_request *req, unsigned long done,
			    struct pc_chunk *chunk, unsigned int nr,
			    domid_t domid, bool translate)
{
	return -EOPNOTSUPP;
}

static inline size_t pc_pv_work_size(unsigned int nr)
{
	return 0;
}
#endif

/* map_xlate.c */
int pc_xlate_map(const struct pc_request *req, unsigned long done,
		 struct pc_chunk *chunk, unsigned int nr, domid_t domid);
int pc_xlate_insert(const struct pc_request *req, unsigned long done,
		    const int *errs, unsigned int nr);
void pc_xlate_places(const struct pc_request *req, unsigned long done,
		     xen_pfn_t *places, unsigned int nr);
size_t pc_xlate_work_size(unsigned int nr);

/* restrict.c */
int pc_restrict_init(void);
void pc_restrict_exit(void);
int pc_restrict_wait(bool nonblock);
domid_t pc_restrict_default(void);
bool pc_file_restricted(const struct pc_file *pf);
bool pc_file_may_access(const struct pc_file *pf, domid_t domid);
int pc_file_restrict(struct pc_file *pf, domid_t domid);

/* The ioctls. @data is the argument, already copied; @udata where it came from. */
long pc_ioctl_hypercall(struct pc_file *pf, void *data, void __user *udata);
long pc_ioctl_mmap(struct pc_file *pf, void *data, void __user *udata);
long pc_ioctl_mmapbatch(struct pc_file *pf, void *data, void __user *udata);
long pc_ioctl_mmapbatch_v2(struct pc_file *pf, void *data, void __user *udata);
long pc_ioctl_dm_op(struct pc_file *pf, void *data, void __user *udata);
long pc_ioctl_mmap_resource(struct pc_file *pf, void *data, void __user *udata);

extern const struct file_operations pc_file_ops;
extern struct miscdevice pc_buffer_dev;

/* xenfs.c */
#ifdef CONFIG_XEN_PROCFS
int pc_xenfs_init(void);
void pc_xenfs_exit(void);
#else
static inline int pc_xenfs_init(void)
{
	return 0;
}

static inline void pc_xenfs_exit(void)
{
}
#endif

#endif /* _XEN_PRIVCMD_H */
