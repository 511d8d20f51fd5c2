/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen virtual block device: the wire protocol as a library without side effects.
 *
 * Nothing here touches shared memory, calls into the kernel or keeps state.
 * The caller copies what the frontend wrote into private memory first and
 * hands that copy in; every function returns a verdict and never trusts a
 * field that it did not check itself.  The file is built into the driver, into
 * its KUnit suite and, unchanged, into user-space test programs.
 */

#ifndef _XEN_BLKBACK_PROTOCOL_H
#define _XEN_BLKBACK_PROTOCOL_H

#include <linux/types.h>

/*
 * The numbers of the ABI, repeated so that this file needs no Xen header;
 * ring.c asserts at build time that they agree with xen/interface/io/blkif.h.
 */
enum xen_blkif_op {
	XEN_BLKIF_OP_READ		= 0,
	XEN_BLKIF_OP_WRITE		= 1,
	XEN_BLKIF_OP_WRITE_BARRIER	= 2,
	XEN_BLKIF_OP_FLUSH_DISKCACHE	= 3,
	XEN_BLKIF_OP_DISCARD		= 5,
	XEN_BLKIF_OP_INDIRECT		= 6,
};

enum xen_blkif_status {
	XEN_BLKIF_STATUS_OKAY		= 0,
	XEN_BLKIF_STATUS_ERROR		= -1,
	XEN_BLKIF_STATUS_EOPNOTSUPP	= -2,
};

#define XEN_BLKIF_DIRECT_SEGS		11	/* segments inside a ring slot */
#define XEN_BLKIF_INDIRECT_PAGES	8	/* descriptor pages per request */
#define XEN_BLKIF_SEG_SIZE		8	/* bytes of one descriptor */
#define XEN_BLKIF_SEGS_PER_PAGE		(XEN_BLKIF_PAGE_SIZE / XEN_BLKIF_SEG_SIZE)
#define XEN_BLKIF_PAGE_SIZE		4096u
#define XEN_BLKIF_SECTOR_SHIFT		9
#define XEN_BLKIF_SECTORS_PER_PAGE	8
#define XEN_BLKIF_RING_HEADER		64	/* indices in front of slot 0 */
#define XEN_BLKIF_MAX_SLOT_SIZE		112	/* largest slot of all ABIs */
#define XEN_BLKIF_MAX_RSP_SIZE		16	/* largest response of all ABIs */

/* Byte offsets of the four shared indices. */
#define XEN_BLKIF_OFF_REQ_PROD		0
#define XEN_BLKIF_OFF_REQ_EVENT		4
#define XEN_BLKIF_OFF_RSP_PROD		8
#define XEN_BLKIF_OFF_RSP_EVENT		12

/**
 * enum xen_blkif_abi - slot layouts a frontend may ask for
 * @XEN_BLKIF_ABI_X86_32: 64-bit members are aligned to 4 bytes
 * @XEN_BLKIF_ABI_X86_64: 64-bit members are aligned to 8 bytes
 * @XEN_BLKIF_ABI_NR: number of layouts
 *
 * "Native" is not a layout of its own: it names the one of the two that the
 * C compiler of the backend's architecture produces, see
 * xen_blkif_native_abi().
 */
enum xen_blkif_abi {
	XEN_BLKIF_ABI_X86_32,
	XEN_BLKIF_ABI_X86_64,
	XEN_BLKIF_ABI_NR,
};

/**
 * struct xen_blkif_layout - what differs between the layouts
 * @id: offset of the request id; all later members follow at fixed distance
 * @slot_size: size of one ring slot in bytes
 * @rsp_size: size of a response in bytes, trailing padding included
 */
struct xen_blkif_layout {
	u8 id;
	u8 slot_size;
	u8 rsp_size;
};

/**
 * struct xen_blkif_seg - one segment of a transfer
 * @gref: grant reference of the guest page
 * @first: first 512-byte sector inside the page
 * @last: last 512-byte sector inside the page, inclusive
 */
struct xen_blkif_seg {
	u32 gref;
	u8 first;
	u8 last;
};

