// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: negotiation through xenstore.
 *
 * What each state of the frontend makes us do:
 *
 *	frontend	queues			our state becomes
 *	Initialising	taken down		InitWait
 *	InitWait	-			-
 *	Initialised	-			-
 *	Connected	built, once the hotplug	Connected
 *			script is through
 *	Closing		taken down		Closing
 *	Closed		taken down		Closed; removed if offline
 *	(no directory)	taken down		Closed; removed
 *	anything else	-			-
 *
 * All keys of the frontend are read once per connect, into one structure, and
 * are checked before anything is built from them.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/xen.h>

#include "netback.h"

/* What we offer, and the value that says so. */
static const char * const offered[] = {
	"feature-sg",
	"feature-gso-tcpv4",
	"feature-gso-tcpv6",
	"feature-ipv6-csum-offload",
	"feature-rx-copy",
	"feature-split-event-channels",
};

/* A number that the frontend wrote; @value stays when the key is missing. */
static int read_key(const char *dir, const char *key, u32 min, u32 max,
		    u32 *value)
{
	unsigned int len;
	char *str;
	int err;

	str = xenbus_read(XBT_NIL, dir, key, &len);
	if (IS_ERR(str))
		return PTR_ERR(str);
	err = xen_netback_parse_u32(str, len, min, max, value);
	kfree(str);
	return err;
}

static int read_flag(struct xen_netback_vif *vif, const char *key, bool missing,
		     bool *flag)
{
	u32 value = missing;
	int err;

	err = read_key(vif->xdev->otherend, key, 0, 1, &value);
	if (err && err != -ENOENT)
		return err;
	*flag = value;
	return 0;
}

static int read_features(struct xen_netback_vif *vif,
			 struct xen_netback_features *f)
{
	bool rx_copy, no_csum_ipv4;
	const struct {
		const char *key;
		bool missing;
		bool *flag;
	} keys[] = {
		{ "request-rx-copy", false, &rx_copy },
		{ "feature-sg", false, &f->sg },
		{ "feature-gso-tcpv4", false, &f->gso_tcpv4 },
		{ "feature-gso-tcpv6", false, &f->gso_tcpv6 },
		{ "feature-no-csum-offload", false, &no_csum_ipv4 },
		{ "feature-ipv6-csum-offload", false, &f->csum_ipv6 },
		{ "feature-rx-notify", false, &f->rx_notify },
	};
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		err = read_flag(vif, keys[i].key, keys[i].missing,
				keys[i].flag);
		if (err)
			return err;
	}
	f->csum_ipv4 = !no_csum_ipv4;

	/* The other way to receive, page flipping, is long gone. */
	return rx_copy ? 0 : -EOPNOTSUPP;
}

static int read_queue(const char *dir, struct xen_netback_queue_keys *keys)
{
	int err;

	err = read_key(dir, "tx-ring-ref", 0, U32_MAX, &keys->tx_ref);
	if (!err)
		err = read_key(dir, "rx-ring-ref", 0, U32_MAX, &keys->rx_ref);
	if (err)
		return err;
	if (keys->tx_ref == keys->rx_ref)
		return -EINVAL;

	err = read_key(dir, "event-channel-tx", 1, U32_MAX, &keys->tx_port);
	if (err == -ENOENT) {
		err = read_key(dir, "event-channel", 1, U32_MAX,
			       &keys->tx_port);
		keys->rx_port = keys->tx_port;
		return err;
	}
	if (err)
		return err;

	err = read_key(dir, "event-channel-rx", 1, U32_MAX, &keys->rx_port);
	if (!err && keys->rx_port == keys->tx_port)
		return -EINVAL;
	return err;
}

static int read_config(struct xen_netback_vif *vif,
		       struct xen_netback_config *config)
{
	const char *otherend = vif->xdev->otherend;
	char *dir;
	u32 i;
	int err;

	config->nr_queues = 1;
	err = read_key(otherend, "multi-queue-num-queues", 1, vif->max_queues,
		       &config->nr_queues);
	if (err && err != -ENOENT)
		return err;

	err = read_features(vif, &config->features);
	if (err)
		return err;

	/* One queue is described at the top, for old frontends and new. */
	if (config->nr_queues == 1)
		return read_queue(otherend, &config->keys[0]);

	for (i = 0; i < config->nr_queues; i++) {
		dir = kasprintf(GFP_KERNEL, "%s/queue-%u", otherend, i);
		if (!dir)
			return -ENOMEM;
		err = read_queue(dir, &config->keys[i]);
		kfree(dir);
		if (err)
			return err;
	}
	return 0;
}

