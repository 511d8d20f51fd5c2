// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen virtual block device: decode, validate and encode, without side effects.
 *
 * See protocol.h for the rules of this file.  The three values of the xenstore
 * key "protocol" lead to two slot layouts, and these differ in one number: the
 * offset of the id.  Up to the id all members are smaller than 8 bytes, from
 * there on everything keeps its distance.  So there is one decoder, with the
 * layout as its parameter.
 */

#include <linux/errno.h>
#include <linux/string.h>

#include "protocol.h"

/* Offsets that no layout changes. */
#define OFF_OPERATION		0
#define OFF_NR_SEGS_DIRECT	1	/* u8 */
#define OFF_INDIRECT_OP		1	/* u8 */
#define OFF_NR_SEGS_INDIRECT	2	/* u16 */

/* Distances from the id. */
#define FROM_ID_SECTOR		8	/* u64 */
#define FROM_ID_SEGS		16	/* descriptors of a direct request */
#define FROM_ID_INDIRECT_GREFS	20	/* u32 each; handle and pad precede */

/* Inside a segment descriptor. */
#define SEG_GREF		0	/* u32 */
#define SEG_FIRST		4	/* u8 */
#define SEG_LAST		5	/* u8 */

/* Inside a response. */
#define RSP_ID			0	/* u64 */
#define RSP_OPERATION		8	/* u8 */
#define RSP_STATUS		10	/* s16 */

static const struct xen_blkif_layout layouts[XEN_BLKIF_ABI_NR] = {
	[XEN_BLKIF_ABI_X86_32] = { .id = 4, .slot_size = 108, .rsp_size = 12 },
	[XEN_BLKIF_ABI_X86_64] = { .id = 8, .slot_size = 112, .rsp_size = 16 },
};

