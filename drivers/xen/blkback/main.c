// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: module entry and exit.
 */

#include <linux/module.h>

#include <xen/xen.h>

#include "blkback.h"

/* Bounce pages of one disk, divided among its queues: 4 MiB. */
unsigned int xen_blkback_buffer_pages = 1024;
module_param_named(buffer_pages, xen_blkback_buffer_pages, uint, 0644);
MODULE_PARM_DESC(buffer_pages,
		 "Pages for data in transit, for each disk (default 1024)");

struct workqueue_struct *xen_blkback_io_wq;
struct workqueue_struct *xen_blkback_ctl_wq;

static int __init xen_blkback_init(void)
{
	int err = -ENOMEM;

	if (!xen_domain())
		return -ENODEV;

	/*
	 * Guests and Dom0 itself may need this I/O to get memory back.  A work
	 * item that waits in the block layer for a slow disk shall not keep
	 * those of other disks from running: as many at once as possible.
	 */
	xen_blkback_io_wq = alloc_workqueue("xen-vbd-io",
					    WQ_UNBOUND | WQ_MEM_RECLAIM,
					    WQ_MAX_ACTIVE);
	/* Opens devices and talks to xenstore, hence apart from the I/O. */
	xen_blkback_ctl_wq = alloc_workqueue("xen-vbd-ctl", WQ_UNBOUND,
					     WQ_MAX_ACTIVE);
	if (xen_blkback_io_wq && xen_blkback_ctl_wq)
		err = xen_blkback_xenbus_register();
	if (!err)
		return 0;

	if (xen_blkback_ctl_wq)
		destroy_workqueue(xen_blkback_ctl_wq);
	if (xen_blkback_io_wq)
		destroy_workqueue(xen_blkback_io_wq);
	return err;
}
module_init(xen_blkback_init);

static void __exit xen_blkback_exit(void)
{
	xen_blkback_xenbus_unregister();
	xen_blkback_wait_all_gone();
	destroy_workqueue(xen_blkback_ctl_wq);
	destroy_workqueue(xen_blkback_io_wq);
	/* Completions that were about to leave this module's text. */
	synchronize_rcu();
}
module_exit(xen_blkback_exit);

MODULE_DESCRIPTION("Xen virtual block device backend");
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen-backend:vbd");
MODULE_ALIAS("xen-blkback");
