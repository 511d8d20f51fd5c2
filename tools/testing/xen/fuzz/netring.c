// SPDX-License-Identifier: GPL-2.0-only
/* A network ring: indices, attaching, notification, for both directions. */

#include "netring.h"

static struct xenbus_device xenbus_device;
static int map_error;
static u32 mapped;

int xenbus_map_ring_valloc(struct xenbus_device *xdev, grant_ref_t *grefs,
			   unsigned int nr_grefs, void **vaddr)
{
	MUST(xdev == &xenbus_device && nr_grefs == 1 && *grefs == 8);
	if (map_error)
		return map_error;
	/* The indices that the guest gave stay as they are. */
	*vaddr = model_address();
	mapped++;
	return 0;
}

int xenbus_unmap_ring_vfree(struct xenbus_device *xdev, void *vaddr)
{
	MUST(xdev == &xenbus_device && vaddr == model_address());
	MUST(mapped);
	mapped--;
	return 0;
}

/* Mapping may fail, with an error or with a positive grant status. */
static int choose_map_error(u8 choice)
{
	if (choice == 0xff)
		return -ENOMEM;
	return choice == 0xfe ? 1 : 0;
}

bool netring_attach(struct netring *r, struct input *in, u32 slot_size)
{
	u32 rsp, prod;
	int err;

	model_ring(1);
	map_error = choose_map_error(input_u8(in));
	mapped = 0;
	rsp = input_u32(in);
	prod = input_index(in, rsp);
	model_give_u32(RING_RSP_PROD, rsp);
	model_give_u32(RING_REQ_PROD, prod);

	*r = (struct netring) { .slot_size = slot_size };
	r->cons = rsp;
	r->rsp = rsp;
	r->pushed = rsp;
	model_steps(256);
	err = xen_netback_ring_attach(&r->ring, &xenbus_device, 8);
	if (map_error) {
		MUST(err < 0 && !r->ring.tx);
	} else if ((u32)(prod - rsp) > NETRING_SLOTS) {
		MUST(err == -EPROTO && !mapped && !r->ring.tx);
	} else {
		MUST(!err && mapped == 1);
		MUST(r->ring.size == NETRING_SLOTS);
	}
	return !err;
}

u32 netring_take_offset(const struct netring *r)
{
	return RING_SLOTS + r->cons % NETRING_SLOTS * r->slot_size;
}

u32 netring_expect_put(struct netring *r, u32 size)
{
	u32 off = RING_SLOTS + r->rsp % NETRING_SLOTS * r->slot_size;

	model_expect_stores(off, size);
	model_steps(64);
	return off;
}

void netring_check_put(struct netring *r, u32 off, const void *want, u32 size)
{
	u8 got[8];

	model_expect_stores(0, 0);
	MUST(size <= sizeof(got));
	model_see(off, got, size);
	MUST(!memcmp(got, want, size));
	r->rsp++;
	MUST(r->ring.prod == r->rsp);
}

/* The number of requests that wait, or -1 if the producer makes no sense. */
int netring_look(struct netring *r, struct input *in)
{
	u32 prod = input_index(in, r->cons);
	u64 behind = (u32)(prod - r->cons);
	u32 open = r->cons - r->rsp;
	u32 pending;
	bool valid;

	model_give_u32(RING_REQ_PROD, prod);
	model_steps(64);
	valid = xen_netback_ring_pending(&r->ring, &pending);
	MUST(model_fetched(RING_REQ_PROD, 4) == 4);
	MUST(valid == (behind + open <= NETRING_SLOTS));
	if (!valid)
		return -1;
	MUST(pending == behind);
	return pending;
}

void netring_push(struct netring *r, struct input *in)
{
	u32 event = input_index(in, r->rsp);
	u32 ahead = event - r->pushed - 1;	/* 0 for the first response */
	bool notify;

	model_give_u32(RING_RSP_EVENT, event);
	model_expect_stores(RING_RSP_PROD, 4);
	model_steps(64);
	notify = xen_netback_ring_push(&r->ring);
	model_expect_stores(0, 0);
	MUST(notify == (ahead < r->rsp - r->pushed));
	if (r->rsp != r->pushed)
		MUST(model_see_u32(RING_RSP_PROD) == r->rsp);
	r->pushed = r->rsp;
}

void netring_arm(struct netring *r, u32 n)
{
	model_expect_stores(RING_REQ_EVENT, 4);
	model_steps(64);
	xen_netback_ring_arm(&r->ring, n);
	model_expect_stores(0, 0);
	MUST(model_see_u32(RING_REQ_EVENT) == r->cons + n);
}

/* Unmapped once, however often. */
void netring_detach(struct netring *r)
{
	model_steps(64);
	xen_netback_ring_detach(&r->ring, &xenbus_device);
	xen_netback_ring_detach(&r->ring, &xenbus_device);
	MUST(!mapped && !r->ring.tx);
}
