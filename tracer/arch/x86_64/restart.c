// SPDX-License-Identifier: MIT
#include "tracer/arch.h"

#include <sys/syscall.h>

/*
 * signal(7), "Interruption of system calls": these fail with EINTR even without a handler once a
 * stop interrupts them. close() and connect() are not here: their EINTR is not "nothing happened".
 */
static const int64_t repeatable[] = {
	SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_rt_sigtimedwait, SYS_semop,
	SYS_semtimedop, SYS_read,        SYS_readv,        SYS_write,           SYS_writev,
	SYS_recvfrom,   SYS_recvmsg,     SYS_recvmmsg,     SYS_sendto,          SYS_sendmsg,
	SYS_sendmmsg,   SYS_accept,      SYS_accept4,      SYS_io_getevents,    SYS_io_pgetevents,
	SYS_msgrcv,     SYS_msgsnd,
};

bool mw_arch_syscall_is_repeatable(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(repeatable); i++)
		if (repeatable[i] == number)
			return true;
	return false;
}
