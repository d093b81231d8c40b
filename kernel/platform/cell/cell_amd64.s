#include "textflag.h"

// The cell: position-independent code that image.go copies into an ELF file.
// It runs in the host process of a guest, never in the kernel. See layout.go
// for the numbers.
#define BASE    0x7ff000000000
#define TOPLEN  0x000fffffd000
#define IMGSIZE 0x2000
#define DATA    0x7ff000000c00
#define BATCH   0x7ff000010000
#define AREA0   0x7ff010000000
#define DONEOFF 0x8000

// Mailbox fields.
#define M_STATE 0
#define M_KWAIT 4
#define M_GWAIT 8
#define M_SIG   12
#define M_FRAME 16
#define M_FS    24
#define M_GS    32
#define M_SPIN  40
#define M_SET   48
#define M_TID   52
#define M_PID   56
#define M_PARK  64

// Order page fields.
#define B_SEQ   0
#define B_N     4
#define B_TOKEN 8
#define B_KWAIT 16
#define B_REPLY 20
#define B_SPIN  24
#define B_WAKE  32
#define B_ENT   64

// Data of the image.
#define D_PPID  0
#define D_NSIG  8
#define D_ACT   16
#define D_SIGS  64
#define D_RLIM0 0x80
#define D_RLIMF 0x90
#define D_NAME  0xa0
#define D_MMF   0x100
#define D_GUF   0x110

// Entry jumps come first; image.go decodes them to learn the addresses.
TEXT ·blob(SB), NOSPLIT|NOFRAME, $0
	JMP boot
	JMP handler
	JMP restorer

boot:
	// Of the exec'd process nothing but the image stays: no vdso, no vvar, no stack.
	MOVL $1, BP                // BP numbers the step, for the exit status
	MOVL $11, AX               // munmap
	XORL DI, DI
	MOVQ $BASE, SI
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $2, BP
	MOVL $11, AX
	MOVQ $(BASE+IMGSIZE), DI
	MOVQ $TOPLEN, SI
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $3, BP
	MOVL $109, AX              // setpgid(0, 0): all cells are one process group
	XORL DI, DI
	XORL SI, SI
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVQ $DATA, BX
	MOVL $157, AX              // prctl(PR_SET_NAME)
	MOVL $15, DI
	LEAQ D_NAME(BX), SI
	SYSCALL
	MOVL $4, BP
	MOVL $302, AX              // prlimit64(0, RLIMIT_CORE, 0)
	XORL DI, DI
	MOVL $4, SI
	LEAQ D_RLIM0(BX), DX
	XORL R10, R10
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $302, AX              // prlimit64(0, RLIMIT_NOFILE, 8)
	XORL DI, DI
	MOVL $7, SI
	LEAQ D_RLIMF(BX), DX
	XORL R10, R10
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $5, BP
	MOVQ D_NSIG(BX), R14
	LEAQ D_SIGS(BX), R12
sigloop:
	MOVL $13, AX               // rt_sigaction
	MOVQ 0(R12), DI
	LEAQ D_ACT(BX), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	ADDQ $8, R12
	DECQ R14
	JNE  sigloop
	MOVL $6, BP
	MOVL $157, AX              // prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL $38, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $7, BP
	MOVL $317, AX              // seccomp: the mm thread's filter
	MOVL $1, DI
	XORL SI, SI
	LEAQ D_MMF(BX), DX
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	XORL R15, R15              // the template's order page is the first block
	XORL R14, R14              // and it has no thread area

slot:
	// A new cell: R15 is the file offset of its order page, R14 that of its first thread area.
	MOVL $8, BP
	MOVL $9, AX                // mmap
	MOVQ $BATCH, DI
	MOVL $0x10000, SI
	MOVL $1, DX
	MOVL $0x11, R10
	MOVL $4, R8
	MOVQ R15, R9
	SYSCALL
	CMPQ AX, $-4095
	JCC  dead
	TESTQ R14, R14
	JEQ  orphan
	MOVL $9, AX
	MOVQ $AREA0, DI
	MOVL $0x10000, SI
	MOVL $3, DX
	MOVL $0x11, R10
	MOVL $4, R8
	MOVQ R14, R9
	SYSCALL
	CMPQ AX, $-4095
	JCC  dead