/* Members may be unaligned in the 32-bit layout, hence memcpy(). */
static u16 get_u16(const u8 *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u32 get_u32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u64 get_u64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/**
 * xen_blkif_native_abi - the layout that this architecture's compiler produces
 *
 * Return: the layout a frontend means by leaving "protocol" out.
 */
enum xen_blkif_abi xen_blkif_native_abi(void)
{
	struct probe {
		u32 a;
		u64 b;
	};

	/* A 64-bit member is aligned to 4 bytes on 32-bit x86 alone. */
	return sizeof(struct probe) == 12 ? XEN_BLKIF_ABI_X86_32 :
					    XEN_BLKIF_ABI_X86_64;
}

/**
 * xen_blkif_layout - describe a layout
 * @abi: which one; the caller has it from xen_blkif_parse_protocol()
 *
 * Return: the description, or NULL for a value out of range.
 */
const struct xen_blkif_layout *xen_blkif_layout(enum xen_blkif_abi abi)
{
	if ((unsigned int)abi >= XEN_BLKIF_ABI_NR)
		return NULL;
	return &layouts[abi];
}

/**
 * xen_blkif_ring_slots - number of slots of a ring
 * @layout: slot layout
 * @nr_pages: size of the ring in pages, at least one
 *
 * Return: the largest power of two of slots that fit behind the indices.
 */
u32 xen_blkif_ring_slots(const struct xen_blkif_layout *layout, u32 nr_pages)
{
	u32 fit = (nr_pages * XEN_BLKIF_PAGE_SIZE - XEN_BLKIF_RING_HEADER) /
		  layout->slot_size;
	u32 slots = 1;

	while (slots * 2 <= fit)
		slots *= 2;
	return slots;
}

/**
 * xen_blkif_slot_offset - where a slot lies
 * @layout: slot layout
 * @nr_slots: number of slots of the ring, a power of two
 * @idx: free-running ring index
 *
 * Return: byte offset of the slot from the start of the ring.
 */
u32 xen_blkif_slot_offset(const struct xen_blkif_layout *layout, u32 nr_slots,
			  u32 idx)
{
	return XEN_BLKIF_RING_HEADER + (idx & (nr_slots - 1)) * layout->slot_size;
}

/**
 * xen_blkif_prod_valid - can the frontend have produced this many requests?
 * @prod: request producer as read from the ring
 * @cons: the backend's own request consumer
 * @rsp_prod: the backend's own response producer
 * @nr_slots: number of slots of the ring
 *
 * Every request not yet answered still owns its slot, so at most @nr_slots may
 * lie between @rsp_prod and @prod; and a producer never steps back behind what
 * has been consumed.
 *
 * Return: false if no well-behaved frontend can have written @prod.
 */
bool xen_blkif_prod_valid(u32 prod, u32 cons, u32 rsp_prod, u32 nr_slots)
{
	u32 owned = prod - rsp_prod;

	return owned <= nr_slots && owned >= cons - rsp_prod;
}

/**
 * xen_blkif_need_notify - has the frontend asked to hear of these responses?
 * @old_prod: response producer before the push
 * @new_prod: response producer after it
 * @event: the frontend's rsp_event; any value is harmless
 *
 * Return: true if the index @event was passed by this push.
 */
bool xen_blkif_need_notify(u32 old_prod, u32 new_prod, u32 event)
{
	return new_prod - event < new_prod - old_prod;
}

static void decode_seg(const u8 *p, struct xen_blkif_seg *seg)
{
	seg->gref = get_u32(p + SEG_GREF);
	seg->first = p[SEG_FIRST];
	seg->last = p[SEG_LAST];
}

/**
 * xen_blkif_decode_segs - decode the descriptors of one indirect page
 * @page: private copy of the page's first @nr * XEN_BLKIF_SEG_SIZE bytes
 * @nr: number of descriptors
 * @segs: filled with @nr segments
 */
void xen_blkif_decode_segs(const void *page, u32 nr, struct xen_blkif_seg *segs)
{
	const u8 *p = page;
	u32 i;

	for (i = 0; i < nr; i++)
		decode_seg(p + i * XEN_BLKIF_SEG_SIZE, &segs[i]);
}

static void decode_indirect(const struct xen_blkif_layout *layout, const u8 *p,
			    struct xen_blkif_req *req)
{
	const u8 *grefs = p + layout->id + FROM_ID_INDIRECT_GREFS;
	u32 i;

	req->indirect = true;
	req->op = p[OFF_INDIRECT_OP];
	req->nr_segs = get_u16(p + OFF_NR_SEGS_INDIRECT);
	req->sector = get_u64(p + layout->id + FROM_ID_SECTOR);
	for (i = 0; i < XEN_BLKIF_INDIRECT_PAGES; i++)
		req->indirect_gref[i] = get_u32(grefs + i * sizeof(u32));
}

static void decode_direct(const struct xen_blkif_layout *layout, const u8 *p,
			  struct xen_blkif_req *req, struct xen_blkif_seg *segs)
{
	u32 nr;

	req->nr_segs = p[OFF_NR_SEGS_DIRECT];
	req->sector = get_u64(p + layout->id + FROM_ID_SECTOR);

	/* A count that is too large is judged later; the slot ends here. */
	nr = req->nr_segs;
	if (nr > XEN_BLKIF_DIRECT_SEGS)
		nr = XEN_BLKIF_DIRECT_SEGS;
	xen_blkif_decode_segs(p + layout->id + FROM_ID_SEGS, nr, segs);
}

/**
 * xen_blkif_decode - bring a ring slot into the backend's own form
 * @layout: slot layout
 * @slot: private copy of the slot, @layout->slot_size bytes
 * @req: filled; contents are what the frontend wrote and not yet trusted
 * @segs: room for XEN_BLKIF_DIRECT_SEGS; filled for a direct request
 *
 * Never fails: @req->id, which the response needs, is at the same place for every
 * operation, known or not.
 */
void xen_blkif_decode(const struct xen_blkif_layout *layout, const void *slot,
		      struct xen_blkif_req *req, struct xen_blkif_seg *segs)
{
	const u8 *p = slot;

	memset(req, 0, sizeof(*req));
	req->op = p[OFF_OPERATION];
	req->id = get_u64(p + layout->id);

	switch (req->op) {
	case XEN_BLKIF_OP_READ:
	case XEN_BLKIF_OP_WRITE:
	case XEN_BLKIF_OP_WRITE_BARRIER:
	case XEN_BLKIF_OP_FLUSH_DISKCACHE:
		decode_direct(layout, p, req, segs);
		break;
	case XEN_BLKIF_OP_INDIRECT:
		decode_indirect(layout, p, req);
		break;
	default:
		break;
	}
}

/**
 * xen_blkif_indirect_pages - descriptor pages of an indirect request
 * @nr_segs: number of segments
 *
 * Return: number of pages that hold @nr_segs descriptors.
 */
u32 xen_blkif_indirect_pages(u32 nr_segs)
{
	return (nr_segs + XEN_BLKIF_SEGS_PER_PAGE - 1) / XEN_BLKIF_SEGS_PER_PAGE;
}

/**
 * xen_blkif_seg_bytes - length of a segment
 * @seg: segment that has passed xen_blkif_check_segs()
 *
 * Return: bytes from the first to the last sector, both included.
 */
u32 xen_blkif_seg_bytes(const struct xen_blkif_seg *seg)
{
	return ((u32)seg->last - seg->first + 1) << XEN_BLKIF_SECTOR_SHIFT;
}

/**
 * xen_blkif_encode_rsp - build a response
 * @layout: slot layout
 * @id: the request's id
 * @op: the request's operation, struct xen_blkif_req.op
 * @status: one of enum xen_blkif_status
 * @rsp: room for @layout->rsp_size bytes
 *
 * Padding is zero, so that no byte of the backend's memory leaves with it.
 */
void xen_blkif_encode_rsp(const struct xen_blkif_layout *layout, u64 id, u8 op,
			  s16 status, void *rsp)
{
	u8 *p = rsp;

	memset(p, 0, layout->rsp_size);
	memcpy(p + RSP_ID, &id, sizeof(id));
	p[RSP_OPERATION] = op;
	memcpy(p + RSP_STATUS, &status, sizeof(status));
}

/* The operation alone: known, offered, and allowed on this disk? */
static enum xen_blkif_verdict check_op(const struct xen_blkif_req *req,
				       const struct xen_blkif_limits *lim)
{
	/* An indirect request carries a transfer, nothing else. */
	if (req->indirect && req->op != XEN_BLKIF_OP_READ &&
	    req->op != XEN_BLKIF_OP_WRITE)
		return XEN_BLKIF_BAD_OP;

	switch (req->op) {
	case XEN_BLKIF_OP_READ:
		return XEN_BLKIF_OK;
	case XEN_BLKIF_OP_WRITE:
		return lim->readonly ? XEN_BLKIF_READONLY : XEN_BLKIF_OK;
	case XEN_BLKIF_OP_FLUSH_DISKCACHE:
		if (lim->readonly)
			return req->nr_segs ? XEN_BLKIF_READONLY :
					      XEN_BLKIF_UNSUPPORTED;
		return lim->flush ? XEN_BLKIF_OK : XEN_BLKIF_UNSUPPORTED;
	case XEN_BLKIF_OP_WRITE_BARRIER:
	case XEN_BLKIF_OP_DISCARD:
		return lim->readonly ? XEN_BLKIF_READONLY :
				       XEN_BLKIF_UNSUPPORTED;
	default:
		return XEN_BLKIF_BAD_OP;
	}
}

static enum xen_blkif_verdict check_nr_segs(const struct xen_blkif_req *req,
					    const struct xen_blkif_limits *lim)
{
	u32 min = req->op == XEN_BLKIF_OP_FLUSH_DISKCACHE ? 0 : 1;
	u32 max = req->indirect ? lim->max_segs : XEN_BLKIF_DIRECT_SEGS;

	if (req->indirect && max > XEN_BLKIF_INDIRECT_PAGES * XEN_BLKIF_SEGS_PER_PAGE)
		max = XEN_BLKIF_INDIRECT_PAGES * XEN_BLKIF_SEGS_PER_PAGE;
	if (req->nr_segs < min || req->nr_segs > max)
		return XEN_BLKIF_BAD_NR_SEGS;
	return XEN_BLKIF_OK;
}

/**
 * xen_blkif_check_req - judge a request before its segments are looked at
 * @req: decoded request
 * @lim: what the disk allows
 *
 * After XEN_BLKIF_OK, @req->nr_segs is at most XEN_BLKIF_DIRECT_SEGS or, for an
 * indirect request, @lim->max_segs.
 *
 * Return: XEN_BLKIF_OK or the first rule that is broken.
 */
enum xen_blkif_verdict xen_blkif_check_req(const struct xen_blkif_req *req,
					   const struct xen_blkif_limits *lim)
{
	enum xen_blkif_verdict verdict = check_op(req, lim);

	if (verdict != XEN_BLKIF_OK)
		return verdict;
	return check_nr_segs(req, lim);
}

/**
 * xen_blkif_check_segs - judge the segments and the range they add up to
 * @req: request that has passed xen_blkif_check_req(); @req->nr_sectors is set
 * @segs: @req->nr_segs decoded segments
 * @lim: what the disk allows
 *
 * Return: XEN_BLKIF_OK or the first rule that is broken.
 */
enum xen_blkif_verdict xen_blkif_check_segs(struct xen_blkif_req *req,
					    const struct xen_blkif_seg *segs,
					    const struct xen_blkif_limits *lim)
{
	u32 mask = lim->block_sectors - 1;
	u32 total = 0;
	u32 i;

	for (i = 0; i < req->nr_segs; i++) {
		if (segs[i].first > segs[i].last ||
		    segs[i].last >= XEN_BLKIF_SECTORS_PER_PAGE)
			return XEN_BLKIF_BAD_SEG;
		total += segs[i].last - segs[i].first + 1u;
	}

	/* A flush without data has no position. */
	if (!total)
		return XEN_BLKIF_OK;

	if ((total & mask) || (req->sector & mask))
		return XEN_BLKIF_MISALIGNED;
	/* In this form neither side can wrap. */
	if (total > lim->capacity || req->sector > lim->capacity - total)
		return XEN_BLKIF_PAST_END;

	req->nr_sectors = total;
	return XEN_BLKIF_OK;
}

/**
 * xen_blkif_verdict_status - status of the response to a refused request
 * @verdict: outcome of validation
 *
 * Return: EOPNOTSUPP for what the ABI lets a backend not support, else ERROR.
 */
s16 xen_blkif_verdict_status(enum xen_blkif_verdict verdict)
{
	switch (verdict) {
	case XEN_BLKIF_OK:
		return XEN_BLKIF_STATUS_OKAY;
	case XEN_BLKIF_UNSUPPORTED:
	case XEN_BLKIF_BAD_OP:
		return XEN_BLKIF_STATUS_EOPNOTSUPP;
	default:
		return XEN_BLKIF_STATUS_ERROR;
	}
}

/* Value of a digit in any base up to 16, or 255. */
static u32 digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 255;
}

