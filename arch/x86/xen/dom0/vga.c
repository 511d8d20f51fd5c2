// SPDX-License-Identifier: GPL-2.0-only
/*
 * The screen as Xen left it
 *
 * The boot loader told Xen, not Linux, which video mode is set. Xen passes it
 * on in a structure that has grown over time: a member counts only if the
 * size that came with it says that it is there.
 *
 * ABI: struct dom0_vga_console_info in include/xen/interface/xen.h
 */

#include <linux/init.h>
#include <linux/screen_info.h>
#include <linux/stddef.h>

#include <asm/setup.h>

#include <xen/interface/xen.h>

#include "../xen-ops.h"

#define has(size, member) \
	((size) >= offsetofend(struct dom0_vga_console_info, u.member))

static void __init vga_text(const struct dom0_vga_console_info *info,
			    struct screen_info *si)
{
	si->orig_video_isVGA	= VIDEO_TYPE_VGAC;
	si->orig_video_mode	= 3;
	si->orig_video_ega_bx	= 3;
	si->orig_video_lines	= info->u.text_mode_3.rows;
	si->orig_video_cols	= info->u.text_mode_3.columns;
	si->orig_video_points	= info->u.text_mode_3.font_height;
	si->orig_x		= info->u.text_mode_3.cursor_x;
	si->orig_y		= info->u.text_mode_3.cursor_y;
}

static void __init vga_lfb(const struct dom0_vga_console_info *info,
			   size_t size, struct screen_info *si)
{
	si->lfb_width		= info->u.vesa_lfb.width;
	si->lfb_height		= info->u.vesa_lfb.height;
	si->lfb_depth		= info->u.vesa_lfb.bits_per_pixel;
	si->lfb_linelength	= info->u.vesa_lfb.bytes_per_line;
	si->lfb_base		= info->u.vesa_lfb.lfb_base;
	si->lfb_size		= info->u.vesa_lfb.lfb_size;
	si->red_pos		= info->u.vesa_lfb.red_pos;
	si->red_size		= info->u.vesa_lfb.red_size;
	si->green_pos		= info->u.vesa_lfb.green_pos;
	si->green_size		= info->u.vesa_lfb.green_size;
	si->blue_pos		= info->u.vesa_lfb.blue_pos;
	si->blue_size		= info->u.vesa_lfb.blue_size;
	si->rsvd_pos		= info->u.vesa_lfb.rsvd_pos;
	si->rsvd_size		= info->u.vesa_lfb.rsvd_size;

	if (has(size, vesa_lfb.ext_lfb_base) && info->u.vesa_lfb.ext_lfb_base) {
		si->ext_lfb_base = info->u.vesa_lfb.ext_lfb_base;
		si->capabilities |= VIDEO_CAPABILITY_64BIT_BASE;
	}
}

/**
 * xen_init_vga - Describe the screen to Linux
 * @info: what Xen says about it
 * @size: how much of @info is there, in bytes
 * @si: boot parameters to fill in; left as they are for an unknown mode
 *
 * Context: Early boot, one CPU.
 */
void __init xen_init_vga(const struct dom0_vga_console_info *info, size_t size,
			 struct screen_info *si)
{
	if (!has(size, text_mode_3))
		return;

	switch (info->video_type) {
	case XEN_VGATYPE_TEXT_MODE_3:
		vga_text(info, si);
		break;

	case XEN_VGATYPE_VESA_LFB:
		if (!has(size, vesa_lfb.rsvd_size))
			break;
		vga_lfb(info, size, si);
		si->orig_video_isVGA = VIDEO_TYPE_VLFB;
		if (has(size, vesa_lfb.mode_attrs))
			si->vesa_attributes = info->u.vesa_lfb.mode_attrs;
		break;

	case XEN_VGATYPE_EFI_LFB:
		if (!has(size, vesa_lfb.rsvd_size))
			break;
		vga_lfb(info, size, si);
		si->orig_video_isVGA = VIDEO_TYPE_EFI;
		break;

	default:
		break;
	}
}
