/* SPDX-License-Identifier: GPL-2.0-only */
/* A network ring under ring.c, as both directions use it. */
#ifndef FUZZ_NETRING_H
#define FUZZ_NETRING_H

#include "input.h"
#include <netback/netback.h>

#define NETRING_SLOTS	256u

struct netring {
	struct xen_netback_ring ring;
	u32 slot_size;
	u32 cons, rsp, pushed;
};

/* Each of these takes the guest's side from @in and checks ours. */
bool netring_attach(struct netring *r, struct input *in, u32 slot_size);
int netring_look(struct netring *r, struct input *in);
void netring_push(struct netring *r, struct input *in);
void netring_arm(struct netring *r, u32 n);
void netring_detach(struct netring *r);

/* Offset of the slot that is next to be taken. */
u32 netring_take_offset(const struct netring *r);

/* Around a put of a response of @size bytes; the first gives its offset. */
u32 netring_expect_put(struct netring *r, u32 size);
void netring_check_put(struct netring *r, u32 off, const void *want, u32 size);

#endif /* FUZZ_NETRING_H */
