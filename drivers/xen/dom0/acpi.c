// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep and power-off of the machine
 *
 * Dom0 runs the ACPI methods that prepare a sleep state; the last step, the
 * write to the PM1 control (or sleep control) registers, is Xen's: it has
 * other CPUs and other domains to stop first. Linux hands it over in
 * XENPF_enter_acpi_sleep, in PV and in PVH mode.
 *
 * ABI: struct xenpf_enter_acpi_sleep in include/xen/interface/platform.h
 */

#define pr_fmt(fmt) "xen: acpi: " fmt

#include <linux/acpi.h>
#include <linux/init.h>
#include <linux/limits.h>

#include <xen/acpi.h>
#include <xen/dom0.h>
#include <xen/interface/platform.h>
#include <xen/xen.h>

/* Positive: Xen has done it, the ACPI core must not write the registers. */
static int acpi_sleep(u8 state, u32 val_a, u32 val_b, u32 flags)
{
	struct xen_platform_op op = {
		.cmd = XENPF_enter_acpi_sleep,
		.u.enter_acpi_sleep = {
			.sleep_state	= state,
			.val_a		= val_a,
			.val_b		= val_b,
			.flags		= flags,
		},
	};
	int ret;

	/* The interface is 16 bits wide, the registers are no wider. */
	if (val_a > U16_MAX || val_b > U16_MAX) {
		pr_err("S%u: control values %#x, %#x do not fit\n",
		       state, val_a, val_b);
		return -EINVAL;
	}

	ret = xen_platform_op(&op);
	if (ret) {
		pr_err("S%u: refused by Xen: %d\n", state, ret);
		return ret;
	}

	return 1;
}

/**
 * xen_acpi_notify_hypervisor_sleep - Enter a sleep state by PM1 control
 * @state: sleep state, 1 to 5
 * @pm1a_cnt: value for the PM1a control register
 * @pm1b_cnt: value for the PM1b control register
 *
 * Context: Interrupts disabled, one CPU online. Does not return from S5.
 * Return: 1 if Xen entered and left the state, -errno if it refused.
 */
int xen_acpi_notify_hypervisor_sleep(u8 state, u32 pm1a_cnt, u32 pm1b_cnt)
{
	return acpi_sleep(state, pm1a_cnt, pm1b_cnt, 0);
}

/**
 * xen_acpi_notify_hypervisor_extended_sleep - Enter a sleep state on
 *	hardware-reduced ACPI
 * @state: sleep state, 1 to 5
 * @val_a: value for the sleep control register
 * @val_b: value for the sleep status register
 *
 * Context: Interrupts disabled, one CPU online. Does not return from S5.
 * Return: 1 if Xen entered and left the state, -errno if it refused.
 */
int xen_acpi_notify_hypervisor_extended_sleep(u8 state, u32 val_a, u32 val_b)
{
	/* These registers have eight bits. */
	if (val_a > U8_MAX || val_b > U8_MAX)
		return -EINVAL;

	return acpi_sleep(state, val_a, val_b, XENPF_ACPI_SLEEP_EXTENDED);
}

/* A PV Dom0 registers in its start of day code, which PVH does not run. */
static int __init xen_acpi_init(void)
{
	if (!xen_initial_domain() || !xen_pvh_domain())
		return 0;

	acpi_os_set_prepare_sleep(&xen_acpi_notify_hypervisor_sleep);
	acpi_os_set_prepare_extended_sleep(&xen_acpi_notify_hypervisor_extended_sleep);

	return 0;
}
arch_initcall(xen_acpi_init);
