// SPDX-License-Identifier: GPL-2.0-only
/*
 * Report PCI devices to Xen
 *
 * Xen finds the devices of segment 0 by itself, but not those behind a bridge
 * that Linux numbers anew, not virtual functions, not hot-plugged ones and
 * not other segments. Without a report a device has no IOMMU context and
 * Xen refuses its message signalled interrupts.
 *
 * ABI: include/xen/interface/physdev.h
 */

#define pr_fmt(fmt) "xen: pci: " fmt

#include <linux/acpi.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/limits.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pci-acpi.h>
#include <linux/rculist.h>

#include <asm/pci_x86.h>

#include <xen/dom0.h>
#include <xen/interface/physdev.h>
#include <xen/pci.h>
#include <xen/xen.h>

/* The interface names a segment in 16 bits. */
static bool pci_reportable(const struct pci_dev *pdev)
{
	return pci_domain_nr(pdev->bus) <= U16_MAX;
}

static struct physdev_pci_device pci_name_of(const struct pci_dev *pdev)
{
	return (struct physdev_pci_device) {
		.seg	= pci_domain_nr(pdev->bus),
		.bus	= pdev->bus->number,
		.devfn	= pdev->devfn,
	};
}

/* The ACPI object that is nearest to the device, going up the bus. */
static acpi_handle pci_nearest_acpi(struct pci_dev *pdev)
{
	acpi_handle handle = ACPI_HANDLE(&pdev->dev);
	struct pci_bus *bus;

	for (bus = pdev->bus; !handle && bus; bus = bus->parent)
		handle = acpi_pci_get_bridge_handle(bus);

	return handle;
}

/* Proximity domain (NUMA node as firmware numbers it), if firmware has one. */
static bool pci_proximity(struct pci_dev *pdev, u32 *pxm)
{
	acpi_handle handle = pci_nearest_acpi(pci_physfn(pdev));
	unsigned long long val;

	while (handle) {
		if (ACPI_SUCCESS(acpi_evaluate_integer(handle, "_PXM", NULL,
						       &val))) {
			*pxm = val;
			return true;
		}
		if (ACPI_FAILURE(acpi_get_parent(handle, &handle)))
			break;
	}

	return false;
}

static int pci_report_add(struct pci_dev *pdev)
{
	DEFINE_RAW_FLEX(struct physdev_pci_device_add, add, optarr, 1);
	struct pci_dev *physfn = pci_physfn(pdev);

	add->seg = pci_domain_nr(pdev->bus);
	add->bus = pdev->bus->number;
	add->devfn = pdev->devfn;

	if (pdev->is_virtfn) {
		add->flags |= XEN_PCI_DEV_VIRTFN;
		add->physfn.bus = physfn->bus->number;
		add->physfn.devfn = physfn->devfn;
	} else if (pci_ari_enabled(pdev->bus) && PCI_SLOT(pdev->devfn)) {
		add->flags |= XEN_PCI_DEV_EXTFN;
	}

	if (pci_proximity(pdev, &add->optarr[0]))
		add->flags |= XEN_PCI_DEV_PXM;

	return xen_physdev_op(PHYSDEVOP_pci_device_add, add);
}

static int pci_report_remove(struct pci_dev *pdev)
{
	struct physdev_pci_device name = pci_name_of(pdev);

	return xen_physdev_op(PHYSDEVOP_pci_device_remove, &name);
}

/*
 * Tell Xen which memory mapped configuration windows firmware has reserved:
 * only then does Xen use them, which extended capabilities need.
 */
static void pci_report_mmcfg(void)
{
	struct pci_mmcfg_region *cfg;

	if (!IS_ENABLED(CONFIG_PCI_MMCONFIG))
		return;

	rcu_read_lock();
	list_for_each_entry_rcu(cfg, &pci_mmcfg_list, list) {
		struct physdev_pci_mmcfg_reserved window = {
			.address	= cfg->address,
			.segment	= cfg->segment,
			.start_bus	= cfg->start_bus,
			.end_bus	= cfg->end_bus,
			.flags		= XEN_PCI_MMCFG_RESERVED,
		};
		int ret = xen_physdev_op(PHYSDEVOP_pci_mmcfg_reserved, &window);

		if (ret)
			pr_warn("%s not reported: %d\n", cfg->name, ret);
	}
	rcu_read_unlock();
}

static int pci_notify(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	static bool mmcfg_reported;
	struct pci_dev *pdev = to_pci_dev(data);
	int ret;

	if (action != BUS_NOTIFY_ADD_DEVICE && action != BUS_NOTIFY_DEL_DEVICE)
		return NOTIFY_DONE;

	/*
	 * The windows are known when the ACPI core has read the MCFG table and
	 * needed by Xen from the first device on. No initcall lies between.
	 */
	if (!mmcfg_reported) {
		mmcfg_reported = true;
		pci_report_mmcfg();
	}

	if (!pci_reportable(pdev)) {
		pci_info(pdev, "not reported to Xen: segment out of range\n");
		return NOTIFY_DONE;
	}

	ret = action == BUS_NOTIFY_ADD_DEVICE ? pci_report_add(pdev) :
						pci_report_remove(pdev);
	if (ret)
		pci_err(pdev, "Xen: %s refused: %d, MSI and passthrough may not work\n",
			action == BUS_NOTIFY_ADD_DEVICE ? "add" : "remove", ret);

	return NOTIFY_OK;
}

static struct notifier_block pci_nb = {
	.notifier_call = pci_notify,
};

/* Before the buses are scanned, which subsys_initcalls do. */
static int __init xen_dom0_pci_init(void)
{
	if (!xen_initial_domain())
		return 0;

	return bus_register_notifier(&pci_bus_type, &pci_nb);
}
arch_initcall(xen_dom0_pci_init);

/**
 * xen_reset_device - Tell Xen that a device has been reset
 * @pdev: device, after a function level reset
 *
 * Xen then drops what it cached about the device (vPCI, MSI masks).
 *
 * Context: Process context. May sleep.
 * Return: 0 or -errno; 0 too for a segment that Xen cannot name.
 */
int xen_reset_device(const struct pci_dev *pdev)
{
	struct pci_device_reset reset = {
		.dev	= pci_name_of(pdev),
		.flags	= PCI_DEVICE_RESET_FLR,
	};

	if (!pci_reportable(pdev))
		return 0;

	return xen_physdev_op(PHYSDEVOP_pci_device_reset, &reset);
}
EXPORT_SYMBOL_GPL(xen_reset_device);
