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

struct workqueue_struct *xen_blkback_ctl_wq;

static int __init xen_blkback_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;

	/* Opens devices and talks to xenstore, hence apart from the I/O. */
	xen_blkback_ctl_wq = alloc_workqueue("xen-vbd-ctl", WQ_UNBOUND,
					     WQ_MAX_ACTIVE);
	if (!xen_blkback_ctl_wq)
		return -ENOMEM;
	err = xen_blkback_xenbus_register();
	if (err)
		destroy_workqueue(xen_blkback_ctl_wq);
	return err;
}
module_init(xen_blkback_init);

static void __exit xen_blkback_exit(void)
{
	xen_blkback_xenbus_unregister();
	xen_blkback_wait_all_gone();
	destroy_workqueue(xen_blkback_ctl_wq);
	/* Completions that were about to leave this module's text. */
	synchronize_rcu();
}
module_exit(xen_blkback_exit);

MODULE_DESCRIPTION("Xen virtual block device backend");
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen-backend:vbd");
MODULE_ALIAS("xen-blkback");
