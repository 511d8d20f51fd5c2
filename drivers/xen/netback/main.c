// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: the module.
 */
#include <linux/cpumask.h>
#include <linux/module.h>

#include <xen/xen.h>

#include "netback.h"

/* More queues than this rarely pay, and each costs the guest memory. */
#define QUEUES_DEFAULT	8U

unsigned int xen_netback_max_queues;
module_param_named(max_queues, xen_netback_max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues,
		 "Queues that a guest may ask for, per interface (default: CPUs, at most 8)");

static int __init netback_init(void)
{
	if (!xen_domain())
		return -ENODEV;

	if (!xen_netback_max_queues)
		xen_netback_max_queues = min(num_online_cpus(), QUEUES_DEFAULT);
	xen_netback_max_queues = min(xen_netback_max_queues,
				     XEN_NETBACK_QUEUES_MAX);
	return xen_netback_xenbus_register();
}
module_init(netback_init);

static void __exit netback_exit(void)
{
	xen_netback_xenbus_unregister();
}
module_exit(netback_exit);

MODULE_DESCRIPTION("Xen network backend");
MODULE_LICENSE("GPL");
MODULE_ALIAS("xen-backend:vif");
MODULE_ALIAS("xen-netback");