/**
 * struct xen_blkif_req - a request in the backend's own form
 * @id: the frontend's cookie, echoed in the response
 * @sector: first sector, in 512-byte units
 * @nr_sectors: length in 512-byte units; set once the segments are checked
 * @nr_segs: number of segments
 * @op: operation, echoed in the response; of an indirect request the inner
 *	one: that is what frontends compare it with
 * @indirect: the segments are in the pages named by @indirect_gref
 * @indirect_gref: grants of the descriptor pages
 */
struct xen_blkif_req {
	u64 id;
	u64 sector;
	u32 nr_sectors;
	u16 nr_segs;
	u8 op;
	bool indirect;
	u32 indirect_gref[XEN_BLKIF_INDIRECT_PAGES];
};

/**
 * struct xen_blkif_limits - what the virtual disk allows
 * @capacity: size of the disk in 512-byte sectors
 * @block_sectors: logical block size in 512-byte sectors, a power of two
 * @max_segs: largest number of segments of an indirect request
 * @readonly: nothing may modify the disk
 * @flush: the cache flush operation is offered
 */
struct xen_blkif_limits {
	u64 capacity;
	u32 block_sectors;
	u16 max_segs;
	bool readonly;
	bool flush;
};

/**
 * enum xen_blkif_verdict - outcome of validation, one value per rule
 * @XEN_BLKIF_OK: the request may be executed
 * @XEN_BLKIF_BAD_OP: operation unknown, or not valid inside an indirect one
 * @XEN_BLKIF_UNSUPPORTED: operation known but not offered
 * @XEN_BLKIF_READONLY: modifies a read-only disk
 * @XEN_BLKIF_BAD_NR_SEGS: no segments, or more than allowed
 * @XEN_BLKIF_BAD_SEG: segment's sectors are reversed or leave the page
 * @XEN_BLKIF_MISALIGNED: not a whole number of logical blocks
 * @XEN_BLKIF_PAST_END: leaves the disk
 * @XEN_BLKIF_NR_VERDICTS: number of verdicts
 */
enum xen_blkif_verdict {
	XEN_BLKIF_OK,
	XEN_BLKIF_BAD_OP,
	XEN_BLKIF_UNSUPPORTED,
	XEN_BLKIF_READONLY,
	XEN_BLKIF_BAD_NR_SEGS,
	XEN_BLKIF_BAD_SEG,
	XEN_BLKIF_MISALIGNED,
	XEN_BLKIF_PAST_END,
	XEN_BLKIF_NR_VERDICTS,
};

enum xen_blkif_abi xen_blkif_native_abi(void);
const struct xen_blkif_layout *xen_blkif_layout(enum xen_blkif_abi abi);
u32 xen_blkif_ring_slots(const struct xen_blkif_layout *layout, u32 nr_pages);
u32 xen_blkif_slot_offset(const struct xen_blkif_layout *layout, u32 nr_slots,
			  u32 idx);

bool xen_blkif_prod_valid(u32 prod, u32 cons, u32 rsp_prod, u32 nr_slots);
bool xen_blkif_need_notify(u32 old_prod, u32 new_prod, u32 event);

void xen_blkif_decode(const struct xen_blkif_layout *layout, const void *slot,
		      struct xen_blkif_req *req, struct xen_blkif_seg *segs);
void xen_blkif_decode_segs(const void *page, u32 nr, struct xen_blkif_seg *segs);
u32 xen_blkif_indirect_pages(u32 nr_segs);
u32 xen_blkif_seg_bytes(const struct xen_blkif_seg *seg);
void xen_blkif_encode_rsp(const struct xen_blkif_layout *layout, u64 id, u8 op,
			  s16 status, void *rsp);

enum xen_blkif_verdict xen_blkif_check_req(const struct xen_blkif_req *req,
					   const struct xen_blkif_limits *lim);
enum xen_blkif_verdict xen_blkif_check_segs(struct xen_blkif_req *req,
					    const struct xen_blkif_seg *segs,
					    const struct xen_blkif_limits *lim);
s16 xen_blkif_verdict_status(enum xen_blkif_verdict verdict);

int xen_blkif_parse_u32(const char *s, u32 min, u32 max, u32 *val);
int xen_blkif_parse_protocol(const char *s, enum xen_blkif_abi *abi);
int xen_blkif_parse_device(const char *s, u32 *major, u32 *minor);

#endif /* _XEN_BLKBACK_PROTOCOL_H */