/* Parse digits up to @end; no sign, no blank, no prefix, no overflow. */
static int parse_number(const char **s, u32 base, char end, u64 max, u32 *val)
{
	const char *p = *s;
	u64 v = 0;

	if (digit(*p) >= base)
		return -EINVAL;
	for (; *p != end; p++) {
		u32 d = digit(*p);

		if (d >= base)
			return -EINVAL;
		v = v * base + d;
		if (v > max)
			return -ERANGE;
	}
	*s = p;
	*val = v;
	return 0;
}

/**
 * xen_blkif_parse_u32 - parse a decimal xenstore value
 * @s: NUL-terminated value
 * @min: smallest value accepted
 * @max: largest value accepted
 * @val: set on success only
 *
 * Return: 0, -EINVAL if @s is not a plain decimal number, -ERANGE if it is out
 * of range.
 */
int xen_blkif_parse_u32(const char *s, u32 min, u32 max, u32 *val)
{
	u32 v;
	int err;

	err = parse_number(&s, 10, '\0', max, &v);
	if (err)
		return err;
	if (v < min)
		return -ERANGE;
	*val = v;
	return 0;
}

/**
 * xen_blkif_parse_protocol - parse the xenstore value "protocol"
 * @s: NUL-terminated value, or NULL if the key is absent
 * @abi: set on success only
 *
 * An absent key means the backend's native layout; that is the default the
 * block interface documents.
 *
 * Return: 0, or -EINVAL for a protocol that is not known.
 */
int xen_blkif_parse_protocol(const char *s, enum xen_blkif_abi *abi)
{
	if (!s) {
		*abi = xen_blkif_native_abi();
		return 0;
	}
	if (!strcmp(s, "x86_32-abi")) {
		*abi = XEN_BLKIF_ABI_X86_32;
		return 0;
	}
	/* Arm frontends name themselves; their layout is the 64-bit one. */
	if (!strcmp(s, "x86_64-abi") || !strcmp(s, "arm-abi")) {
		*abi = XEN_BLKIF_ABI_X86_64;
		return 0;
	}
	return -EINVAL;
}

/**
 * xen_blkif_parse_device - parse the xenstore value "physical-device"
 * @s: NUL-terminated value, two hexadecimal numbers with a colon
 * @major: set on success only
 * @minor: set on success only
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int xen_blkif_parse_device(const char *s, u32 *major, u32 *minor)
{
	u32 ma, mi;
	int err;

	err = parse_number(&s, 16, ':', 0xfff, &ma);
	if (err)
		return err;
	s++;
	err = parse_number(&s, 16, '\0', 0xfffff, &mi);
	if (err)
		return err;
	*major = ma;
	*minor = mi;
	return 0;
}
