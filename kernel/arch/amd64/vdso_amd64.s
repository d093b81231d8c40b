#include "textflag.h"

// The vDSO's code. vdso.go copies it into an image that runs in user space, below
// which lie the kernel's time page and the machine's clock page. It touches only registers that the
// System V ABI lets a function spoil.
#define CODEOFF 0x400

// The time page (TimePage).
#define P_SEQ   (-0x2000-CODEOFF)
#define P_VALID (P_SEQ+4)
#define P_TSC   (P_SEQ+8)
#define P_BASE  (P_SEQ+16)
#define P_MULT  (P_SEQ+24)
#define P_MAX   (P_SEQ+32)
#define P_WALL  (P_SEQ+40)

// The clock page (machine/layout.ClockPage).
#define C_SEQ    (-0x1000-CODEOFF)
#define C_FROZEN (C_SEQ+4)
#define C_OFFSET (C_SEQ+8)
#define C_FLOOR  (C_SEQ+16)

#define SYS_gettimeofday  96
#define SYS_time          201
#define SYS_clock_gettime 228
#define SYS_getcpu        309

// Entry jumps come first; vdso.go decodes them to learn the addresses.
TEXT ·vdsoCode(SB), NOSPLIT|NOFRAME, $0
	JMP clockgettime
	JMP gettimeofday
	JMP time
	JMP getcpu

clockgettime: // (clock DI, *timespec SI)
	MOVL $SYS_clock_gettime, R10
	CMPL DI, $7
	JHI  ask
	MOVL $0xf3, AX // REALTIME, MONOTONIC, their _RAW and _COARSE, BOOTTIME
	BTL  DI, AX
	JCC  ask
	JMP  now

gettimeofday: // (*timeval DI, *timezone SI)
	MOVL $SYS_gettimeofday, R10
	JMP  now

time: // (*time_t DI)
	MOVL $SYS_time, R10

now:
	// AX = virtual time, CX = wall time at virtual time 0; or the kernel is asked: while somebody writes
	// a page, while the clock is frozen, and when the parameters are old.
	LEAQ ·vdsoCode(SB), R11
	MOVL P_SEQ(R11), R8
	MOVL C_SEQ(R11), R9
	MOVL R8, AX
	ORL  R9, AX
	ORL  C_FROZEN(R11), AX
	TESTL $1, AX
	JNE  ask
	CMPL P_VALID(R11), $1
	JNE  ask
	LFENCE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ P_TSC(R11), AX
	CMPQ AX, P_MAX(R11)
	JHI  ask
	MULQ P_MULT(R11)      // DX:AX = ticks × (ns << 32)
	SHRQ $32, DX, AX
	ADDQ P_BASE(R11), AX  // the host's monotonic time
	SUBQ C_OFFSET(R11), AX
	CMPQ AX, C_FLOOR(R11)
	JGE  above
	MOVQ C_FLOOR(R11), AX
above:
	MOVQ P_WALL(R11), CX
	CMPL R9, C_SEQ(R11)
	JNE  now
	CMPL R8, P_SEQ(R11)
	JNE  now

	CMPL R10, $SYS_clock_gettime
	JNE  wall
	MOVL $0x21, DX // REALTIME, REALTIME_COARSE
	BTL  DI, DX
	JCC  split
wall:
	ADDQ CX, AX
split:
	TESTQ AX, AX
	JLT  ask // before 1970: let the kernel round
	XORL DX, DX
	MOVQ $1000000000, CX
	DIVQ CX // AX = seconds, DX = nanoseconds
	CMPL R10, $SYS_clock_gettime
	JNE  notclock
	MOVQ AX, (SI)
	MOVQ DX, 8(SI)
	XORL AX, AX
	RET

notclock:
	CMPL R10, $SYS_time
	JNE  timeval
	TESTQ DI, DI
	JEQ  done
	MOVQ AX, (DI)
done:
	RET

timeval:
	TESTQ SI, SI
	JEQ  nozone
	MOVQ $0, (SI)
nozone:
	TESTQ DI, DI
	JEQ  zero
	MOVQ AX, (DI)
	MOVQ DX, AX
	XORL DX, DX
	MOVQ $1000, CX
	DIVQ CX
	MOVQ AX, 8(DI)
zero:
	XORL AX, AX
	RET

getcpu: // (*cpu DI, *node SI, unused DX)
	MOVL $SYS_getcpu, R10
ask:
	MOVL R10, AX
	SYSCALL
	RET
	BYTE $'!'; BYTE $'E'; BYTE $'n'; BYTE $'d'; BYTE $'M'; BYTE $'a'; BYTE $'r'; BYTE $'k'

// func vdsoAddr() unsafe.Pointer
TEXT ·vdsoAddr(SB), NOSPLIT, $0-8
	LEAQ ·vdsoCode(SB), AX
	MOVQ AX, ret+0(FP)
	RET