static bool hotplug_done(struct xen_netback_vif *vif)
{
	unsigned int len;
	bool done;
	char *str;

	str = xenbus_read(XBT_NIL, vif->xdev->nodename, "hotplug-status", &len);
	if (IS_ERR(str))
		return false;
	done = !strcmp(str, "connected");
	kfree(str);
	return done;
}

/*
 * The frontend loses this device until it starts over.  It can do so as often
 * as it likes, so not every time is worth a line in the log.
 */
static void refuse(struct xen_netback_vif *vif, int err, const char *why)
{
	if (__ratelimit(&vif->ratelimit))
		xenbus_dev_fatal(vif->xdev, err, "%s", why);
	else
		xenbus_switch_state(vif->xdev, XenbusStateClosing);
}

/*
 * A connection costs Dom0 a lot more than the frontend that asks for it, some of
 * that under RTNL, and the bus logs a ring that it cannot map, every time.  So
 * there are ten a second at the most.  The first is at once, but never in the
 * thread that delivers everybody's watches.
 */
#define CONNECT_PAUSE	msecs_to_jiffies(100)

static void ask_to_connect(struct xen_netback_vif *vif)
{
	long left = vif->next_connect - jiffies;

	lockdep_assert_held(&vif->lock);
	mod_delayed_work(system_power_efficient_wq, &vif->connect_work,
			 max(left, 0L));
}

/* Connect if everybody is ready for it. */
static void try_connect(struct xen_netback_vif *vif)
{
	struct xen_netback_config *config;
	int err;

	lockdep_assert_held(&vif->lock);
	if (!vif->frontend_ready || !hotplug_done(vif) ||
	    xen_netback_state(vif) != XEN_NETBACK_WAITING ||
	    vif->xdev->state != XenbusStateInitWait)
		return;

	vif->next_connect = jiffies + CONNECT_PAUSE;
	config = kzalloc_obj(*config);
	if (!config) {
		refuse(vif, -ENOMEM, "no memory to connect");
		return;
	}

	err = read_config(vif, config);
	if (err) {
		refuse(vif, err, "reading the frontend's configuration");
	} else {
		err = xen_netback_connect(vif, config);
		if (err)
			refuse(vif, err, "connecting rings and events");
		else
			xenbus_switch_state(vif->xdev, XenbusStateConnected);
	}
	kfree(config);
}

/**
 * xen_netback_connect_work() - connect when its turn has come
 * @work: connect_work of a vif
 *
 * Context: process.
 */
void xen_netback_connect_work(struct work_struct *work)
{
	struct xen_netback_vif *vif =
		container_of(to_delayed_work(work), struct xen_netback_vif,
			     connect_work);

	mutex_lock(&vif->lock);
	try_connect(vif);
	mutex_unlock(&vif->lock);
}

static bool one_event_at_a_time(struct xenbus_watch *watch, const char *path,
				const char *token)
{
	return !watch->nr_pending;
}

static void hotplug_changed(struct xenbus_watch *watch, const char *path,
			    const char *token)
{
	struct xen_netback_vif *vif =
		container_of(watch, struct xen_netback_vif, hotplug_watch);

	mutex_lock(&vif->lock);
	ask_to_connect(vif);
	mutex_unlock(&vif->lock);
}

/**
 * xen_netback_quarantine_work() - the part of quarantine that can sleep
 * @work: quarantine_work of a vif
 *
 * Context: process.
 */
void xen_netback_quarantine_work(struct work_struct *work)
{
	struct xen_netback_vif *vif =
		container_of(work, struct xen_netback_vif, quarantine_work);

	mutex_lock(&vif->lock);
	if (xen_netback_state(vif) == XEN_NETBACK_QUARANTINED) {
		xen_netback_disconnect(vif);
		vif->frontend_ready = false;
		refuse(vif, -EPROTO,
		       xen_netback_fault_name(READ_ONCE(vif->fault)));
	}
	mutex_unlock(&vif->lock);
}

static void take_down(struct xen_netback_vif *vif, enum xenbus_state state)
{
	vif->frontend_ready = false;
	xen_netback_disconnect(vif);
	xenbus_switch_state(vif->xdev, state);
}

static void frontend_changed(struct xenbus_device *xdev,
			     enum xenbus_state state)
{
	struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);
	bool remove = false;

	mutex_lock(&vif->lock);
	switch (state) {
	case XenbusStateInitialising:
		take_down(vif, XenbusStateInitWait);
		break;
	case XenbusStateConnected:
		vif->frontend_ready = true;
		ask_to_connect(vif);
		break;
	case XenbusStateClosing:
		take_down(vif, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		take_down(vif, XenbusStateClosed);
		remove = !xenbus_dev_is_online(xdev);
		break;
	case XenbusStateUnknown:
		take_down(vif, XenbusStateClosed);
		remove = true;
		break;
	default:
		/* Between the others, or nonsense: nothing to do for us. */
		break;
	}
	mutex_unlock(&vif->lock);

	if (remove)
		device_unregister(&xdev->dev);
}

static int write_features(struct xenbus_device *xdev, u32 max_queues,
			  struct xenbus_transaction xbt)
{
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(offered); i++) {
		err = xenbus_write(xbt, xdev->nodename, offered[i], "1");
		if (err)
			return err;
	}
	return xenbus_printf(xbt, xdev->nodename, "multi-queue-max-queues",
			     "%u", max_queues);
}

static int offer_features(struct xenbus_device *xdev, u32 max_queues)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = write_features(xdev, max_queues, xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

static void vif_remove(struct xenbus_device *xdev)
{
	struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);

	if (vif->hotplug_watched) {
		unregister_xenbus_watch(&vif->hotplug_watch);
		kfree(vif->hotplug_watch.node);
	}
	/* With the watches gone, nobody asks any more. */
	cancel_delayed_work_sync(&vif->connect_work);
	cancel_work_sync(&vif->quarantine_work);

	mutex_lock(&vif->lock);
	xen_netback_disconnect(vif);
	xen_netback_set_state(vif, XEN_NETBACK_GONE);
	mutex_unlock(&vif->lock);
	/* Quarantine needs running queues, and there are none any more. */
	cancel_work_sync(&vif->quarantine_work);

	/* A new netdev has to go through the hotplug script again. */
	xenbus_rm(XBT_NIL, xdev->nodename, "hotplug-status");
	kobject_uevent(&xdev->dev.kobj, KOBJ_OFFLINE);
	dev_set_drvdata(&xdev->dev, NULL);
	kfree(vif->script);
	xen_netback_vif_destroy(vif);
}

/* Hotplug scripts look for the netdev, so it exists before anybody is told. */
static int announce(struct xen_netback_vif *vif)
{
	struct xenbus_device *xdev = vif->xdev;
	int err;

	err = offer_features(xdev, vif->max_queues);
	if (err)
		return err;

	err = xenbus_watch_pathfmt(xdev, &vif->hotplug_watch,
				   one_event_at_a_time, hotplug_changed,
				   "%s/%s", xdev->nodename, "hotplug-status");
	if (err)
		return err;
	vif->hotplug_watched = true;

	err = xenbus_switch_state(xdev, XenbusStateInitWait);
	if (err)
		return err;
	kobject_uevent(&xdev->dev.kobj, KOBJ_ONLINE);
	return 0;
}

static int vif_probe(struct xenbus_device *xdev,
		     const struct xenbus_device_id *id)
{
	struct xen_netback_vif *vif;
	u32 handle;
	char *script;
	int err;

	err = read_key(xdev->nodename, "handle", 0, U32_MAX, &handle);
	if (err) {
		xenbus_dev_fatal(xdev, err, "reading handle");
		return err;
	}

	vif = xen_netback_vif_create(xdev, handle);
	if (IS_ERR(vif)) {
		err = PTR_ERR(vif);
		xenbus_dev_fatal(xdev, err, "creating interface");
		return err;
	}

	script = xenbus_read(XBT_NIL, xdev->nodename, "script", NULL);
	vif->script = IS_ERR(script) ? NULL : script;
	dev_set_drvdata(&xdev->dev, vif);

	err = announce(vif);
	if (err) {
		xenbus_dev_fatal(xdev, err, "announcing interface");
		vif_remove(xdev);
	}
	return err;
}

static int vif_uevent(const struct xenbus_device *xdev,
		      struct kobj_uevent_env *env)
{
	const struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);

	if (!vif)
		return 0;
	if (vif->script && add_uevent_var(env, "script=%s", vif->script))
		return -ENOMEM;
	return add_uevent_var(env, "vif=%s", vif->dev->name);
}

static const struct xenbus_device_id vif_ids[] = {
	{ "vif" },
	{ "" }
};

static struct xenbus_driver vif_driver = {
	.name = "xen-vif-backend",
	.ids = vif_ids,
	.probe = vif_probe,
	.remove = vif_remove,
	.uevent = vif_uevent,
	.otherend_changed = frontend_changed,
	.allow_rebind = true,
};

/**
 * xen_netback_xenbus_register() - serve the vifs of all guests from now on
 *
 * Context: process.
 * Return: 0 or a negative error.
 */
int xen_netback_xenbus_register(void)
{
	return xenbus_register_backend(&vif_driver);
}

/**
 * xen_netback_xenbus_unregister() - let go of all vifs
 *
 * Context: process.
 */
void xen_netback_xenbus_unregister(void)
{
	xenbus_unregister_driver(&vif_driver);
}
