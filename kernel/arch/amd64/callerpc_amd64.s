#include "textflag.h"

// func CallerPC() uintptr
// BP is the caller's frame: its return address lies above the saved BP.
TEXT ·CallerPC(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ 8(BP), AX
	MOVQ AX, ret+0(FP)
	RET
