// SPDX-License-Identifier: MIT
/*
 * What ioctl writes. Newer commands encode direction and size; the table has those from before the
 * encoding and those that encode it wrongly.
 */
#include <asm/ioctls.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/kd.h>
#include <linux/loop.h>
#include <linux/serial.h>
#include <linux/sockios.h>
#include <linux/vt.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "tracer/syscall_row.h"

/* What the kernel calls struct termios and struct termio; glibc's differ. */
#define TERMIOS_BYTES 36
#define TERMIO_BYTES 18
#define TERMIOX_BYTES 14

/** A command that writes @size bytes; 0 when it is known to write nothing. */
struct ioctl_row {
	uint32_t command;
	uint16_t size;
	/** What is written refers to more, of a size that the table doesn't know. */
	bool unknown;
};

#define WRITES(command_, size_)                                                                    \
	{                                                                                          \
		.command = (command_), .size = (size_)                                             \
	}
#define REFERS(command_, size_)                                                                    \
	{                                                                                          \
		.command = (command_), .size = (size_), .unknown = true                            \
	}
#define SILENT(command_)                                                                           \
	{                                                                                          \
		.command = (command_)                                                              \
	}

static const struct ioctl_row ioctl_rows[] = {
	WRITES(TCGETS, TERMIOS_BYTES),
	SILENT(TCSETS),
	SILENT(TCSETSW),
	SILENT(TCSETSF),
	WRITES(TCGETA, TERMIO_BYTES),
	SILENT(TCSETA),
	SILENT(TCSETAW),
	SILENT(TCSETAF),
	SILENT(TCSBRK),
	SILENT(TCXONC),
	SILENT(TCFLSH),
	SILENT(TIOCEXCL),
	SILENT(TIOCNXCL),
	SILENT(TIOCSCTTY),
	WRITES(TIOCGPGRP, sizeof(pid_t)),
	SILENT(TIOCSPGRP),
	WRITES(TIOCOUTQ, sizeof(int)),
	SILENT(TIOCSTI),
	WRITES(TIOCGWINSZ, sizeof(struct winsize)),
	SILENT(TIOCSWINSZ),
	WRITES(TIOCMGET, sizeof(int)),
	SILENT(TIOCMBIS),
	SILENT(TIOCMBIC),
	SILENT(TIOCMSET),
	WRITES(TIOCGSOFTCAR, sizeof(int)),
	SILENT(TIOCSSOFTCAR),
	WRITES(FIONREAD, sizeof(int)),
	REFERS(TIOCLINUX, 0),
	SILENT(TIOCCONS),
	WRITES(TIOCGSERIAL, sizeof(struct serial_struct)),
	SILENT(TIOCSSERIAL),
	SILENT(TIOCPKT),
	SILENT(FIONBIO),
	SILENT(TIOCNOTTY),
	SILENT(TIOCSETD),
	WRITES(TIOCGETD, sizeof(int)),
	SILENT(TCSBRKP),
	SILENT(TIOCSBRK),
	SILENT(TIOCCBRK),
	WRITES(TIOCGSID, sizeof(pid_t)),
	WRITES(TIOCGRS485, sizeof(struct serial_rs485)),
	WRITES(TIOCSRS485, sizeof(struct serial_rs485)),
	WRITES(TCGETX, TERMIOX_BYTES),
	SILENT(TCSETX),
	SILENT(TIOCVHANGUP),
	SILENT(FIONCLEX),
	SILENT(FIOCLEX),
	SILENT(FIOASYNC),
	WRITES(TIOCGLCKTRMIOS, TERMIOS_BYTES),
	SILENT(TIOCSLCKTRMIOS),
	SILENT(TIOCMIWAIT),
	WRITES(TIOCGICOUNT, sizeof(struct serial_icounter_struct)),
	WRITES(FIOQSIZE, sizeof(int64_t)),
	WRITES(KDGKBTYPE, 1),
	WRITES(KDGETLED, 1),
	WRITES(KDGETMODE, sizeof(int)),
	WRITES(KDGKBMODE, sizeof(int)),
	WRITES(VT_OPENQRY, sizeof(int)),
	WRITES(VT_GETMODE, sizeof(struct vt_mode)),
	WRITES(VT_GETSTATE, sizeof(struct vt_stat)),
	WRITES(FIBMAP, sizeof(int)),
	WRITES(FIGETBSZ, sizeof(int)),
	/* Encoded as longs, but the kernel reads and writes ints. */
	WRITES(FS_IOC_GETFLAGS, sizeof(int)),
	WRITES(FS_IOC_GETVERSION, sizeof(int)),
	WRITES(BLKROGET, sizeof(int)),
	WRITES(BLKGETSIZE, sizeof(uint64_t)),
	WRITES(BLKRAGET, sizeof(uint64_t)),
	WRITES(BLKFRAGET, sizeof(uint64_t)),
	WRITES(BLKSECTGET, sizeof(uint16_t)),
	WRITES(BLKSSZGET, sizeof(int)),
	WRITES(BLKIOMIN, sizeof(int)),
	WRITES(BLKIOOPT, sizeof(int)),
	WRITES(BLKALIGNOFF, sizeof(int)),
	WRITES(BLKPBSZGET, sizeof(int)),
	WRITES(BLKDISCARDZEROES, sizeof(int)),
	WRITES(BLKROTATIONAL, sizeof(uint16_t)),
	WRITES(HDIO_GETGEO, sizeof(struct hd_geometry)),
	WRITES(LOOP_GET_STATUS, sizeof(struct loop_info)),
	WRITES(LOOP_GET_STATUS64, sizeof(struct loop_info64)),
	WRITES(0x2282 /* SG_GET_VERSION_NUM */, sizeof(int)),
	REFERS(0x2285 /* SG_IO */, 88),
	WRITES(0x5382 /* SCSI_IOCTL_GET_IDLUN */, 8),
	WRITES(0xb704 /* NS_GET_OWNER_UID */, sizeof(uid_t)),
	/* Encoded as an int, but it writes the whole request. */
	WRITES(TUNGETIFF, sizeof(struct ifreq)),
	WRITES(FIOGETOWN, sizeof(int)),
	WRITES(SIOCGPGRP, sizeof(int)),
	WRITES(SIOCATMARK, sizeof(int)),
	WRITES(SIOCGSTAMP_OLD, sizeof(struct timeval)),
	WRITES(SIOCGSTAMPNS_OLD, sizeof(struct timespec)),
	WRITES(SIOCGIFNAME, sizeof(struct ifreq)),
	WRITES(SIOCGIFFLAGS, sizeof(struct ifreq)),
	WRITES(SIOCGIFADDR, sizeof(struct ifreq)),
	WRITES(SIOCGIFDSTADDR, sizeof(struct ifreq)),
	WRITES(SIOCGIFBRDADDR, sizeof(struct ifreq)),
	WRITES(SIOCGIFNETMASK, sizeof(struct ifreq)),
	WRITES(SIOCGIFMETRIC, sizeof(struct ifreq)),
	WRITES(SIOCGIFMEM, sizeof(struct ifreq)),
	WRITES(SIOCGIFMTU, sizeof(struct ifreq)),
	WRITES(SIOCGIFHWADDR, sizeof(struct ifreq)),
	WRITES(SIOCGIFSLAVE, sizeof(struct ifreq)),
	WRITES(SIOCGIFINDEX, sizeof(struct ifreq)),
	WRITES(SIOCGIFPFLAGS, sizeof(struct ifreq)),
	WRITES(SIOCGIFTXQLEN, sizeof(struct ifreq)),
	WRITES(SIOCGIFMAP, sizeof(struct ifreq)),
	WRITES(SIOCGMIIPHY, sizeof(struct ifreq)),
	WRITES(SIOCGMIIREG, sizeof(struct ifreq)),
	REFERS(SIOCETHTOOL, sizeof(struct ifreq)),
	WRITES(SIOCOUTQNSD, sizeof(int)),
	WRITES(SIOCGARP, sizeof(struct arpreq)),
	SILENT(SIOCSIFFLAGS),
	SILENT(SIOCSIFADDR),
	SILENT(SIOCSIFNETMASK),
	SILENT(SIOCSIFMTU),
	SILENT(SIOCADDRT),
	SILENT(SIOCDELRT),
	/* Data behind further pointers. */
	REFERS(0xc0606610 /* PAGEMAP_SCAN */, 96),
};

