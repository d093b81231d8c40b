#include "textflag.h"

// func blobAddr() unsafe.Pointer
TEXT ·blobAddr(SB), NOSPLIT, $0-8
	LEAQ ·blob(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func vforkCell(elf, ram, ctl uintptr, argv **byte, empty *byte) (pid int)
//
// vfork, then in the child: the memfds become 3 and 4, all else is closed, and
// the image is exec'd. All signals are blocked and stay so in the child. After
// the clone only registers are used, for the stack is the parent's.
TEXT ·vforkCell(SB), NOSPLIT, $16-48
	MOVQ $-1, AX
	MOVQ AX, mask-8(SP)
	MOVL $14, AX               // rt_sigprocmask(SIG_SETMASK)
	MOVL $2, DI
	LEAQ mask-8(SP), SI
	LEAQ old-16(SP), DX
	MOVL $8, R10
	SYSCALL
	MOVQ elf+0(FP), R12
	MOVQ ram+8(FP), R13
	MOVQ ctl+16(FP), R14
	MOVQ argv+24(FP), BX
	MOVQ empty+32(FP), R15
	MOVL $56, AX
	MOVL $0x4111, DI           // CLONE_VM|CLONE_VFORK|SIGCHLD
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE  parent
	MOVL $33, AX               // dup2
	MOVQ R13, DI
	MOVL $3, SI
	SYSCALL
	MOVL $33, AX
	MOVQ R14, DI
	MOVL $4, SI
	SYSCALL
	MOVL $292, AX              // dup3(elf, 5, O_CLOEXEC)
	MOVQ R12, DI
	MOVL $5, SI
	MOVL $0x80000, DX
	SYSCALL
	MOVL $436, AX              // close_range(0, 2), (6, ~0)
	XORL DI, DI
	MOVL $2, SI
	XORL DX, DX
	SYSCALL
	TESTQ AX, AX
	JNE  bad
	MOVL $436, AX
	MOVL $6, DI
	MOVL $-1, SI
	XORL DX, DX
	SYSCALL
	MOVL $322, AX              // execveat(5, "", argv, envp, AT_EMPTY_PATH)
	MOVL $5, DI
	MOVQ R15, SI
	MOVQ BX, DX
	LEAQ 8(BX), R10            // the null that ends argv
	MOVL $0x1000, R8
	SYSCALL
bad:
	MOVQ AX, DI
	NEGQ DI
	MOVL $60, AX
	SYSCALL
parent:
	MOVQ AX, ret+40(FP)
	MOVL $14, AX
	MOVL $2, DI
	LEAQ old-16(SP), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	RET

// func spinUntil(addr *uint32, val uint32, cycles uint64) bool
TEXT ·spinUntil(SB), NOSPLIT, $0-25
	MOVQ addr+0(FP), DI
	MOVL val+8(FP), SI
	MOVQ cycles+16(FP), R8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ AX, R8
again:
	MOVL (DI), CX
	CMPL CX, SI
	JEQ  hit
	PAUSE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	CMPQ AX, R8
	JCS  again
	MOVB $0, ret+24(FP)
	RET
hit:
	MOVB $1, ret+24(FP)
	RET

// func yieldUntil(addr *uint32, val uint32, cycles uint64) bool
TEXT ·yieldUntil(SB), NOSPLIT, $0-25
	MOVQ addr+0(FP), R12
	MOVL val+8(FP), R13
	MOVQ cycles+16(FP), R9
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ AX, R9
yagain:
	MOVL (R12), CX
	CMPL CX, R13
	JEQ  yhit
	MOVL $24, AX               // sched_yield
	SYSCALL
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	CMPQ AX, R9
	JCS  yagain
	MOVB $0, ret+24(FP)
	RET
yhit:
	MOVB $1, ret+24(FP)
	RET

// func rdtsc() uint64
TEXT ·rdtsc(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET
