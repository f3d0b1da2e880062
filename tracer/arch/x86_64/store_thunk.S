// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_thunk.h"

	.text
	.globl	mw_x86_thunk
	.hidden	mw_x86_thunk
	.type	mw_x86_thunk, @function
	.balign	16
mw_x86_thunk:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15

	# The frame is found again on the stack: no register is free behind the instruction.
	push	%rdi
	push	X86_FRAME_CODE(%rdi)

	mov	X86_FRAME_LOAD(%rdi), %eax
	test	%eax, %eax
	jz	1f
	fnstcw	X86_FRAME_FCW(%rdi)
	stmxcsr	X86_FRAME_INIT + X86_IMAGE_MXCSR(%rdi)
	xor	%edx, %edx
	xrstor64 X86_FRAME_IMAGE(%rdi)
	ldmxcsr	X86_FRAME_IMAGE + X86_IMAGE_MXCSR(%rdi)
1:
	push	X86_FRAME_FLAGS(%rdi)
	popfq
	mov	0(%rdi), %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rbx
	mov	40(%rdi), %rbp
	mov	48(%rdi), %rsi
	mov	64(%rdi), %r8
	mov	72(%rdi), %r9
	mov	80(%rdi), %r10
	mov	88(%rdi), %r11
	mov	96(%rdi), %r12
	mov	104(%rdi), %r13
	mov	112(%rdi), %r14
	mov	120(%rdi), %r15
	mov	56(%rdi), %rdi

	call	*(%rsp)

	push	%rdi
	mov	16(%rsp), %rdi
	mov	%rax, 0(%rdi)
	mov	%rcx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rbx, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%rsi, 48(%rdi)
	mov	%r8, 64(%rdi)
	mov	%r9, 72(%rdi)
	mov	%r10, 80(%rdi)
	mov	%r11, 88(%rdi)
	mov	%r12, 96(%rdi)
	mov	%r13, 104(%rdi)
	mov	%r14, 112(%rdi)
	mov	%r15, 120(%rdi)
	pop	56(%rdi)
	pushfq
	pop	X86_FRAME_FLAGS(%rdi)

	mov	X86_FRAME_SAVE(%rdi), %eax
	test	%eax, %eax
	jz	2f
	xor	%edx, %edx
	xsave64	X86_FRAME_IMAGE(%rdi)
2:
	mov	X86_FRAME_LOAD(%rdi), %eax
	test	%eax, %eax
	jz	3f
	xor	%edx, %edx
	xrstor64 X86_FRAME_INIT(%rdi)
	ldmxcsr	X86_FRAME_INIT + X86_IMAGE_MXCSR(%rdi)
	fldcw	X86_FRAME_FCW(%rdi)
3:
	add	$16, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	mw_x86_thunk, . - mw_x86_thunk

	.section .note.GNU-stack, "", @progbits