static const struct ioctl_row *row_find(uint32_t command)
{
	for (size_t i = 0; i < mw_array_size(ioctl_rows); i++)
		if (ioctl_rows[i].command == command)
			return &ioctl_rows[i];
	return NULL;
}

static struct mw_syscall_buffer *push_request(struct mw_syscall_lister *lister, uint64_t size)
{
	struct mw_syscall_buffer *request = mw_syscall_push_arg(lister, 2, size);

	/* Some commands report in their request why they failed (UFFDIO_COPY). */
	if (request) {
		request->reads = true;
		request->fill.when = MW_WHEN_ALWAYS;
	}
	return request;
}

/** The list of interfaces, and the header that says how long it is. */
static void list_interfaces(struct mw_syscall_lister *lister)
{
	struct mw_syscall_buffer *request, *interfaces;
	mw_addr at = mw_addr_make(lister->args[2]);
	struct ifconf header;

	if (!mw_syscall_read(lister, at, &header, sizeof(header)))
		return;
	request = push_request(lister, sizeof(header));
	if (!request || header.ifc_len <= 0)
		return;
	interfaces =
		mw_syscall_push_slot(lister, mw_addr_add(at, offsetof(struct ifconf, ifc_buf)),
				     (uint64_t)(uintptr_t)header.ifc_buf, (uint64_t)header.ifc_len);
	if (interfaces)
		interfaces->fill = (struct mw_syscall_fill){
			.amount = MW_AMOUNT_TOLD,
			.told_width = sizeof(header.ifc_len),
			.told_index = (uint8_t)(request - lister->ret->items),
			.told_offset = offsetof(struct ifconf, ifc_len),
		};
}

