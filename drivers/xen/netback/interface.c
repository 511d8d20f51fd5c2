// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: the netdev that a vif is seen as.
 */
#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "netback.h"

static const char * const tx_stat_names[XEN_NETBACK_TX_STATS] = {
	[XEN_NETBACK_TX_PACKETS]	= "guest_tx_packets",
	[XEN_NETBACK_TX_BYTES]		= "guest_tx_bytes",
	[XEN_NETBACK_TX_POLLS]		= "guest_tx_polls",
	[XEN_NETBACK_TX_HYPERCALLS]	= "guest_tx_copy_hypercalls",
	[XEN_NETBACK_TX_COPIES]		= "guest_tx_copy_ops",
	[XEN_NETBACK_TX_NOTIFIES]	= "guest_tx_notifies",
	[XEN_NETBACK_TX_DROP_SHAPE]	= "guest_tx_drop_shape",
	[XEN_NETBACK_TX_DROP_GRANT]	= "guest_tx_drop_grant",
	[XEN_NETBACK_TX_DROP_MEMORY]	= "guest_tx_drop_memory",
	[XEN_NETBACK_TX_DROP_OFFLOAD]	= "guest_tx_drop_offload",
};

static const char * const rx_stat_names[XEN_NETBACK_RX_STATS] = {
	[XEN_NETBACK_RX_PACKETS]	= "guest_rx_packets",
	[XEN_NETBACK_RX_BYTES]		= "guest_rx_bytes",
	[XEN_NETBACK_RX_HYPERCALLS]	= "guest_rx_copy_hypercalls",
	[XEN_NETBACK_RX_COPIES]		= "guest_rx_copy_ops",
	[XEN_NETBACK_RX_NOTIFIES]	= "guest_rx_notifies",
	[XEN_NETBACK_RX_STOPS]		= "guest_rx_stops",
	[XEN_NETBACK_RX_SLOT_ERRORS]	= "guest_rx_slot_errors",
	[XEN_NETBACK_RX_DROP_SIZE]	= "guest_rx_drop_size",
	[XEN_NETBACK_RX_DROP_NO_SLOTS]	= "guest_rx_drop_no_slots",
	[XEN_NETBACK_RX_DROP_DOWN]	= "guest_rx_drop_down",
};

static u64 sum_tx(const struct xen_netback_vif *vif, int which)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < vif->max_queues; i++)
		sum += xen_netback_counter(&vif->stats[i].tx, which);
	return sum;
}

static u64 sum_rx(const struct xen_netback_vif *vif, int which)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < vif->max_queues; i++)
		sum += xen_netback_counter(&vif->stats[i].rx, which);
	return sum;
}

static int vif_open(struct net_device *dev)
{
	struct xen_netback_vif *vif = netdev_priv(dev);
	struct xen_netback_queues *queues = rtnl_dereference(vif->queues);

	if (queues)
		xen_netback_queues_start(queues);
	netif_tx_start_all_queues(dev);
	/* Nobody waits for the guest any more: the carrier may be off for it. */
	if (queues)
		xen_netback_rx_look(vif);
	return 0;
}

static int vif_stop(struct net_device *dev)
{
	struct xen_netback_vif *vif = netdev_priv(dev);
	struct xen_netback_queues *queues = rtnl_dereference(vif->queues);

	netif_tx_stop_all_queues(dev);
	if (queues)
		xen_netback_queues_stop(queues);
	return 0;
}

static int vif_change_mtu(struct net_device *dev, int mtu)
{
	struct xen_netback_vif *vif = netdev_priv(dev);

	if (mtu > ETH_DATA_LEN && !vif->features.sg)
		return -EINVAL;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static netdev_features_t vif_fix_features(struct net_device *dev,
					  netdev_features_t features)
{
	const struct xen_netback_vif *vif = netdev_priv(dev);

	if (!vif->features.sg)
		features &= ~NETIF_F_SG;
	if (!vif->features.gso_tcpv4)
		features &= ~NETIF_F_TSO;
	if (!vif->features.gso_tcpv6)
		features &= ~NETIF_F_TSO6;
	if (!vif->features.csum_ipv4)
		features &= ~NETIF_F_IP_CSUM;
	if (!vif->features.csum_ipv6)
		features &= ~NETIF_F_IPV6_CSUM;
	return features;
}

/* The guest's transmit is our receive, and the other way round. */
static void vif_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *stats)
{
	const struct xen_netback_vif *vif = netdev_priv(dev);

	stats->rx_packets = sum_tx(vif, XEN_NETBACK_TX_PACKETS);
	stats->rx_bytes = sum_tx(vif, XEN_NETBACK_TX_BYTES);
	stats->rx_errors = sum_tx(vif, XEN_NETBACK_TX_DROP_SHAPE) +
			   sum_tx(vif, XEN_NETBACK_TX_DROP_GRANT) +
			   sum_tx(vif, XEN_NETBACK_TX_DROP_OFFLOAD);
	stats->rx_dropped = sum_tx(vif, XEN_NETBACK_TX_DROP_MEMORY);
	stats->tx_packets = sum_rx(vif, XEN_NETBACK_RX_PACKETS);
	stats->tx_bytes = sum_rx(vif, XEN_NETBACK_RX_BYTES);
	stats->tx_errors = sum_rx(vif, XEN_NETBACK_RX_SLOT_ERRORS);
	stats->tx_dropped = sum_rx(vif, XEN_NETBACK_RX_DROP_SIZE) +
			    sum_rx(vif, XEN_NETBACK_RX_DROP_NO_SLOTS) +
			    sum_rx(vif, XEN_NETBACK_RX_DROP_DOWN);
}

static const struct net_device_ops vif_netdev_ops = {
	.ndo_open		= vif_open,
	.ndo_stop		= vif_stop,
	.ndo_start_xmit		= xen_netback_start_xmit,
	.ndo_change_mtu		= vif_change_mtu,
	.ndo_fix_features	= vif_fix_features,
	.ndo_get_stats64	= vif_get_stats64,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
};

static int vif_get_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return XEN_NETBACK_TX_STATS + XEN_NETBACK_RX_STATS;
}

static void vif_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	int i;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < XEN_NETBACK_TX_STATS; i++)
		ethtool_puts(&data, tx_stat_names[i]);
	for (i = 0; i < XEN_NETBACK_RX_STATS; i++)
		ethtool_puts(&data, rx_stat_names[i]);
}

static void vif_get_ethtool_stats(struct net_device *dev,
				  struct ethtool_stats *stats, u64 *data)
{
	const struct xen_netback_vif *vif = netdev_priv(dev);
	int i;

	for (i = 0; i < XEN_NETBACK_TX_STATS; i++)
		*data++ = sum_tx(vif, i);
	for (i = 0; i < XEN_NETBACK_RX_STATS; i++)
		*data++ = sum_rx(vif, i);
}

static const struct ethtool_ops vif_ethtool_ops = {
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= vif_get_sset_count,
	.get_strings		= vif_get_strings,
	.get_ethtool_stats	= vif_get_ethtool_stats,
};

/* Packets that wait for a queue of a vif, beyond those in its ring. */
#define TX_QUEUE_LEN	64

static void vif_setup(struct net_device *dev)
{
	/*
	 * A bridge takes the lowest address of its ports for its own; this one
	 * is as high as a unicast address gets.
	 */
	static const u8 addr[ETH_ALEN] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

	eth_hw_addr_set(dev, addr);
	dev->netdev_ops = &vif_netdev_ops;
	dev->ethtool_ops = &vif_ethtool_ops;
	dev->hw_features = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM |
			   NETIF_F_TSO | NETIF_F_TSO6;
	dev->features = dev->hw_features | NETIF_F_RXCSUM;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU - VLAN_ETH_HLEN;
	/* A guest that takes no more keeps as many in memory, 64 KiB each. */
	dev->tx_queue_len = TX_QUEUE_LEN;
	netif_carrier_off(dev);
}

static int vif_init_stats(struct xen_netback_vif *vif)
{
	u32 i;

	vif->stats = kvzalloc_objs(*vif->stats, vif->max_queues);
	if (!vif->stats)
		return -ENOMEM;
	for (i = 0; i < vif->max_queues; i++) {
		u64_stats_init(&vif->stats[i].tx.sync);
		u64_stats_init(&vif->stats[i].rx.sync);
	}
	return 0;
}

/**
 * xen_netback_vif_create() - make the netdev of a vif
 * @xdev:   xenbus device
 * @handle: number of the interface in the guest
 *
 * Context: process.
 * Return: the vif or an error pointer.
 */
struct xen_netback_vif *xen_netback_vif_create(struct xenbus_device *xdev,
					       u32 handle)
{
	u32 max_queues = xen_netback_max_queues;
	struct xen_netback_vif *vif;
	struct net_device *dev;
	char name[IFNAMSIZ];
	int err;

	if (snprintf(name, sizeof(name), "vif%u.%u", xdev->otherend_id,
		     handle) >= sizeof(name))
		return ERR_PTR(-ERANGE);

	dev = alloc_netdev_mqs(sizeof(*vif), name, NET_NAME_UNKNOWN,
			       ether_setup, max_queues, max_queues);
	if (!dev)
		return ERR_PTR(-ENOMEM);

	vif = netdev_priv(dev);
	vif->dev = dev;
	vif->xdev = xdev;
	vif->domid = xdev->otherend_id;
	vif->handle = handle;
	vif->max_queues = max_queues;
	atomic_set(&vif->state, XEN_NETBACK_WAITING);
	mutex_init(&vif->lock);
	INIT_DELAYED_WORK(&vif->ctl, xen_netback_ctl);
	/* Nothing has been asked of it yet: all that may be saved is. */
	vif->next_change = jiffies - HZ;
	vif->next_connect = jiffies;
	INIT_DELAYED_WORK(&vif->stall_work, xen_netback_rx_stall);
	ratelimit_state_init(&vif->ratelimit, 10 * HZ, 5);

	/*
	 * The hotplug script gives us the MTU of the bridge before there is a
	 * frontend; one without sg has it lowered when it connects.
	 */
	vif->features.sg = true;

	SET_NETDEV_DEV(dev, &xdev->dev);
	vif_setup(dev);

	err = vif_init_stats(vif);
	if (!err)
		err = register_netdev(dev);
	if (err) {
		kvfree(vif->stats);
		free_netdev(dev);
		return ERR_PTR(err);
	}
	return vif;
}

/**
 * xen_netback_vif_destroy() - remove the netdev of a vif
 * @vif: the vif, without queues
 *
 * Context: process, without RTNL.
 */
void xen_netback_vif_destroy(struct xen_netback_vif *vif)
{
	struct xen_netback_stats *stats = vif->stats;

	unregister_netdev(vif->dev);
	mutex_destroy(&vif->lock);
	free_netdev(vif->dev);
	kvfree(stats);
}
