/* SPDX-License-Identifier: MIT */
/* A 32-bit program without a libc: stores in a loop, sleeping between, until it is killed. */
	.code32
	.globl _start
	.data
	.globl counter
counter:
	.long 0
pause:
	.long 0, 10000000
	.text
_start:
	incl counter
	mov $162, %eax
	mov $pause, %ebx
	xor %ecx, %ecx
	int $0x80
	jmp _start
	.section .note.GNU-stack, "", @progbits