orphan:
	// Die with the kernel. fork has cleared this; look at the parent to close the race.
	MOVL $9, BP
	MOVL $157, AX              // prctl(PR_SET_PDEATHSIG, SIGKILL)
	MOVL $1, DI
	MOVL $9, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $110, AX              // getppid
	SYSCALL
	MOVQ $DATA, BX
	CMPQ AX, D_PPID(BX)
	JNE  dead
	TESTQ R14, R14
	JEQ  mmstart
	MOVL $39, AX               // getpid; no guest thread is there yet that could forge it
	SYSCALL
	MOVQ $AREA0, DI
	MOVL AX, M_PID(DI)

mmstart:
	// The mm thread uses registers only and takes orders from read-only memory.
	MOVQ $BATCH, R12
	XORL R13, R13              // the last order seen
	XORL BP, BP                // 0, or 8 after a failure
	JMP  done
mmwait:
	MOVQ B_SPIN(R12), R14
	TESTQ R14, R14
	JEQ  mmsleep
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ AX, R14
mmspin:
	CMPL B_SEQ(R12), R13
	JNE  mmwork
	PAUSE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	CMPQ AX, R14
	JCS  mmspin
mmsleep:
	CMPL B_SEQ(R12), R13
	JNE  mmwork
	MOVL $202, AX              // futex(WAIT)
	MOVQ R12, DI
	XORL SI, SI
	MOVL R13, DX
	XORL R10, R10
	SYSCALL
	JMP  mmsleep
mmwork:
	MOVL B_SEQ(R12), R13
	MOVL B_N(R12), R14
	LEAQ B_ENT(R12), BX
	XORL BP, BP
	TESTL R14, R14
	JEQ  done
mmloop:
	MOVQ 0(BX), AX
	MOVQ 8(BX), DI
	MOVQ 16(BX), SI
	MOVQ 24(BX), DX
	MOVQ 32(BX), R10
	MOVQ 40(BX), R8
	MOVQ 48(BX), R9
	MOVL AX, BP                // a new task must not look at the page, which may hold the next order by then
	SYSCALL
	CMPQ AX, $-4095
	JCC  failed
	TESTQ AX, AX
	JNE  mmnext
	CMPL BP, $56
	JNE  mmnext
	// In a new task: a guest thread (shared memory) or a new cell.
	BTL  $8, DI
	JCS  gboot
	MOVQ R9, R15
	MOVQ R8, R14
	JMP  slot
mmnext:
	ADDQ $64, BX
	DECL R14
	JNE  mmloop
	XORL BP, BP
	JMP  done
failed:
	MOVL $8, BP
done:
	MOVQ B_WAKE(R12), BX       // now: after the acknowledgement the page is the kernel's again
	MOVL B_REPLY(R12), R14
	// pwrite(ctl, &token, 8, done): only this thread may, so it cannot be forged.
	MOVL $18, AX
	MOVL $4, DI
	LEAQ B_TOKEN(R12), SI
	MOVL $8, DX
	LEAQ DONEOFF(R15)(BP*1), R10
	SYSCALL
	CMPL B_KWAIT(R12), $0
	JEQ  nokwait
	MOVL $202, AX              // futex(WAKE, all)
	LEAQ DONEOFF(R12), DI
	MOVL $1, SI
	MOVL $0x7fffffff, DX
	SYSCALL
nokwait:
	// Let the guest thread go that waits for this order, or ask it whether it waits.
	TESTQ BX, BX
	JEQ  mmwait
	TESTL BP, BP
	JNE  mmwait
	XCHGL R14, M_STATE(BX)
	CMPL M_GWAIT(BX), $0
	JEQ  mmwait
	MOVL $202, AX
	MOVQ BX, DI
	MOVL $1, SI
	MOVL $0x7fffffff, DX
	SYSCALL
	JMP  mmwait

