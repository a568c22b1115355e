/*
 * __x86_indirect_thunk_REG: note (return address, callee) in record.c, then jump to the callee. No register but r11 changes;
 * r11 itself may hold the callee, so the callee is kept on the stack and reached by `ret`.
 */
#include <linux/linkage.h>

.macro THUNK reg
SYM_FUNC_START(__x86_indirect_thunk_\reg)
	pushq	%\reg
	pushfq
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	movq	88(%rsp), %rdi		/* return address: the site */
	movq	80(%rsp), %rsi		/* the callee */
	cld
	call	record_indirect_call
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	popfq
	ret
SYM_FUNC_END(__x86_indirect_thunk_\reg)
.endm

.section .noinstr.text, "ax"
.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
THUNK \reg
.endr

/* Without -fipa-cp a call that can never be made (of a function that only 32-bit programs need) is left in arch/x86/kernel/fpu/signal.c. */
SYM_FUNC_START(convert_to_fxsr)
	ud2
SYM_FUNC_END(convert_to_fxsr)
