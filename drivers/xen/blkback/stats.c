// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: counters in sysfs, under the device's "statistics".
 *
 * The counters belong to the device and live as long as it does, not to a
 * connection: reading them races with no teardown, and they go on counting
 * when the guest reconnects.
 */

#include <linux/device.h>
#include <linux/sysfs.h>

#include "blkback.h"

static u64 sum(const struct xen_blkback *be, enum xen_blkback_stat stat)
{
	unsigned int i;
	u64 total = 0;

	for (i = 0; i < be->max_queues; i++)
		total += READ_ONCE(be->stats[i].count[stat]);
	return total;
}

#define STAT_ATTR(_name, _stat)						\
static ssize_t _name##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n",				\
			  sum(dev_get_drvdata(dev), _stat));		\
}									\
static DEVICE_ATTR_RO(_name)

STAT_ATTR(oo_req, XEN_BLKBACK_STAT_OO_REQ);
STAT_ATTR(rd_req, XEN_BLKBACK_STAT_RD_REQ);
STAT_ATTR(wr_req, XEN_BLKBACK_STAT_WR_REQ);
STAT_ATTR(f_req, XEN_BLKBACK_STAT_F_REQ);
STAT_ATTR(ds_req, XEN_BLKBACK_STAT_DS_REQ);
STAT_ATTR(rd_sect, XEN_BLKBACK_STAT_RD_SECT);
STAT_ATTR(wr_sect, XEN_BLKBACK_STAT_WR_SECT);
STAT_ATTR(segments, XEN_BLKBACK_STAT_SEGMENTS);
STAT_ATTR(errors, XEN_BLKBACK_STAT_ERRORS);
STAT_ATTR(copy_hypercalls, XEN_BLKBACK_STAT_COPY_CALLS);
STAT_ATTR(copy_ops, XEN_BLKBACK_STAT_COPY_OPS);
STAT_ATTR(copy_bytes, XEN_BLKBACK_STAT_COPY_BYTES);
STAT_ATTR(notifications, XEN_BLKBACK_STAT_NOTIFIES);
STAT_ATTR(events, XEN_BLKBACK_STAT_EVENTS);
STAT_ATTR(runs, XEN_BLKBACK_STAT_RUNS);

static struct attribute *stat_attrs[] = {
	&dev_attr_oo_req.attr,
	&dev_attr_rd_req.attr,
	&dev_attr_wr_req.attr,
	&dev_attr_f_req.attr,
	&dev_attr_ds_req.attr,
	&dev_attr_rd_sect.attr,
	&dev_attr_wr_sect.attr,
	&dev_attr_segments.attr,
	&dev_attr_errors.attr,
	&dev_attr_copy_hypercalls.attr,
	&dev_attr_copy_ops.attr,
	&dev_attr_copy_bytes.attr,
	&dev_attr_notifications.attr,
	&dev_attr_events.attr,
	&dev_attr_runs.attr,
	NULL
};

static const struct attribute_group stat_group = {
	.name = "statistics",
	.attrs = stat_attrs,
};

static ssize_t physical_device_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	const struct xen_blkback *be = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%x:%x\n", READ_ONCE(be->major),
			  READ_ONCE(be->minor));
}
static DEVICE_ATTR_RO(physical_device);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	const struct xen_blkback *be = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", READ_ONCE(be->readonly) ? "r" : "w");
}
static DEVICE_ATTR_RO(mode);

static struct attribute *disk_attrs[] = {
	&dev_attr_physical_device.attr,
	&dev_attr_mode.attr,
	NULL
};

static const struct attribute_group disk_group = {
	.attrs = disk_attrs,
};

static const struct attribute_group *groups[] = {
	&disk_group,
	&stat_group,
	NULL
};

/**
 * xen_blkback_stats_add - create the attributes
 * @xdev: device whose driver data is set
 *
 * Return: 0 or a negative error.
 */
int xen_blkback_stats_add(struct xenbus_device *xdev)
{
	return sysfs_create_groups(&xdev->dev.kobj, groups);
}

/**
 * xen_blkback_stats_remove - remove the attributes; waits for their readers
 * @xdev: device whose driver data is still set
 */
void xen_blkback_stats_remove(struct xenbus_device *xdev)
{
	sysfs_remove_groups(&xdev->dev.kobj, groups);
}
