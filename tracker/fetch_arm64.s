#include "textflag.h"

// func fetch(p unsafe.Pointer, pairs int)
TEXT ·fetch(SB), NOSPLIT|NOFRAME, $0-16
	MOVD p+0(FP), R0
	MOVD pairs+8(FP), R1
pair:
	PRFM (R0), PLDL1KEEP
	PRFM 64(R0), PLDL1KEEP
	ADD  $128, R0
	SUBS $1, R1
	BNE  pair
	RET