/** A request with an array behind it. */
static void list_extents(struct mw_syscall_lister *lister)
{
	struct fiemap request;

	if (!mw_syscall_read(lister, mw_addr_make(lister->args[2]), &request, sizeof(request)))
		return;
	push_request(lister, sizeof(request) + (uint64_t)request.fm_extent_count *
						       sizeof(struct fiemap_extent));
}

static void list_duplicates(struct mw_syscall_lister *lister)
{
	struct file_dedupe_range request;

	if (!mw_syscall_read(lister, mw_addr_make(lister->args[2]), &request, sizeof(request)))
		return;
	push_request(lister, sizeof(request) + (uint64_t)request.dest_count *
						       sizeof(struct file_dedupe_range_info));
}

static void list_encoded(struct mw_syscall_lister *lister, uint32_t command)
{
	if (_IOC_DIR(command) & _IOC_READ)
		push_request(lister, _IOC_SIZE(command));
	else if (_IOC_DIR(command) == _IOC_NONE)
		lister->ret->unknown = true;
}

void mw_syscall_list_ioctl(struct mw_syscall_lister *lister)
{
	uint32_t command = (uint32_t)lister->args[1];
	const struct ioctl_row *row = row_find(command);

	if (row) {
		push_request(lister, row->size);
		lister->ret->unknown = row->unknown;
		return;
	}
	switch (command) {
	case SIOCGIFCONF:
		list_interfaces(lister);
		break;
	case FS_IOC_FIEMAP:
		list_extents(lister);
		break;
	case FIDEDUPERANGE:
		list_duplicates(lister);
		break;
	default:
		list_encoded(lister, command);
	}
}
