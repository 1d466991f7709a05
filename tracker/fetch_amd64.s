#include "textflag.h"

// func fetch(p unsafe.Pointer, pairs int)
TEXT ·fetch(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ p+0(FP), AX
	MOVQ pairs+8(FP), CX
pair:
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	ADDQ $128, AX
	DECQ CX
	JNZ  pair
	RET
