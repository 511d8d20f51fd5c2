// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: the grant-copy hypercall.
 */

#include <asm/xen/hypercall.h>

#include "netback.h"

/* Retries in a whole batch: this runs in softirq and cannot wait. */
#define EAGAIN_RETRIES	16

static void hypercall(struct gnttab_copy *op, u32 n)
{
	u32 i;

	/* What the hypervisor did not get to has failed. */
	for (i = 0; i < n; i++)
		op[i].status = GNTST_general_error;

	/*
	 * The return value adds nothing: each operation has its own result,
	 * and those that were not reached keep the one set above.
	 */
	(void)HYPERVISOR_grant_table_op(GNTTABOP_copy, op, n);
}

/**
 * xen_netback_copy() - do a batch of grant copies
 * @op: the operations; their status is set on return
 * @n:  how many, at least 1
 *
 * The frontend's page may be away for a moment (GNTST_eagain).  A few such
 * operations are tried again at once; more of them, or longer, count as failed.
 *
 * Context: any, does not sleep.
 */
void xen_netback_copy(struct gnttab_copy *op, u32 n)
{
	u32 retries = EAGAIN_RETRIES;
	u32 i;

	hypercall(op, n);

	for (i = 0; i < n; i++) {
		while (unlikely(op[i].status == GNTST_eagain) && retries) {
			hypercall(&op[i], 1);
			retries--;
		}
	}
}