gboot:
	// A guest thread: SP is its area + 4096. Its own filter first; its signals
	// are unblocked and its stack is set by the first sigreturn.
	LEAQ -0x1000(SP), R12
	MOVL $186, AX              // gettid
	SYSCALL
	MOVL AX, M_TID(R12)
	MOVL $10, BP
	MOVL $317, AX
	MOVL $1, DI
	XORL SI, SI
	MOVQ $(DATA+D_GUF), DX
	SYSCALL
	TESTQ AX, AX
	JNE  dead
	MOVL $0, M_SIG(R12)
	JMP  post

handler:
	// SP is the signal frame on the alternate stack, inside the 64 KB thread area.
	MOVQ SP, R12
	ANDQ $~0xffff, R12
	MOVQ SP, M_FRAME(R12)
	MOVL DI, M_SIG(R12)
	RDFSBASEQ AX
	MOVQ AX, M_FS(R12)
	RDGSBASEQ AX
	MOVQ AX, M_GS(R12)
post:
	XORL BP, BP                // 1: the mm thread was woken in this wait
	MOVL $1, AX
	XCHGL AX, M_STATE(R12)
	XORL R15, R15              // 1: the kernel sleeps and will take long to answer
	CMPL M_KWAIT(R12), $0
	JEQ  wait
	MOVL $1, R15
	MOVL $0, M_KWAIT(R12)
	MOVL $202, AX
	LEAQ M_KWAIT(R12), DI
	MOVL $1, SI
	MOVL $0x7fffffff, DX
	SYSCALL
wait:
	MOVQ M_SPIN(R12), R13
	TESTQ R13, R13
	JEQ  sleep
	MOVQ R13, BX
	SHRQ $63, BX               // the top bit: yield while waiting
	BTRQ $63, R13
	TESTQ R15, R15
	JEQ  short
	LEAQ (R13)(R13*2), R13
short:
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ AX, R13
spin:
	MOVL M_STATE(R12), R14
	CMPL R14, $2
	JEQ  awake
	CMPL R14, $3
	JEQ  ping
	CMPL R14, $5
	JEQ  sleep
	CMPL R14, $7
	JEQ  park
look:
	TESTQ BX, BX
	JEQ  nice
	MOVL $24, AX               // sched_yield
	SYSCALL
nice:
	PAUSE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	CMPQ AX, R13
	JCS  spin
	JMP  sleep
park:
	// The task sleeps. Let others have this processor; only if its sleeps have been short stay around for one more.
	CMPL R15, $2
	JEQ  look
	MOVL $2, R15
	MOVQ M_PARK(R12), R13
	TESTQ R13, R13
	JEQ  sleep
	MOVL $1, BX
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ AX, R13
	JMP  look
sleep:
	MOVL $1, AX
	XCHGL AX, M_GWAIT(R12)
sloop:
	MOVL M_STATE(R12), R14
	CMPL R14, $2
	JEQ  awake
	CMPL R14, $3
	JEQ  ping
	CMPL R14, $5
	JEQ  handoff
snooze:
	MOVL $202, AX
	MOVQ R12, DI
	XORL SI, SI
	MOVL R14, DX
	XORL R10, R10
	SYSCALL
	JMP  sloop
handoff:
	// Give this processor to the mm thread, once.
	TESTL BP, BP
	JNE  snooze
	MOVL $1, BP
	MOVL $202, AX
	MOVQ $BATCH, DI
	MOVL $1, SI
	MOVL $0x7fffffff, DX
	SYSCALL
	JMP  sloop
ping:
	MOVL $4, AX
	XCHGL AX, M_STATE(R12)
	JMP  sleep
awake:
	MOVL $0, M_GWAIT(R12)
	MOVL $0, M_STATE(R12)
	MOVL M_SET(R12), BX
	TESTL $1, BX
	JEQ  nofs
	MOVQ M_FS(R12), AX
	WRFSBASEQ AX
nofs:
	TESTL $2, BX
	JEQ  nogs
	MOVQ M_GS(R12), AX
	WRGSBASEQ AX
nogs:
	MOVQ M_FRAME(R12), SP
	ADDQ $8, SP
restorer:
	MOVL $15, AX               // rt_sigreturn
	SYSCALL
	INT  $3

dead:
	MOVL $231, AX              // exit_group
	LEAQ 64(BP), DI
	SYSCALL
	JMP  dead
	QUAD $0x6b72614d646e4521   // "!EndMark"
	RET
