// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which domain a passed-through PCI device belongs to
 *
 * pciback enters it, the MSI code reads it: interrupts of an assigned device
 * are mapped into its owner. A device that is not entered is Dom0's own.
 */

#include <linux/export.h>
#include <linux/pci.h>
#include <linux/xarray.h>

#include <xen/interface/xen.h>
#include <xen/pci.h>

/* struct pci_dev * to domain id. The entry holds no reference to the device. */
static DEFINE_XARRAY(pci_owners);

/**
 * xen_find_device_domain_owner - Domain that owns a device
 * @pdev: device
 *
 * Context: Any.
 * Return: domain id, or -ENODEV if the device is Dom0's own.
 */
int xen_find_device_domain_owner(struct pci_dev *pdev)
{
	void *entry = xa_load(&pci_owners, (unsigned long)pdev);

	return entry ? xa_to_value(entry) : -ENODEV;
}
EXPORT_SYMBOL_GPL(xen_find_device_domain_owner);

/**
 * xen_register_device_domain_owner - Give a device to a domain
 * @pdev: device; must stay until xen_unregister_device_domain_owner()
 * @domain: domain id
 *
 * Context: Process context. May sleep.
 * Return: 0, -EEXIST if it has an owner already, -ENOMEM.
 */
int xen_register_device_domain_owner(struct pci_dev *pdev, u16 domain)
{
	int ret = xa_insert(&pci_owners, (unsigned long)pdev,
			    xa_mk_value(domain), GFP_KERNEL);

	return ret == -EBUSY ? -EEXIST : ret;
}
EXPORT_SYMBOL_GPL(xen_register_device_domain_owner);

/**
 * xen_unregister_device_domain_owner - Take a device back into Dom0
 * @pdev: device
 *
 * Context: Process context. May sleep.
 * Return: 0, or -ENODEV if it had no owner.
 */
int xen_unregister_device_domain_owner(struct pci_dev *pdev)
{
	return xa_erase(&pci_owners, (unsigned long)pdev) ? 0 : -ENODEV;
}
EXPORT_SYMBOL_GPL(xen_unregister_device_domain_owner);
